"""Findings on images of which little or nothing is left."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.decoding import COLORS, GRADIENT
from tlearn.data.dataset import load_dataset
from tlearn.data.image_folder import scan
from tlearn.data.inspection import DataIssue
from tlearn.progress import Timer, no_progress


def issues_of(
    root: Path, images: dict[str, Image.Image], gray_range: str | None = "auto"
) -> dict[str, DataIssue]:
    """Issues by kind of a folder of ten sound images a class and the given ones."""
    rng = np.random.default_rng(0)
    for number in range(20):
        path = root / "ab"[number % 2] / f"sound{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (40, 40, 3), np.uint8)).save(path)
    for name, image in images.items():
        image.save(root / name)
    cache = root.parent / "cache"
    dataset = load_dataset(
        scan(root), 32, "pad", cache, no_progress, Timer(), gray_range=gray_range
    )
    return {issue.kind: issue for issue in dataset.issues}


def test_sound_images_have_none(tmp_path: Path) -> None:
    assert not issues_of(tmp_path / "data", {})


def test_images_of_one_color_are_named_whatever_is_around_them(tmp_path: Path) -> None:
    wide = Image.new("RGB", (80, 20), (250, 250, 250))  # padded with gray
    white_on_nothing = Image.new("RGBA", (40, 40), (255, 255, 255, 0))
    white_on_nothing.paste((255, 255, 255, 255), (10, 10, 20, 20))
    found = issues_of(tmp_path / "data", {"a/wide.png": wide, "a/logo.png": white_on_nothing})
    assert set(found["blank"].names) == {"a/wide.png", "a/logo.png"}
    assert "dark" not in found


def test_a_line_drawing_is_not_blank(tmp_path: Path) -> None:
    drawing = np.full((300, 300), 255, np.uint8)
    drawing[100:103, 50:250] = 0
    assert "blank" not in issues_of(tmp_path / "data", {"a/line.png": Image.fromarray(drawing)})


def test_masks_and_dark_images_are_told_apart_from_blank_ones(tmp_path: Path) -> None:
    mask = Image.fromarray((GRADIENT > 100).astype(np.uint8))
    found = issues_of(tmp_path / "data", {"a/mask.png": mask})
    assert found["dark"].names == ("a/mask.png",)
    assert "blank" not in found


def test_the_range_of_a_folder_is_said(tmp_path: Path) -> None:
    deep = Image.fromarray(GRADIENT.astype(np.uint16) * 16)
    found = issues_of(tmp_path / "data", {"a/deep.png": deep})
    assert found["gray_range"].severity == "note"
    assert "values from 0 to 4,095 (12 bits)" in found["gray_range"].message
    assert "narrow_range" not in found and "dark" not in found


def test_a_range_that_most_images_use_little_of_is_warned_of(tmp_path: Path) -> None:
    hot = GRADIENT.astype(np.uint16) * 16
    deep = {f"a/deep{n}.png": Image.fromarray(np.roll(hot, n, 0)) for n in range(3)}
    hot = hot.copy()
    hot[5, 5] = 65535
    found = issues_of(tmp_path / "data", deep | {"a/hot.png": Image.fromarray(hot)})
    assert set(found["narrow_range"].names) == set(deep)
    assert found["narrow_range"].message.endswith("--set gray_range=0,4095")
    assert "dark" not in found


def test_floats_beside_whole_numbers_are_scaled_one_by_one_with_a_warning(tmp_path: Path) -> None:
    images = {
        "a/float.tif": Image.fromarray(GRADIENT.astype(np.float32)),
        "a/deep.png": Image.fromarray(GRADIENT.astype(np.uint16) * 257),
    }
    found = issues_of(tmp_path / "data", images)
    assert found["own_range"].names == ("a/float.tif",)


@pytest.mark.parametrize("gray_range", ["0,255", None])
def test_a_range_that_was_asked_for_is_used(tmp_path: Path, gray_range: str | None) -> None:
    deep = Image.fromarray(GRADIENT.astype(np.uint16))
    found = issues_of(tmp_path / "data", {"a/deep.png": deep}, gray_range)
    assert ("gray_range" in found) == (gray_range is not None)
    assert ("narrow_range" in found) == (gray_range is None)


def test_what_was_put_right_is_said(tmp_path: Path) -> None:
    failed = Image.fromarray(COLORS).convert("RGBA")
    failed.putalpha(0)
    found = issues_of(tmp_path / "data", {"a/failed.png": failed})
    assert found["transparent"].names == ("a/failed.png",)


def test_pages_and_previews_are_said(tmp_path: Path) -> None:
    root = tmp_path / "data"
    issues_of(root, {})
    page, large = Image.fromarray(COLORS), Image.fromarray(COLORS[::-1]).resize((90, 90))
    page.save(root / "a/pages.tif", save_all=True, append_images=[large])
    page.save(root / "a/raw.dng", "TIFF", save_all=True, append_images=[large], tiffinfo={254: 1})
    found = issues_of(root, {})
    assert found["pages"].names == ("a/pages.tif",)
    assert found["preview"].names == ("a/raw.dng",)
