"""The pages of `tlearn explain`: self-contained, without scripts, and usable by keyboard."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tlearn.evaluation import wording
from tlearn.evaluation.page import breakable, data_url, render_page
from tlearn.storage.atomic import write_atomic


def write_explain_page(path: Path, template: str, values: Mapping[str, Any]) -> None:
    """Write a page.

    Args:
        path: The page.
        template: Its file in the folder of templates.
        values: What it shows, by name.

    Raises:
        HostError: It cannot be written.
    """
    filters: Mapping[str, Callable[..., Any]] = {
        "percent": wording.percent,
        "fall": fall_in_words,
        "path": breakable,
        "image": data_url,
        "exact": png_url,
    }
    stamp = {"version": version("tlearn"), "written": f"{datetime.now():%d %B %Y, %H:%M}"}
    write_atomic(path, render_page("tlearn.evaluation", template, filters, {**values, **stamp}))


def fall_in_words(fall: float) -> str:
    """Return by how much a probability fell, such as 0.42, as "-42.0 points"; it may have risen."""
    sign = "-" if fall > 0.0005 else "+" if fall < -0.0005 else ""
    return sign + wording.points(fall)


def png_url(pixels: np.ndarray, side: int = 0) -> str:
    """Return an image as a data URL without loss, for drawings with few colors.

    Args:
        pixels: uint8 (height, width) or (height, width, 3).
        side: Least width in pixels; a smaller image is enlarged without smoothing.
    """
    image = Image.fromarray(pixels)
    times = max(1, -(-side // image.width))
    if times > 1:
        image = image.resize((times * image.width, times * image.height), Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
