"""The bytes of an image file, opened by Pillow: none of its pixels is decoded yet."""

from __future__ import annotations

import io
from contextlib import suppress

from PIL import Image, UnidentifiedImageError
from PIL.JpegImagePlugin import jpeg_factory
from PIL.TiffImagePlugin import TiffImageFile

from tlearn.data.repair import n_interleaved
from tlearn.data.tiff_pages import Pages, choose_page
from tlearn.data.unreadable import UnreadableImageError, not_an_image

PIXEL_LIMIT = 100_000_000
"""Images with more pixels are refused before any of them is decoded; of a JPEG those count that are
decoded, after it was reduced."""

# A block of 8 x 8 pixels takes a bit of a JPEG at least.
_MOST_PIXELS_A_BYTE = 8 * 64


def ensure_read_here(data: bytes, format_name: str) -> None:
    """Check that this Pillow opens the format; its plug-in for HEIC is used where it is there.

    Raises:
        UnreadableImageError: It does not, or the file is no image.
    """
    if not format_name:
        raise UnreadableImageError(not_an_image(data))
    Image.preinit()
    if format_name not in Image.OPEN:
        Image.init()
    if format_name == "HEIF" and format_name not in Image.OPEN:
        with suppress(ImportError):
            import pillow_heif  # type: ignore[import-not-found]

            pillow_heif.register_heif_opener()
    if format_name not in Image.OPEN:
        name = {"HEIF": "HEIC", "JPEG2000": "JPEG 2000"}.get(format_name, format_name)
        install = ", or install its reader: pip install pillow-heif" if name == "HEIC" else ""
        raise UnreadableImageError(f"{name} cannot be read here: save it as JPEG{install}")


def open_page(data: bytes, format_name: str) -> tuple[Image.Image, Pages]:
    """Open an image of a format that is read here, and choose among the pages of a TIFF.

    Raises:
        UnreadableImageError: It has too many pixels.
    """
    image = _open(data, format_name)
    return image, choose_page(image) if isinstance(image, TiffImageFile) else Pages()


def _open(data: bytes, format_name: str) -> Image.Image:
    try:
        if format_name == "JPEG":  # `open` judges by the size before it is reduced
            return jpeg_factory(io.BytesIO(data))
        return Image.open(io.BytesIO(data), formats=[format_name])
    except SyntaxError as error:
        raise UnidentifiedImageError(str(error)) from error
    except Image.DecompressionBombError as error:
        limit = PIXEL_LIMIT // 1_000_000
        raise UnreadableImageError(f"more than {limit} million pixels") from error


def check_pixels(image: Image.Image, size: tuple[int, int], data: bytes) -> None:
    """Refuse an image that takes too much memory, before any of it is taken.

    Args:
        image: Open, and perhaps to be reduced while it is decoded.
        size: Of all of it.
        data: Its file.

    Raises:
        UnreadableImageError: It takes too much.
    """
    width, height = size
    decoded = image.width * image.height
    if width * height > PIXEL_LIMIT and decoded < width * height:
        # All of a JPEG of several scans is in memory before any of it is reduced.
        several = "progressive" in image.info or n_interleaved(data) < len(image.getbands())
        decoded = max(decoded, width * height // 2 if several else 0)
        if len(data) < width * height // _MOST_PIXELS_A_BYTE:
            problem = f"truncated: {len(data)} bytes for {width} x {height} pixels"
            raise UnreadableImageError(problem)
    if decoded > PIXEL_LIMIT:
        limit = PIXEL_LIMIT // 1_000_000
        raise UnreadableImageError(f"{width} x {height} pixels, more than {limit} million")
