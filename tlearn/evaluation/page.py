"""HTML pages from templates: what is not markup is escaped, and a name left out is an error.

Control characters and marks of text direction, as in a file name, are spelled out everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tlearn.storage.text import escape_invisible


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


def _visible(value: Any) -> Any:
    return value if hasattr(value, "__html__") else escape_invisible(str(value))
