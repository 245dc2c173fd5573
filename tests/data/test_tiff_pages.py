"""The page of a TIFF that is read, and RAW files of cameras, of which only a preview could be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.decoding import COLORS, GRADIENT, SIZE
from tests.tiff_files import write_tiff
from tlearn.data.decode import read_image

DNG_VERSION, KIND, MAKE, SUB_PAGES, PHOTOMETRIC = 50706, 254, 271, 330, 262


def large() -> Image.Image:
    return Image.fromarray(COLORS).resize((300, 200))


def test_the_first_page_is_read_and_the_others_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    Image.fromarray(COLORS).save(path, save_all=True, append_images=[large(), large()])
    decoded, info = read_image(path, SIZE, "squash")
    assert np.array_equal(decoded, COLORS)
    assert (info.page, info.pages, info.width) == (1, 3, SIZE)


def test_a_preview_is_passed_over_for_the_largest_page(tmp_path: Path) -> None:
    path = tmp_path / "photo.dng"
    small = large().resize((30, 20))
    small.save(path, "TIFF", save_all=True, append_images=[large()], tiffinfo={KIND: 1})
    _, info = read_image(path, SIZE, "squash")
    assert (info.page, info.width, info.height) == (2, 300, 200)


def test_reduced_copies_after_the_image_are_no_pages(tmp_path: Path) -> None:
    path = tmp_path / "pyramid.tif"
    reduced = large().resize((30, 20))
    reduced.encoderinfo = {"tiffinfo": {KIND: 1}}
    large().save(path, "TIFF", save_all=True, append_images=[reduced])
    _, info = read_image(path, SIZE, "squash")
    assert (info.page, info.pages, info.width) == (1, 1, 300)


def test_a_raw_file_is_told_and_its_preview_is_not_taken(tmp_path: Path) -> None:
    data = GRADIENT.tobytes()
    for name, tags in {
        "a.nef": {KIND: 1, MAKE: 8, SUB_PAGES: 8},
        "b.dng": {KIND: 1, DNG_VERSION: 1},
        "c.dng": {PHOTOMETRIC: 32803},
    }.items():
        write_tiff(tmp_path / name, (SIZE, SIZE), [8], data, tags=tags)
        decoded, info = read_image(tmp_path / name, SIZE, "squash")
        assert decoded is None
        assert info.problem == "a camera RAW file: export it as JPEG", name


def test_a_linear_raw_file_that_can_be_read_is_read(tmp_path: Path) -> None:
    write_tiff(tmp_path / "x.dng", (SIZE, SIZE), [8], GRADIENT.tobytes(), tags={DNG_VERSION: 1})
    decoded, _ = read_image(tmp_path / "x.dng", SIZE, "squash")
    assert decoded is not None
    assert np.array_equal(decoded[..., 0], GRADIENT)


# tlearn ignores these warnings for the process; pytest sets its own filters.
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_a_chain_of_pages_that_leads_nowhere_ends(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    write_tiff(path, (SIZE, SIZE), [8], GRADIENT.tobytes())
    content = bytearray(path.read_bytes())
    after = 10 + 12 * int.from_bytes(content[8:10], "little")
    for target in (8, len(content) + 50, len(content) - 3):
        content[after : after + 4] = target.to_bytes(4, "little")
        path.write_bytes(content)
        assert read_image(path, SIZE, "squash")[0] is not None, target
