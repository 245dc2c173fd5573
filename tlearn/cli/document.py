"""The JSON document that a command prints: its version, and the names it had before."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

SCHEMA_VERSION = 2

FIRST_NAMES = {
    "artifact": "artefact",
    "artifacts": "artefacts",
    "accuracy_drop": "drop",
    "changed_predictions": "changed",
    "changed_classes": "classes",
    "head_refitted": "rescued",
    "failure": "reason",
    "head_stages": "head_on",
    "interpolation": "tuning_kept",
    "issues": "findings",
    "color_order": "colour_order",
    "embedding_correlation": "match",
    "image": "picture",
    "n_images": "pictures",
    "images_for_two_points": "pictures_for_two_points",
    "more_images": "more_pictures",
    "tied_with_best": "ties",
    "passes_gate": "bears",
    "license": "licence",
    "images_per_second": "pictures_per_second",
    "errors_by_mode": "refused",
    "suggestions": "ways_out",
}
"""Today's key to that of schema 1, which stands beside it for this version."""


def document(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document of a command: its values after the versions of schema and tlearn."""
    versions = {"schema_version": SCHEMA_VERSION, "tlearn_version": version_of("tlearn")}
    return versions | _with_first_names(values)


def version_of(package: str) -> str | None:
    """Return the version of an installed package; None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _with_first_names(value: Any) -> Any:
    if isinstance(value, Mapping):
        if "policy" in value and "head_dropout" in value:  # keys of a recipe have one name
            return dict(value)
        items = {key: _with_first_names(item) for key, item in value.items()}
        first = {FIRST_NAMES[key]: item for key, item in items.items() if key in FIRST_NAMES}
        return first | items
    if isinstance(value, list | tuple):
        return [_with_first_names(item) for item in value]
    return value
