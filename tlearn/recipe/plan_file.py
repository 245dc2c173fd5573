"""Write and read `plan.yaml`, of this version or of the first one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tlearn.errors import RecipeError, quoted
from tlearn.recipe.key_errors import find_errors, nearest
from tlearn.recipe.names import RENAMED_KEYS
from tlearn.recipe.plan import FLAT_KEYS, Plan
from tlearn.recipe.schema import Recipe
from tlearn.recipe.yaml_file import dump_yaml, read_yaml

VERSION = 2
MAX_PLAN_BYTES = 50_000_000  # it names every class

_HINT = "a plan is not meant to be edited; train again: tlearn finetune FOLDER"


def write_plan(plan: Plan, path: Path) -> None:
    """Write a plan as YAML that people can read and `read_plan` reads back exactly."""
    text = dump_yaml({"version": VERSION} | _plain(asdict(plan)))
    path.write_bytes(("# What this run does; nothing is left open.\n" + text).encode())


def read_plan(path: Path) -> Plan:
    """Read the plan in a file.

    Raises:
        RecipeError: The file is not a plan: keys missing or unknown, values of another type.
        HostError: It cannot be read.
    """
    from pydantic import TypeAdapter, ValidationError

    if os.path.exists(path) and not os.path.isfile(path):  # a pipe would be waited for
        raise RecipeError(f"{quoted(path)} is not a file", _HINT)
    document = read_yaml(path, _HINT, MAX_PLAN_BYTES)
    errors, values = list(document.errors), document.values
    version = values.pop("version", 1)
    if version not in (1, VERSION):
        problem = f"{quoted(path)} has version {version!r}; this tlearn reads 1 and {VERSION}"
        raise RecipeError(problem, "update tlearn, or train again: tlearn finetune FOLDER")
    try:
        plan = TypeAdapter(Plan).validate_python(_upgrade(values) if version == 1 else values)
    except ValidationError as error:
        errors += [f"{quoted(path)}: {_problem(detail)}" for detail in error.errors()]
    else:
        errors += [f"{quoted(path)}: {problem}" for problem in _out_of_range(plan)]
    if errors:
        raise RecipeError(errors, _HINT)
    return plan


def _out_of_range(plan: Plan) -> list[str]:
    """Return a sentence for each value that no recipe could have led to."""
    values = {key: plan.value(key) for key in Recipe.model_fields}
    for key in ("tuned_stages", "learning_rate"):  # of a head that is solved
        if values[key] == 0:
            del values[key]
    known = {key: value for key, value in values.items() if value is not None}
    errors = find_errors(known, lambda key: f"{key}: ")
    if not all(1 <= number < len(plan.stages) for number in plan.head.stages):
        errors.append("head.stages: no such stage")
    if plan.training.first_trained_stage not in (None, *range(len(plan.stages))):
        errors.append("training.first_trained_stage: no such stage")
    return errors


def _upgrade(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return a flat plan of version 1 as one with today's groups and names."""
    values: dict[str, Any] = {}
    for old, value in flat.items():
        key = RENAMED_KEYS.get(old, old)
        if key == "head_stages":
            value = [int(number) for number in str(value).split(",")]
        group, name = FLAT_KEYS.get(key, ("", key))
        (values.setdefault(group, {}) if group else values)[name] = value
    for kind in ("origins", "reasons"):
        texts = values.get(kind) or {}
        values[kind] = {RENAMED_KEYS.get(old, old): text for old, text in texts.items()}
    return values


def _plain(value: Any) -> Any:
    """Return a value with lists for tuples, as YAML has them."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


def _problem(detail: Mapping[str, Any]) -> str:
    key = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "missing":
        return f"{key} is missing"
    if detail["type"] == "unexpected_keyword_argument":
        names = [name for _, name in FLAT_KEYS.values()]
        return f"{key}: no such key{nearest(key.split('.')[-1], names)}"
    return f"{key}: {detail['msg'][0].lower()}{detail['msg'][1:]}"
