"""HTML pages from templates: what is not markup is escaped, and a name left out is an error.

Control characters and marks of text direction, as in a file name, are spelled out everywhere.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from PIL import Image

from tlearn.storage.text import escape_invisible

_THUMBNAIL = 240


def render_page(
    package: str,
    template: str,
    filters: Mapping[str, Callable[..., Any]],
    values: Mapping[str, Any],
) -> bytes:
    """Render a page in UTF-8.

    Args:
        package: The one whose folder `templates` holds the template.
        template: Its file.
        filters: Functions that it calls, by name.
        values: What it shows, by name.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters)
    return environment.get_template(template).render(values).encode("utf-8", "replace")


def breakable(path: str) -> str:
    """Return a path as markup whose lines break after slashes."""
    from markupsafe import Markup, escape

    return escape(escape_invisible(path)).replace("/", Markup("/<wbr>"))


def data_url(pixels: np.ndarray, side: int = _THUMBNAIL) -> str:
    """Return an image as a data URL: a JPEG of at most so many pixels a side."""
    image = Image.fromarray(pixels).convert("RGB")
    image.thumbnail((side, side))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _visible(value: Any) -> Any:
    return value if hasattr(value, "__html__") else escape_invisible(str(value))
