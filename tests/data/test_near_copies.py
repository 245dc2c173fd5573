"""Near-copies: found however they were made, and different images are left alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from tlearn.data import near_copies
from tlearn.data.near_copies import CopyPair, copy_groups, find_near_copies
from tlearn.data.pixel_store import store_pixels

SIDE = 96


def scene(seed: int) -> Image.Image:
    """A picture with large and small parts: blobs of color, and some lines."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (7, 7, 3), dtype=np.uint8))
    image = coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(image)
    for _ in range(12):
        x, y = rng.integers(0, SIDE, 2).tolist()
        radius = int(rng.integers(2, 14))
        color = tuple(rng.integers(0, 256, 3).tolist())
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color)
    return image.filter(ImageFilter.GaussianBlur(0.7))


def letter(seed: int) -> Image.Image:
    """A few strokes on white, in black and white only."""
    rng = np.random.default_rng(seed)
    image = Image.new("1", (SIDE, SIDE), 1)
    points = rng.integers(16, SIDE - 16, (4, 2))
    ImageDraw.Draw(image).line([(x, y) for x, y in points.tolist()], fill=0, width=4)
    return image


def framed(image: Image.Image) -> Image.Image:
    return ImageOps.expand(image, 9, "navy")


def watermarked(image: Image.Image) -> Image.Image:
    mask = Image.new("L", image.size)
    ImageDraw.Draw(mask).text((12, 40), "SAMPLE COPY", fill=130)
    return Image.composite(Image.new("RGB", image.size, "white"), image, mask)


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "resized": lambda image: image.resize((60, 75)),
    "cropped": lambda image: image.crop((15, 3, 93, 81)),
    "mirrored": ImageOps.mirror,
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.3),
    "flatter": lambda image: ImageEnhance.Contrast(image).enhance(0.6),
    "gray": lambda image: ImageOps.grayscale(image),
    "tinted": lambda image: Image.blend(image, Image.new("RGB", image.size, "orange"), 0.25),
    "framed": framed,
    "watermarked": watermarked,
    "turned": lambda image: image.rotate(4, Image.Resampling.BICUBIC),
    "mirrored and cropped": lambda image: ImageOps.mirror(image).crop((0, 10, 80, 90)),
    "framed and resized": lambda image: framed(image).resize((70, 70)),
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Sequence[Image.Image]], list[Path]]:
    def write_all(images: Sequence[Image.Image]) -> list[Path]:
        paths = [tmp_path / f"{number}.png" for number in range(len(images))]
        for path, image in zip(paths, images, strict=True):
            image.save(path)
        return paths

    return write_all


def find(paths: Sequence[Path], size: int = SIDE) -> list[CopyPair]:
    return find_near_copies(store_pixels(paths, size, "squash", paths[0].parent / "cache"))


@pytest.mark.parametrize("how", COPIES)
def test_a_copy_is_found_among_different_images(
    how: str, write: Callable[[Sequence[Image.Image]], list[Path]]
) -> None:
    originals = [scene(seed) for seed in range(24)]
    copies = [COPIES[how](image) for image in originals[:6]]
    groups = copy_groups(find(write([*originals, *copies])))
    assert groups == [[row, 24 + row] for row in range(6)]


