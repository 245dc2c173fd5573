"""Why a file cannot be decoded: no image, a format that is not read here, damage."""

from __future__ import annotations

import io
from contextlib import suppress

from PIL import TiffImagePlugin, UnidentifiedImageError

from tlearn.data.foreign import ANNEX_POINTER, POINTER, is_annex_pointer, is_pointer
from tlearn.data.formats import name_foreign
from tlearn.data.image_info import BROKEN

_SVG_WITHIN = 10_000  # a comment of any length comes first
RAW = "a camera RAW file: export it as JPEG"
_BITS, _PHOTOMETRIC, _SAMPLES = 258, 262, 277
_DESCRIBED = (256, 257, _BITS, _PHOTOMETRIC)
_DNG_VERSION, _SENSOR = 50706, (32803, 34892)


class UnreadableImageError(ValueError):
    """A file that cannot be decoded; the message says why."""


def not_an_image(data: bytes) -> str:
    """Say what a file is that is not an image, or not one that is read here."""
    start = data[:1024].lower()
    if not data:
        return "the file is empty (0 bytes)"
    if foreign := name_foreign(data[:64]):
        return foreign
    if data[128:132] == b"DICM":
        return "a DICOM image: save it as PNG"
    if b"<html" in start or b"<!doctype html" in start or b"<error>" in start:
        return "a web page, not an image"
    if b"<svg" in data[:_SVG_WITHIN].lower():
        return "an SVG drawing: save it as PNG"
    if start.startswith(b"%pdf"):
        return "a PDF document: save its pages as PNG"
    if is_pointer(data):
        return POINTER
    if is_annex_pointer(data):
        return ANNEX_POINTER
    # A multi-byte character may be cut off at the end.
    text = start.decode("utf-8", "replace").rstrip("\ufffd")
    if "\ufffd" not in text and all(c.isprintable() or c.isspace() for c in text):
        return "a text file, not an image"
    return "not an image, or in a format that cannot be read here: save it as JPEG or PNG"


def damage(error: Exception, data: bytes, format_name: str) -> str:
    """Say why an image cannot be decoded: how it is damaged, or what of it is not read here.

    Args:
        error: What Pillow raised, one of BROKEN.
        data: The file.
        format_name: Its format by content.
    """
    if isinstance(error, UnidentifiedImageError):
        kind = _unknown_tiff(data) if format_name == "TIFF" else ""
        return kind or "damaged: its header cannot be read"
    if isinstance(error, EOFError) or "truncated" in str(error).lower():
        return "truncated: the file ends before the image does"
    return f"damaged: {error}"


def is_sensor_data(tags: TiffImagePlugin.ImageFileDirectory_v2) -> bool:
    """Return whether a page of a TIFF belongs to a RAW file, by its tags."""
    return _DNG_VERSION in tags or tags.get(_PHOTOMETRIC) in _SENSOR


def _unknown_tiff(data: bytes) -> str:
    """Say what a sound TIFF holds that Pillow does not read; "" if it is damaged."""
    with suppress(*BROKEN):
        # The header of a BigTIFF is longer.
        tags = TiffImagePlugin.ImageFileDirectory_v2(data[: 16 if data[2] == 43 else 8])
        file = io.BytesIO(data)
        file.seek(tags.next)
        tags.load(file)
        if is_sensor_data(tags):
            return RAW
        if not all(tag in tags for tag in _DESCRIBED):
            return ""
        bits, samples = tags.get(_BITS, (1,)), int(tags.get(_SAMPLES, 1))
        kind = f"{samples} x {max(bits)} bits a pixel"
        return f"a TIFF of {kind}, which cannot be read here: save it as 8-bit RGB"
    return ""
