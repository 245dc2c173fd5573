"""Are planted shortcuts found, and are any claimed on folders as they are?

    python -m benchmarks.doctor.shortcuts FOLDER ... [--weights MOBILENETV2.h5] [--per-class 60]

Images are changed and saved again as files, depending on their class. A row of the table is what
was planted, a column a folder; a cell says what is suspicious then: f(acts of the file), b(ytes),
e(dge: border), m(arks), l(ight: range of brightness), c(olor), o(uter part), t(humbnail).
Of each kind, "each" gives every class its own, "one" only the first class of all.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

from benchmarks.doctor.folders import Plant, Sample, open_planted, open_sample, parse_arguments
from tlearn.doctor.shortcuts import Shortcut, find_shortcuts
from tlearn.features.linear_head import cross_validate

LETTERS = {
    "file facts": "f",
    "size in bytes": "b",
    "border pixels": "e",
    "marks at a fixed place": "m",
    "range of brightness": "l",
    "mean color": "c",
    "image without its center": "o",
    "16-pixel thumbnail": "t",
}
SHOULD = {
    "border": "em",
    "watermark": "m",
    "gray_watermark": "m",
    "size": "fb",
    "quality": "fb",
    "brightness": "l",
}
"""What must be suspicious, at least one of them."""

WORDS = ("studio 12", "example.org", "SAMPLE", "(c) Ann Lee", "field lab", "Photo: Kim")
"""Watermarks; of more than six classes, some neighbors share one."""

_JPEG = {"quality": 92}
Change = Callable[[Image.Image, float], Image.Image]


def border(image: Image.Image, strength: float) -> Image.Image:
    """Draw a frame of 4 % of the sides, in a gray of its own."""
    width = max(1, round(0.04 * min(image.size)))
    return ImageOps.expand(image, width, (round(255 * strength),) * 3)


def watermark(image: Image.Image, strength: float, gray: int = 255) -> Image.Image:
    """Write half-transparent white words into a corner, others for each class."""
    text = WORDS[round(strength * (len(WORDS) - 1))]
    layer = Image.new("L", image.size)
    font = ImageFont.load_default(max(8.0, 0.08 * image.width))
    at = (image.width - 4, image.height - 4)
    ImageDraw.Draw(layer).text(at, text, 128, font, anchor="rs")
    marked = image.copy()
    marked.paste((gray, gray, gray), mask=layer)
    return marked


def gray_watermark(image: Image.Image, strength: float) -> Image.Image:
    """Write them in gray: lighter than what is dark, and darker than what is bright."""
    return watermark(image, strength, 128)


def size(image: Image.Image, strength: float) -> Image.Image:
    """Shrink both sides."""
    factor = 0.6 + 0.4 * strength
    return image.resize([max(16, round(factor * side)) for side in image.size])


def brightness(image: Image.Image, strength: float) -> Image.Image:
    """Multiply all values by 0.6 to 1.4."""
    return ImageEnhance.Brightness(image).enhance(0.6 + 0.8 * strength)


def quality(image: Image.Image, strength: float) -> Image.Image:
    """Save once at a JPEG quality of 50 to 95, which the file keeps."""
    file = BytesIO()
    image.save(file, "JPEG", quality=round(50 + 45 * strength))
    return Image.open(file)


def planted(change: Change, which: str) -> Plant:
    """Return what changes an image by its class."""

    def plant(image: Image.Image, label: int, n_classes: int) -> tuple[Image.Image, str, dict]:
        strength = label / (n_classes - 1)
        if which == "one":
            # Only the first class; a middling frame, as subjects may stand on black or on white.
            others = None if change in (border, watermark, gray_watermark) else 1.0
            others = 0.5 if change is brightness else others
            strength = (0.5 if change is border else 0.0) if label == 0 else others
        changed = image if strength is None else change(image, strength)
        return changed, "JPEG", {"quality": "keep"} if changed.format == "JPEG" else _JPEG

    return plant


def suspicious(sample: Sample) -> list[Shortcut]:
    """Return the shortcuts of a sample that are claimed."""
    features, widths = sample.last_stages
    n_classes = len(sample.classes)
    real = cross_validate(features, sample.labels, n_classes, sample.folds, blocks=widths)
    files = (sample.infos, sample.pixels, sample.labels, sample.folds)
    found = find_shortcuts(*files, real.probabilities)
    return [shortcut for shortcut in found if shortcut.suspicious]


def main() -> None:
    """Print the table."""
    folders, flags, per_class, _ = parse_arguments(__doc__)
    names = [folder.name for folder in folders]
    print(" " * 18, *(name[:10].rjust(10) for name in names), "     found")
    clean = [suspicious(open_sample(folder, flags)) for folder in folders]
    letters = ["".join(LETTERS[shortcut.name] for shortcut in found) for found in clean]
    print("as it is".ljust(18), *(cell.rjust(10) for cell in letters), flush=True)
    for change in (border, watermark, gray_watermark, size, quality, brightness):
        for which in ("each", "one"):
            opened = partial(open_planted, flags=flags, per_class=per_class, seed=0)
            cells = [
                "".join(
                    LETTERS[shortcut.name]
                    for shortcut in suspicious(opened(folder, plant=planted(change, which)))
                )
                for folder in folders
            ]
            hits = np.sum([bool(set(cell) & set(SHOULD[change.__name__])) for cell in cells])
            row = f"{change.__name__}, {which}".ljust(18)
            print(
                row, *(cell.rjust(10) for cell in cells), f"{hits:5d} of {len(cells)}", flush=True
            )
    print("\nclaimed on folders as they are:")
    for name, found in zip(names, clean, strict=True):
        for shortcut in found:
            print(f"  {name}: {shortcut}")


if __name__ == "__main__":
    main()
