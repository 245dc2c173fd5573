"""Keys and words that recipes have had other names for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RENAMED_KEYS = {
    "head_on": "head_stages",
    "head_penalty": "solved_head_l2",
    "head_l2": "trained_head_l2",
    "mirror": "horizontal_flip",
}
"""Keys of the first version to those of today; recipes, flags and plans may still have them."""

_RENAMED_VALUES: dict[str, dict[str | bool, str]] = {
    "head_stages": {"several": "last3"},
    "groups": {"auto": "guessed", "off": "none", False: "none"},  # off is false in YAML
}
"""Other words for the values of a key. A plan leaves nothing `auto`, so there it is the outcome."""


def current_names(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with today's names for the keys and words of the first version."""
    current = {}
    for key, value in values.items():
        name = RENAMED_KEYS.get(plain(key), key)
        renamed = _RENAMED_VALUES.get(name, {})
        current[name] = renamed.get(value, value) if isinstance(value, str | bool) else value
    return current


def plain(name: str) -> str:
    """Return a name without differences of case, or of hyphens and underscores."""
    return name.lower().replace("-", "_")
