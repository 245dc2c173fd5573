"""Every kind of file a folder may hold, and the three resize rules."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFile

from tlearn.data import decode as decoder
from tlearn.data.decode import UnreadableImageError, decode, read_image

# tlearn ignores these warnings for the process; pytest sets its own filters.
pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:PIL"),
    pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning"),
]

SIZE = 32
GRADIENT = np.add.outer(np.arange(SIZE) * 4, np.arange(SIZE) * 3).astype(np.uint8)
COLORS = np.dstack([GRADIENT, GRADIENT[::-1], 255 - GRADIENT])


def save(path: Path, image: Image.Image, kind: str, **options: object) -> Path:
    image.save(path, kind, **options)
    return path


def pixels(path: Path, size: int = SIZE, resize: str = "squash") -> np.ndarray:
    decoded, info = read_image(path, size, resize)
    assert decoded is not None, info.problem
    assert decoded.shape == (size, size, 3) and decoded.dtype == np.uint8
    return decoded


def problem(path: Path, content: bytes | None = None) -> str:
    if content is not None:
        path.write_bytes(content)
    decoded, info = read_image(path, SIZE, "squash")
    assert decoded is None and info.problem
    assert (info.width, info.height, info.format) == (0, 0, "")
    with pytest.raises(UnreadableImageError) as raised:
        decode(path, SIZE)
    assert str(raised.value) == info.problem
    return info.problem


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_formats_are_exact(tmp_path: Path, kind: str) -> None:
    path = save(tmp_path / "x.jpg", Image.fromarray(COLORS), kind)
    assert np.array_equal(pixels(path), COLORS)
    info = read_image(path, SIZE, "crop")[1]
    assert info.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (info.width, info.height, info.format) == (SIZE, SIZE, kind)
    assert not info.rotated and info.problem is None


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF", "GIF"])
def test_lossy_formats(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.png"
    try:
        save(path, Image.fromarray(COLORS), kind, quality=95)
    except (OSError, KeyError):
        pytest.skip(f"this Pillow writes no {kind}")
    assert np.abs(pixels(path).astype(int) - COLORS).mean() < 8
    assert read_image(path, SIZE, "squash")[1].format == kind


def test_gray_modes(tmp_path: Path) -> None:
    gray = Image.fromarray(GRADIENT)
    assert np.array_equal(pixels(save(tmp_path / "l.png", gray, "PNG")), np.dstack([GRADIENT] * 3))
    bits = pixels(save(tmp_path / "1.png", gray.convert("1"), "PNG"))
    assert set(np.unique(bits)) == {0, 255}


def test_sixteen_bit_png(tmp_path: Path) -> None:
    values = GRADIENT.astype(np.uint16) * 257 + 200
    expected = np.rint(values / 257).astype(np.uint8)
    path = save(tmp_path / "x.png", Image.fromarray(values), "PNG")
    assert np.array_equal(pixels(path)[..., 0], expected)
    # The same values as a PGM, which Pillow opens as 32-bit integers.
    pgm = tmp_path / "x.pgm"
    pgm.write_bytes(b"P5\n32 32\n65535\n" + values.astype(">u2").tobytes())
    assert np.array_equal(pixels(pgm)[..., 1], expected)


def test_big_endian_sixteen_bit(tmp_path: Path) -> None:
    values = GRADIENT.astype(np.uint16) * 257
    image = Image.frombytes("I;16B", (SIZE, SIZE), values.astype(">u2").tobytes())
    path = save(tmp_path / "x.tif", image, "TIFF")
    assert np.array_equal(pixels(path)[..., 2], GRADIENT)


def test_floats_are_scaled_by_their_own_range(tmp_path: Path) -> None:
    values = GRADIENT.astype(np.float32) / 100 - 1
    low, high = values.min(), values.max()
    path = save(tmp_path / "x.tif", Image.fromarray(values), "TIFF")
    assert np.array_equal(pixels(path)[..., 0], np.rint((values - low) / (high - low) * 255))
    values[0, :3] = np.nan, np.inf, -np.inf
    decoded = pixels(save(tmp_path / "nan.tif", Image.fromarray(values), "TIFF"))
    assert decoded[0, :3, 0].tolist() == [0, 255, 0]
    flat = np.full((SIZE, SIZE), 7, np.float32)
    assert pixels(save(tmp_path / "flat.tif", Image.fromarray(flat), "TIFF")).max() == 0


def test_large_integers_are_scaled_by_their_own_range(tmp_path: Path) -> None:
    values = np.linspace(-1e6, 1e6, SIZE * SIZE).reshape(SIZE, SIZE).astype(np.int32)
    decoded = pixels(save(tmp_path / "x.tif", Image.fromarray(values), "TIFF"))
    assert decoded.min() == 0 and decoded.max() == 255


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_is_composited_on_white(tmp_path: Path, mode: str) -> None:
    image = Image.new(mode, (SIZE, SIZE), (0,) * len(mode))
    image.paste((100,) * (len(mode) - 1) + (255,), (0, 0, SIZE // 2, SIZE))
    decoded = pixels(save(tmp_path / "x.png", image, "PNG"))
    assert (decoded[:, : SIZE // 2] == 100).all() and (decoded[:, SIZE // 2 :] == 255).all()


def test_half_transparent_is_half_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (SIZE, SIZE), (0, 0, 0, 128))
    assert abs(int(pixels(save(tmp_path / "x.png", image, "PNG"))[0, 0, 0]) - 127) <= 1


@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
def test_a_color_key_is_composited_on_white(tmp_path: Path, mode: str) -> None:
    image = Image.new(mode, (SIZE, SIZE), 0)
    if mode == "P":
        image.putpalette([10, 20, 30, 40, 50, 60] + [0] * 762)
    image.paste(
        1 if mode == "P" else (40, 50, 60)[: len(mode)] if mode == "RGB" else 40,
        (0, 0, SIZE // 2, SIZE),
    )
    key = (0, 0, 0) if mode == "RGB" else 0
    decoded = pixels(save(tmp_path / "x.png", image, "PNG", transparency=key))
    assert (decoded[:, SIZE // 2 :] == 255).all()
    assert decoded[0, 0].tolist() == ([40, 40, 40] if mode == "L" else [40, 50, 60])


def test_palette_with_alpha_per_entry(tmp_path: Path) -> None:
    image = Image.new("P", (SIZE, SIZE), 1)
    image.putpalette([0, 0, 0, 9, 9, 9] + [0] * 762)
    decoded = pixels(save(tmp_path / "x.png", image, "PNG", transparency=bytes([255, 0])))
    assert (decoded == 255).all()


def test_palette_without_transparency(tmp_path: Path) -> None:
    image = Image.fromarray(COLORS).quantize(16)
    path = save(tmp_path / "x.gif", image, "GIF")
    assert np.array_equal(pixels(path), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize(("kind", "near"), [("JPEG", 6), ("TIFF", 0)])
def test_cmyk(tmp_path: Path, kind: str, near: int) -> None:
    smooth = Image.fromarray(np.dstack([GRADIENT] * 3)).convert("CMYK")
    path = save(tmp_path / "x.jpg", smooth, kind, **({"quality": 98} if kind == "JPEG" else {}))
    expected = np.asarray(smooth.convert("RGB")).astype(int)
    assert np.abs(pixels(path) - expected).mean() <= near
    assert pixels(path)[0, 0].mean() < pixels(path)[-1, -1].mean()


@pytest.mark.parametrize("mode", ["YCbCr", "LAB"])
def test_other_color_spaces(tmp_path: Path, mode: str) -> None:
    source = Image.fromarray(COLORS)
    if mode == "LAB":
        cms = pytest.importorskip("PIL.ImageCms")
        profiles = cms.createProfile("sRGB"), cms.createProfile("LAB")
        image = cms.profileToProfile(source, *profiles, outputMode="LAB")
    else:
        image = source.convert(mode)
    decoded = pixels(save(tmp_path / "x.tif", image, "TIFF")).astype(int)
    assert np.abs(decoded - COLORS).mean() < 3


@pytest.mark.parametrize("mode", ["HSV", "RGBX", "PA", "La", "RGBa"])
def test_modes_that_only_a_plugin_opens(
    tmp_path: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of them may stop a run."""
    source = Image.fromarray(COLORS)
    steps = {"PA": ["P", "PA"], "La": ["LA", "La"], "RGBa": ["RGBA", "RGBa"]}
    for step in steps.get(mode, [mode]):
        source = source.convert(step)
    if mode == "La":
        pytest.skip("Pillow converts La to LA only")
    path = save(tmp_path / "x.png", Image.fromarray(COLORS), "PNG")
    monkeypatch.setattr(Image, "open", lambda *_, **__: source)
    assert pixels(path).shape == (SIZE, SIZE, 3)