def test_a_copy_saved_anew_is_found(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.png", "a.jpg", "b.png", "b.webp", "c.png")]
    for seed, (path, options) in enumerate(
        [(paths[0], {}), (paths[1], {"quality": 20}), (paths[2], {}), (paths[3], {"quality": 25})]
    ):
        scene(seed // 2).save(path, **options)
    scene(2).save(paths[4])
    assert copy_groups(find(paths)) == [[0, 1], [2, 3]]


def test_pairs_tell_how_the_images_relate(
    write: Callable[[Sequence[Image.Image]], list[Path]],
) -> None:
    images = [scene(seed) for seed in range(12)]
    images += [images[0], ImageOps.mirror(images[1]), images[2].crop((10, 10, 88, 88))]
    images.append(ImageEnhance.Contrast(images[3]).enhance(0.7))
    assert {(pair.first, pair.second, pair.kind) for pair in find(write(images))} == {
        (0, 12, "equal pixels"),
        (1, 13, "mirrored"),
        (14, 2, "part of"),
        (3, 15, "near copy"),
    }


def test_frames_of_a_burst_form_one_group(
    write: Callable[[Sequence[Image.Image]], list[Path]],
) -> None:
    wide = scene(50).resize((160, 160))
    frames = [wide.crop((x, 10, x + 110, 120)) for x in range(0, 40, 5)]
    rest = [scene(seed) for seed in range(20)]
    assert copy_groups(find(write([*frames, *rest]))) == [list(range(len(frames)))]


def blank(seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    shades = rng.integers(150, 240) + rng.normal(0, 1.5, (SIDE, SIDE, 3))
    return Image.fromarray(shades.clip(0, 255).astype(np.uint8))


def noise(seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8))


def gradient(seed: int) -> Image.Image:
    """Light that falls off from the center, and nothing in it."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]  # type: ignore[misc]
    shades = 220 - 50 * (x**2 + y**2) + np.random.default_rng(seed).normal(0, 2, (SIDE, SIDE))
    return Image.fromarray(shades.astype(np.uint8)).convert("RGB")


@pytest.mark.parametrize("draw", [scene, letter, blank, noise, gradient])
def test_different_images_of_one_style_are_left_alone(
    draw: Callable[[int], Image.Image], write: Callable[[Sequence[Image.Image]], list[Path]]
) -> None:
    assert find(write([draw(seed) for seed in range(60)])) == []


def test_equal_blank_images_are_joined_and_others_are_not(
    write: Callable[[Sequence[Image.Image]], list[Path]],
) -> None:
    images = [Image.new("RGB", (SIDE, SIDE), (shade,) * 3) for shade in (10, 200, 200, 255)]
    assert find(write(images)) == [CopyPair(1, 2, "equal pixels")]


def test_letters_are_found_again(write: Callable[[Sequence[Image.Image]], list[Path]]) -> None:
    letters = [letter(seed) for seed in range(30)]
    copies = [ImageOps.mirror(image.convert("L")) for image in letters[:3]]
    assert copy_groups(find(write([*letters, *copies]))) == [[row, 30 + row] for row in range(3)]


@pytest.mark.parametrize("size", [32, 96, 224])
def test_copies_are_found_at_any_size_of_the_network(
    size: int, write: Callable[[Sequence[Image.Image]], list[Path]]
) -> None:
    images = [scene(seed) for seed in range(12)]
    assert copy_groups(find(write([*images, COPIES["gray"](images[4])]), size)) == [[4, 12]]


def test_unreadable_images_are_skipped(
    write: Callable[[Sequence[Image.Image]], list[Path]],
) -> None:
    paths = write([scene(1), scene(2), scene(1)])
    paths[1].write_bytes(b"no image")
    assert find(paths) == [CopyPair(0, 2, "equal pixels")]
    for path in paths:
        path.write_bytes(b"nothing")
    assert find(paths) == []


def test_one_image_has_no_copies(write: Callable[[Sequence[Image.Image]], list[Path]]) -> None:
    assert find(write([scene(1)])) == []


def test_the_answer_is_kept_and_does_not_depend_on_the_order(
    write: Callable[[Sequence[Image.Image]], list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = write([*(scene(seed) for seed in range(12)), framed(scene(3))])
    assert copy_groups(find(paths)) == [[3, 12]]

    def fail(*arguments: object) -> None:
        raise AssertionError("compared again")

    monkeypatch.setattr(near_copies, "_compare_all", fail)
    assert copy_groups(find(paths[::-1])) == [[0, 9]]
    with pytest.raises(AssertionError):
        find(paths[:-1])


def test_a_damaged_answer_is_computed_again(
    write: Callable[[Sequence[Image.Image]], list[Path]],
) -> None:
    paths = write([*(scene(seed) for seed in range(6)), framed(scene(3))])
    expected = find(paths)
    (kept,) = paths[0].parent.rglob("copies-*.npz")
    kept.write_bytes(kept.read_bytes()[:-40])
    assert find(paths) == expected


def test_one_wrong_pair_does_not_join_large_groups() -> None:
    def video(start: int, frames: int) -> list[CopyPair]:
        near = [(a, b) for a in range(frames) for b in (a + 1, a + 2) if b < frames]
        return [CopyPair(start + a, start + b, "near copy") for a, b in near]

    pairs = [*video(0, 30), *video(30, 30), CopyPair(29, 30, "near copy")]
    assert copy_groups(pairs) == [list(range(30)), list(range(30, 60))]


def test_a_chain_of_pairs_that_nothing_supports_is_no_group() -> None:
    chain = [CopyPair(row, row + 1, "near copy") for row in range(200)]
    assert copy_groups(chain) == []
    assert copy_groups(chain[:3]) == [[0, 1, 2, 3]]
    equal = [CopyPair(0, row, "equal pixels") for row in range(1, 50)]
    assert copy_groups(equal) == [list(range(50))]
