"""A format is recognized by the first bytes of a file, and text is never taken for one."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from tlearn.data.formats import EXTENSIONS, sniff


@pytest.mark.parametrize(
    "kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "PPM", "JPEG2000", "AVIF"]
)
def test_a_format_is_recognized_by_its_first_bytes(kind: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (5, 5)).save(file, kind)
    assert sniff(file.getvalue()[:64]) == kind


@pytest.mark.parametrize(
    "head", [b"", b"BM and so on, a text of some length", b"P1 text", b"<html>"]
)
def test_text_is_no_image(head: bytes) -> None:
    assert sniff(head) == ""


@pytest.mark.parametrize("brand", [b"heic", b"mif1", b"hevc"])
def test_heic_is_recognized_even_where_it_cannot_be_read(brand: bytes) -> None:
    assert sniff(b"\0\0\0\x18ftyp" + brand) == "HEIF"


def test_extensions_name_formats() -> None:
    assert EXTENSIONS[".jpeg"] == EXTENSIONS[".jpg"] == "JPEG"
    assert all(extension.startswith(".") for extension in EXTENSIONS)
