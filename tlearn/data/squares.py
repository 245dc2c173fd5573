"""How an image becomes square, by one of the resize rules."""

from __future__ import annotations

from PIL import Image

# From three times the target on, Pillow first averages whole blocks: on photographs that takes half
# the time of resampling every pixel, and no value differs by more than 2 of 255.
_REDUCING_GAP = 3.0
_PAD_COLOR = (127, 127, 127)

DRAFT = 2
"""How much larger than the target a JPEG still is that is reduced while it is decoded: other
programs decode it whole, and resampling hides the difference. On photographs, 1% of all values
differ by more than 2 of 255 then; without this margin by more than 14."""


def draft_size(width: int, height: int, image_size: int, resize: str) -> tuple[int, int]:
    """Return the smallest size to decode a JPEG at."""
    least = DRAFT * image_size
    if resize == "squash":
        return least, least
    side = min(width, height) if resize == "crop" else max(width, height)
    return -(-width * least // side), -(-height * least // side)


def fit_square(image: Image.Image, image_size: int, resize: str) -> tuple[Image.Image, Image.Image]:
    """Return the square, and what is in it of the image: all of it but for a border."""
    width, height = image.size
    bilinear = Image.Resampling.BILINEAR
    target = (image_size, image_size)
    if resize == "pad":
        scale = image_size / max(image.size)
        inner = (max(1, round(width * scale)), max(1, round(height * scale)))
        canvas = Image.new("RGB", target, _PAD_COLOR)
        corner = ((image_size - inner[0]) // 2, (image_size - inner[1]) // 2)
        content = image.resize(inner, bilinear, reducing_gap=_REDUCING_GAP)
        canvas.paste(content, corner)
        return canvas, content
    side = (min(image.size),) * 2 if resize == "crop" else image.size
    left, top = (width - side[0]) / 2, (height - side[1]) / 2
    box = (left, top, left + side[0], top + side[1])
    square = image.resize(target, bilinear, box, _REDUCING_GAP)
    return square, square