def turned(orientation: int) -> np.ndarray:
    """COLORS[:, :20] as stored for an EXIF orientation, so that it comes out upright."""
    upright = COLORS[:, :20]
    return {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: np.rot90(upright, 2).transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("resize", decoder.RESIZE_RULES)
def test_exif_orientation(tmp_path: Path, orientation: int, kind: str, resize: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    stored = Image.fromarray(np.ascontiguousarray(turned(orientation)))
    path = save(tmp_path / "x", stored, kind, exif=exif, **options)
    plain = save(tmp_path / "plain", Image.fromarray(COLORS[:, :20].copy()), "PNG")
    assert np.array_equal(pixels(path, 24, resize), pixels(plain, 24, resize))
    info = read_image(path, 24, resize)[1]
    assert (info.width, info.height) == (20, 32)
    assert info.rotated == (orientation != 1)


def test_exif_orientation_of_a_reduced_jpeg(tmp_path: Path) -> None:
    large = Image.fromarray(COLORS).resize((400, 300))
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / "x.jpg", large.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif)
    info = read_image(path, 24, "squash")[1]
    assert (info.width, info.height, info.rotated) == (400, 300, True)
    plain = save(tmp_path / "plain.png", large, "PNG")
    assert np.abs(pixels(path, 24).astype(int) - pixels(plain, 24)).mean() < 4


@pytest.mark.parametrize(
    "block", [b"Exif\0\0", b"Exif\0\0broken", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"]
)
def test_broken_exif_counts_as_none(tmp_path: Path, block: bytes) -> None:
    path = save(tmp_path / "x.jpg", Image.fromarray(COLORS), "JPEG", exif=block)
    assert np.abs(pixels(path).astype(int) - COLORS).mean() < 12
    assert not read_image(path, SIZE, "squash")[1].rotated


@pytest.mark.parametrize("value", [0, 9, 255])
def test_a_meaningless_orientation_is_ignored(tmp_path: Path, value: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    path = save(tmp_path / "x.png", Image.fromarray(COLORS), "PNG", exif=exif)
    assert np.array_equal(pixels(path), COLORS)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "TIFF", "WEBP"])
def test_first_frame_of_an_animation(tmp_path: Path, kind: str) -> None:
    frames = [Image.new("RGB", (SIZE, SIZE), color) for color in ("red", "lime", "blue")]
    options = {"lossless": True} if kind == "WEBP" else {}
    path = save(tmp_path / "x", frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert (pixels(path) == (255, 0, 0)).all()


def test_squash_scales_both_sides(tmp_path: Path) -> None:
    path = save(tmp_path / "x.png", halves(60, 30), "PNG")
    decoded = pixels(path, 20, "squash")
    assert (decoded[:, :9] == (255, 0, 0)).all() and (decoded[:, 11:] == (0, 0, 255)).all()


def halves(width: int, height: int) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (width, height), "red")
    image.paste("blue", (width // 2, 0, width, height))
    return image


def test_crop_keeps_the_center(tmp_path: Path) -> None:
    image = Image.new("RGB", (90, 30), "black")
    image.paste("red", (30, 0, 60, 30))
    decoded = pixels(save(tmp_path / "x.png", image, "PNG"), 10, "crop")
    assert (decoded[:, 1:-1] == (255, 0, 0)).all()
    tall = save(tmp_path / "y.png", image.transpose(Image.Transpose.ROTATE_90), "PNG")
    assert (pixels(tall, 10, "crop")[1:-1] == (255, 0, 0)).all()


def test_pad_centers_on_gray(tmp_path: Path) -> None:
    decoded = pixels(save(tmp_path / "x.png", halves(40, 20), "PNG"), 20, "pad")
    assert (decoded[:5] == 127).all() and (decoded[15:] == 127).all()
    assert (decoded[5:15, :9] == (255, 0, 0)).all() and (decoded[5:15, 11:] == (0, 0, 255)).all()


@pytest.mark.parametrize("resize", decoder.RESIZE_RULES)
@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (33, 7)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_extreme_shapes(tmp_path: Path, size: tuple[int, int], resize: str, kind: str) -> None:
    path = save(tmp_path / "x", Image.new("RGB", size, (200, 200, 200)), kind)
    decoded = pixels(path, 16, resize)
    assert set(np.unique(decoded)) <= ({200} if resize != "pad" else {127, 200})


def test_an_unknown_rule_is_a_bug(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="resize"):
        read_image(tmp_path, 8, "stretch")


@pytest.mark.parametrize("resize", decoder.RESIZE_RULES)
def test_large_jpegs_are_reduced_while_decoded(
    tmp_path: Path, resize: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = Image.fromarray(COLORS).resize((640, 512), Image.Resampling.BICUBIC)
    path = save(tmp_path / "x.jpg", image, "JPEG", quality=95)
    plain = save(tmp_path / "x.png", image, "PNG")
    resized: list[tuple[int, int]] = []
    resize_image = Image.Image.resize

    def record(image: Image.Image, *arguments: Any, **options: Any) -> Image.Image:
        resized.append(image.size)
        return resize_image(image, *arguments, **options)

    monkeypatch.setattr(Image.Image, "resize", record)
    near = np.abs(pixels(path, 64, resize).astype(int) - pixels(plain, 64, resize))
    assert near.mean() < 3
    assert resized[:2] == [(80, 64), (640, 512)]
    info = read_image(path, 64, resize)[1]
    assert (info.width, info.height) == (640, 512)
    # Just below twice the target nothing is reduced.
    resized.clear()
    read_image(path, 321 if resize == "pad" else 257, resize)
    assert resized[0] == (640, 512)


def test_the_same_bytes_give_the_same_pixels(tmp_path: Path) -> None:
    path = save(tmp_path / "x.jpg", Image.fromarray(COLORS).resize((500, 400)), "JPEG")
    first = decode(path, 50, "crop")
    copy = tmp_path / "deep" / "other name.png"
    copy.parent.mkdir()
    copy.write_bytes(path.read_bytes())
    assert np.array_equal(first, decode(copy, 50, "crop"))
    assert first.flags.writeable


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><title>404</title>", "web page"),
        (b"\n\n  <HTML lang='en'>", "web page"),
        ("nothing to see hére".encode(), "text file"),
        (("é" * 1023).encode(), "text file"),
        (b"<?xml version='1.0'?><svg>", "SVG"),
        (b"%PDF-1.7 ...", "PDF"),
        (bytes(range(256)), "not an image"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\xff\xd8\xff\xe0" + bytes(40), "damaged"),
    ],
)
def test_files_that_are_no_images(tmp_path: Path, content: bytes, message: str) -> None:
    assert message in problem(tmp_path / "x.jpg", content)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_truncated_files(tmp_path: Path, kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, kind)
    content = file.getvalue()
    message = problem(tmp_path / "x.jpg", content[: len(content) // 2])
    assert "truncated" in message or "damaged" in message
    if kind in ("JPEG", "PNG", "BMP"):
        assert "truncated" in message


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder.jpg").mkdir()
    assert "folder" in problem(tmp_path / "folder.jpg")
    assert "No such file" in problem(tmp_path / "gone.jpg")
    assert read_image(tmp_path / "gone.jpg", 8, "crop")[1].sha256 == ""

    def refuse(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert "Permission denied" in problem(tmp_path / "x.jpg")


def test_memory_errors_are_not_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "x.png", Image.fromarray(COLORS), "PNG")

    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Image.Image, "resize", fail)
    with pytest.raises(MemoryError):
        read_image(path, 8, "crop")


def claim_size(path: Path, width: int, height: int) -> Path:
    """A PNG of 1 x 1 whose header claims another size."""
    file = io.BytesIO()
    Image.new("RGB", (1, 1)).save(file, "PNG")
    content = bytearray(file.getvalue())
    content[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    content[29:33] = zlib.crc32(content[12:29]).to_bytes(4, "big")
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("side", [10_001, 12_000, 60_000])
def test_the_pixel_limit_gives_no_warning(tmp_path: Path, side: int) -> None:
    """Run in a fresh process, because pytest sets its own warning filters."""
    path = claim_size(tmp_path / "bomb.png", side, side)
    code = (
        "import sys; from pathlib import Path; from tlearn.data.decode import read_image;"
        "print(read_image(Path(sys.argv[1]), 8, 'crop')[1].problem)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(decoder.__file__).parents[2])},
    )
    assert "100 million" in done.stdout and done.stderr == ""


def test_pixels_are_not_decoded_beyond_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder, "PIXEL_LIMIT", SIZE * SIZE - 1)
    path = save(tmp_path / "x.png", Image.fromarray(COLORS), "PNG")
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: pytest.fail("decoded"))
    assert f"{SIZE} x {SIZE} pixels" in problem(path)


def test_damaged_files_never_raise(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    seeds = []
    for kind in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "PPM"):
        file = io.BytesIO()
        exif = {"exif": Image.Exif()} if kind in ("JPEG", "PNG", "WEBP") else {}
        Image.fromarray(COLORS).save(file, kind, **exif)
        seeds.append(np.frombuffer(file.getvalue(), np.uint8))
    path = tmp_path / "x"
    for number in range(600):
        content = seeds[number % len(seeds)].copy()
        where = rng.integers(0, min(len(content), 400), 4)
        content[where] = rng.integers(0, 256, 4)
        path.write_bytes(content[: rng.integers(1, len(content) + 1)].tobytes())
        decoded, info = read_image(path, 8, "crop")
        assert (decoded is None) == (info.problem is not None)
