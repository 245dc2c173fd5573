"""What is not read here is told from what is damaged, with the one step that helps."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.decoding import COLORS, SIZE, pixels
from tests.tiff_files import write_tiff
from tlearn.data.decode import read_image

# tlearn ignores these warnings for the process; pytest sets its own filters.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

BOX = b"\0\0\0\x1cftyp"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (BOX + b"mif1\0\0\0\0mif1heicmiaf" + bytes(300), "HEIC cannot be read here"),
        (BOX + b"heic\0\0\0\0mif1heicmiaf" + bytes(300), "pip install pillow-heif"),
        (BOX + b"crx \0\0\0\1crx isommp42" + bytes(300), "a camera RAW file"),
        (b"II*\0\x10\0\0\0CR\2\0" + bytes(300), "a camera RAW file"),
        (b"FUJIFILMCCD-RAW 0201" + bytes(300), "a camera RAW file"),
        (b"\xff\x0a" + bytes(300), "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(300), "JPEG XL"),
        (b"8BPS\0\1" + bytes(300), "a Photoshop document"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "an EPS drawing"),
        (bytes(128) + b"DICM" + bytes(300), "a DICOM image"),
        (BOX + b"MiHE\0\0\0\0MiPrmiafMiHE" + bytes(300), "HEIC cannot be read here"),
        (BOX + b"mp42\0\0\0\0isommp42" + bytes(300), "a video"),
        (b"v/1\1" + bytes(300), "OpenEXR"),
        (b"II\xbc\1" + bytes(300), "JPEG XR"),
        (b"SIMPLE  =" + bytes(300), "a FITS image"),
        (b"\x5c\1\0\0" + bytes(340) + b"n+1\0", "a NIfTI volume"),
        (b"\0\5\x16\7" + bytes(300), "AppleDouble"),
        (b"\0\0\1\0\1\0" + bytes(300), "an icon"),
        (b"PK\3\4" + bytes(300), "an archive"),
        (b"<?xml?><!--" + b"c" * 2000 + b"--><svg>", "an SVG drawing"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "a web page"),
        (b"/annex/objects/MD5E-s1--x.jpg", "git annex get"),
    ],
)
def test_formats_that_are_not_read_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "x.jpg").write_bytes(content)
    problem = read_image(tmp_path / "x.jpg", SIZE, "squash")[1].problem
    assert problem and message in problem and "damaged" not in problem


def test_bands_that_are_not_read_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "x.tif"
    write_tiff(path, (SIZE, SIZE), [16] * 13, bytes(2 * 13 * SIZE * SIZE))
    problem = read_image(path, SIZE, "squash")[1].problem
    assert problem and problem.startswith("a TIFF of 13 x 16 bits a pixel")
    path.write_bytes(path.read_bytes()[:20])
    problem = read_image(path, SIZE, "squash")[1].problem
    assert problem and "damaged" in problem


def test_an_avif_may_begin_with_the_brand_of_any_image_file(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.fromarray(COLORS).save(file, "AVIF", quality=95)
    (tmp_path / "x.avif").write_bytes(file.getvalue().replace(b"ftypavif", b"ftypmif1", 1))
    assert np.abs(pixels(tmp_path / "x.avif").astype(int) - COLORS).mean() < 8


@pytest.mark.parametrize("end", ["jp2", "j2k", "jpx"])
def test_jpeg_2000_is_read(tmp_path: Path, end: str) -> None:
    Image.fromarray(COLORS).save(tmp_path / f"x.{end}", "JPEG2000")
    assert np.array_equal(pixels(tmp_path / f"x.{end}"), COLORS)


def test_a_plug_in_that_is_installed_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PlugIn:
        @staticmethod
        def register_heif_opener() -> None:
            monkeypatch.setitem(Image.OPEN, "HEIF", (open_heif, lambda head: True))

    def open_heif(file: object, name: object) -> Image.Image:
        return Image.fromarray(COLORS)

    monkeypatch.setitem(sys.modules, "pillow_heif", PlugIn)
    (tmp_path / "x.heic").write_bytes(BOX + b"heic\0\0\0\0mif1heicmiaf" + bytes(300))
    assert np.array_equal(pixels(tmp_path / "x.heic"), COLORS)
