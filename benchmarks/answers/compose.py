"""Images composed for the maps: an object at a known place on a cluttered ground.

The ground is the same lottery for every class: a wash of two colors, bars, blobs and noise. Only
the object tells the class.
"""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi, sin
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

Box = tuple[int, int, int, int]
SIDE = 224
_LEAST_CONTRAST = 110.0


def _star(pen: ImageDraw.ImageDraw, box: Box, color: tuple[int, ...]) -> None:
    left, top, right, bottom = box
    x, y, r = (left + right) / 2, (top + bottom) / 2, (right - left) / 2
    radii = [r if n % 2 == 0 else 0.45 * r for n in range(10)]
    points = [(x + r * sin(n * pi / 5), y - r * cos(n * pi / 5)) for n, r in enumerate(radii)]
    pen.polygon(points, fill=color)


def _ring(pen: ImageDraw.ImageDraw, box: Box, color: tuple[int, ...]) -> None:
    pen.ellipse(box, outline=color, width=(box[2] - box[0]) // 6)


def _stairs(pen: ImageDraw.ImageDraw, box: Box, color: tuple[int, ...]) -> None:
    left, top, right, bottom = box
    step = (right - left) / 4
    for n in range(4):
        pen.rectangle((left + n * step, bottom - (n + 1) * step, right, bottom), fill=color)
        pen.line((left, bottom, right, top), fill=(0, 0, 0), width=2)


def _checks(pen: ImageDraw.ImageDraw, box: Box, color: tuple[int, ...]) -> None:
    left, top, right, _ = box
    cell = (right - left) / 5
    for row in range(5):
        for column in range(row % 2, 5, 2):
            x, y = left + column * cell, top + row * cell
            pen.rectangle((x, y, x + cell, y + cell), fill=color)


def _target(pen: ImageDraw.ImageDraw, box: Box, color: tuple[int, ...]) -> None:
    left, top, right, bottom = box
    step = (right - left) / 8
    for n in range(4):
        inner = (left + n * step, top + n * step, right - n * step, bottom - n * step)
        pen.ellipse(inner, fill=color if n % 2 == 0 else (245, 245, 245))


def _gate(pen: ImageDraw.ImageDraw, box: Box, color: tuple[int, ...]) -> None:
    left, top, right, bottom = box
    width = (right - left) // 6
    for x in (left, (left + right - width) // 2, right - width):
        pen.rectangle((x, top, x + width, bottom), fill=color)
    pen.rectangle((left, top, right, top + width), fill=color)


OBJECTS: dict[str, Callable[[ImageDraw.ImageDraw, Box, tuple[int, ...]], None]] = {
    "star": _star,
    "ring": _ring,
    "stairs": _stairs,
    "checks": _checks,
    "target": _target,
    "gate": _gate,
}


def compose(name: str, seed: int) -> tuple[Image.Image, Box]:
    """Return an image of an object and its box (left, top, right, bottom)."""
    rng = np.random.default_rng(seed)
    image = _ground(rng)
    side = int(rng.integers(SIDE * 28 // 100, SIDE * 42 // 100))
    left, top = (int(v) for v in rng.integers(4, SIDE - side - 4, 2))
    box = (left, top, left + side, top + side)
    OBJECTS[name](ImageDraw.Draw(image), box, _apart(rng, image.crop(box)))
    noise = rng.normal(0, 6, (SIDE, SIDE, 3))
    pixels = np.asarray(image.filter(ImageFilter.GaussianBlur(0.6)), np.float32) + noise
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8)), box


def write_composed(root: Path, per_class: int, seed: int = 0) -> dict[str, Box]:
    """Write an image folder of composed images; return the box of each, by its path in it."""
    boxes: dict[str, Box] = {}
    for label, name in enumerate(OBJECTS):
        (root / name).mkdir(parents=True, exist_ok=True)
        for number in range(per_class):
            image, box = compose(name, 1_000_000 * seed + 10_000 * label + number)
            path = f"{name}/{name}_{number}.png"
            image.save(root / path)
            boxes[path] = box
    return boxes


def _ground(rng: np.random.Generator) -> Image.Image:
    ramp = np.linspace(0, 1, SIDE)[:, np.newaxis, np.newaxis]
    wash = np.asarray(_color(rng)) * ramp + np.asarray(_color(rng)) * (1 - ramp)
    pixels = np.broadcast_to(wash, (SIDE, SIDE, 3)).astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(pixels)).rotate(int(rng.integers(4)) * 90)
    pen = ImageDraw.Draw(image)
    for _ in range(14):
        pen.line(
            [tuple(point) for point in rng.integers(0, SIDE, (2, 2)).tolist()],
            fill=_color(rng),
            width=int(rng.integers(1, 6)),
        )
    for _ in range(22):
        x, y = rng.integers(0, SIDE, 2).tolist()
        w, h = rng.integers(4, SIDE // 9, 2).tolist()
        shape = pen.ellipse if rng.random() < 0.5 else pen.rectangle
        shape((x, y, x + w, y + h), fill=_color(rng))
    return image


def _apart(rng: np.random.Generator, ground: Image.Image) -> tuple[int, ...]:
    """Return a color that can be seen on a ground."""
    mean = np.asarray(ground, float).mean(axis=(0, 1))
    while True:
        color = _color(rng)
        if np.linalg.norm(np.asarray(color) - mean) > _LEAST_CONTRAST:
            return color


def _color(rng: np.random.Generator) -> tuple[int, ...]:
    return tuple(rng.integers(20, 236, 3).tolist())
