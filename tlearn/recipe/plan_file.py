"""The plan on disk: `plan.yaml`, of this version or of the first one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tlearn.errors import RecipeError
from tlearn.recipe.loading import dump_yaml, read_yaml
from tlearn.recipe.plan import PLACES, Plan
from tlearn.recipe.schema import RENAMED_KEYS, nearest

VERSION = 2
MAX_PLAN_BYTES = 50_000_000  # every class name stands in it

_HINT = "A plan is written by: tlearn finetune FOLDER"


def write_plan(plan: Plan, path: Path) -> None:
    """Write a plan as YAML that a person can read and `read_plan` reads back exactly."""
    text = dump_yaml({"version": VERSION} | _plain(asdict(plan)))
    path.write_bytes(("# What this run does; nothing is left open.\n" + text).encode())


def read_plan(path: Path) -> Plan:
    """Read the plan in a file.

    Raises:
        RecipeError: The file is not a plan: keys missing or unknown, values of another type.
        HostError: It cannot be read.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        document = read_yaml(path, MAX_PLAN_BYTES)
    except RecipeError as error:
        raise RecipeError(error.errors, _HINT) from None
    errors = list(document.errors)
    values = document.values
    version = values.pop("version", 1)
    if version not in (1, VERSION):
        found = f"{path}: version {version!r}; this tlearn reads 1 and {VERSION}"
        raise RecipeError(found, "Use the tlearn that wrote it.")
    if version == 1:
        values = _upgrade(values)
    try:
        plan = TypeAdapter(Plan).validate_python(values)
    except ValidationError as error:
        errors += [_error(path, detail) for detail in error.errors()]
    if errors:
        raise RecipeError(errors, _HINT)
    return plan


def _upgrade(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return a flat plan of version 1 as one of today's groups and names."""
    values: dict[str, Any] = {}
    for old, value in flat.items():
        key = RENAMED_KEYS.get(old, old)
        if key == "head_stages":
            value = [int(number) for number in str(value).split(",")]
        group, name = PLACES.get(key, ("", key))
        (values.setdefault(group, {}) if group else values)[name] = value
    for kind in ("origins", "reasons"):
        known = values.get(kind) or {}
        values[kind] = {RENAMED_KEYS.get(old, old): value for old, value in known.items()}
    return values


def _plain(value: Any) -> Any:
    """Return a value with lists for tuples, as YAML has them."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


def _error(path: Path, detail: Any) -> str:
    key = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "missing":
        return f"{path}: {key} is missing"
    if detail["type"] == "unexpected_keyword_argument":
        return f"{path}: {key}: no such key{nearest(key.split('.')[-1], _names())}"
    return f"{path}: {key}: {detail['msg']}"


def _names() -> Iterator[str]:
    yield from (name for _, name in PLACES.values())
