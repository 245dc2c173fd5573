"""HTML pages from templates: what is not markup is escaped, and a name left out is an error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


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
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters)
    return environment.get_template(template).render(values).encode("utf-8", "replace")
