"""Errors to plant in clean folders: near-copies of images, as people and programs make them."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

Change = Callable[[Image.Image, np.random.Generator], Image.Image]


def jpeg(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return _saved(image, "JPEG", quality=int(rng.integers(20, 60)))


def webp(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return _saved(image, "WEBP", quality=int(rng.integers(20, 60)))


def resize(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Change both sides, each by a factor of its own; none gets shorter than 64 pixels."""
    factors = rng.uniform(0.35, 1.3) * rng.uniform(0.85, 1.15, 2)
    sides = [max(min(64, s), round(s * f)) for s, f in zip(image.size, factors, strict=True)]
    return image.resize((sides[0], sides[1]), Image.Resampling.BICUBIC)


def crop(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Cut out 80 to 92 % of each side, anywhere."""
    return _cut(image, rng.uniform(0.8, 0.92, 2), rng)


def crop_80(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Cut out 80 % of each side, anywhere."""
    return _cut(image, np.array([0.8, 0.8]), rng)


def mirror(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return ImageOps.mirror(image)


def brightness(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(_factor(rng))


def contrast(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return ImageEnhance.Contrast(image).enhance(_factor(rng))


def gray(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    return ImageOps.grayscale(image).convert("RGB")


def tint(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    color = tuple(int(c) for c in rng.integers(0, 256, 3))
    return Image.blend(image, Image.new("RGB", image.size, color), rng.uniform(0.15, 0.3))


def border(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Draw a frame of 3 to 10 % of the sides around the image."""
    widths = (max(1, round(s * rng.uniform(0.03, 0.1))) for s in image.size)
    colors = ("black", "white", tuple(int(c) for c in rng.integers(0, 256, 3)))
    return ImageOps.expand(image, (*widths,), colors[rng.integers(len(colors))])  # type: ignore[arg-type]


def watermark(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Write half-transparent words across the image, at a slant or not."""
    text = ("SAMPLE", "www.example.org", "(c) Jane Doe 2019")[rng.integers(3)]
    width = image.width * rng.uniform(0.5, 0.9)
    font = ImageFont.load_default(max(8.0, width / len(text) * 1.7))
    layer = Image.new("L", image.size)
    at = (image.width * rng.uniform(0.3, 0.7), image.height * rng.uniform(0.2, 0.8))
    ImageDraw.Draw(layer).text(at, text, int(rng.integers(90, 180)), font, anchor="mm")
    layer = layer.rotate(rng.choice([0, 0, 30, -30]), Image.Resampling.BILINEAR)
    return Image.composite(Image.new("RGB", image.size, "white"), image, layer)


def rotation(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Turn by 2 to 5 degrees: corners filled with black or white, or the largest part without."""
    angle = rng.uniform(2, 5) * rng.choice([-1, 1])
    fill = ("black", "white")[rng.integers(2)]
    turned = image.rotate(angle, Image.Resampling.BICUBIC, fillcolor=fill)
    if rng.random() < 0.5:
        return turned
    tangent = np.tan(np.radians(abs(angle)))
    inset_x, inset_y = image.height * tangent / 2, image.width * tangent / 2
    box = (inset_x, inset_y, image.width - inset_x, image.height - inset_y)
    return turned.crop(tuple(round(v) for v in box))


ONE_STEP: dict[str, Change] = {
    "jpeg": jpeg,
    "webp": webp,
    "resize": resize,
    "crop": crop,
    "crop to 80 %": crop_80,
    "mirror": mirror,
    "brightness": brightness,
    "contrast": contrast,
    "gray": gray,
    "tint": tint,
    "border": border,
    "watermark": watermark,
    "rotation": rotation,
}
_PAIRED = (
    "jpeg",
    "resize",
    "crop",
    "mirror",
    "brightness",
    "tint",
    "border",
    "watermark",
    "rotation",
)
TWO_STEPS = tuple(f"{a} + {b}" for a, b in itertools.permutations(_PAIRED, 2))


def plant_copy(image: Image.Image, kind: str, rng: np.random.Generator) -> Image.Image:
    """Return a near-copy of an image.

    Args:
        image: RGB.
        kind: One of `ONE_STEP`, or of `TWO_STEPS`, which are done one after the other.
        rng: Draws how much is changed.
    """
    for step in kind.split(" + "):
        image = ONE_STEP[step](image, rng)
    return image


def _factor(rng: np.random.Generator) -> float:
    """Draw a factor that is seen: 0.6 to 0.8, or 1.2 to 1.4."""
    return float(rng.choice([-1, 1]) * rng.uniform(0.2, 0.4) + 1)


def _cut(image: Image.Image, shares: np.ndarray, rng: np.random.Generator) -> Image.Image:
    sides = np.round(image.size * shares).astype(int)
    left, top = rng.integers(0, np.array(image.size) - sides + 1).tolist()
    return image.crop((left, top, left + int(sides[0]), top + int(sides[1])))


def _saved(image: Image.Image, form: str, **options: int) -> Image.Image:
    content = io.BytesIO()
    image.save(content, form, **options)
    return Image.open(content).convert("RGB")
