"""Recipes written for a person: copies to edit, and suggestions with their reasons."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from tlearn.errors import HostError, RecipeError
from tlearn.recipe.loading import dump_yaml, recipe_path
from tlearn.recipe.plan import Plan
from tlearn.recipe.schema import Recipe, find_errors


def recipe_of(plan: Plan, title: str, reasons: Sequence[str]) -> str:
    """A recipe that makes this plan of the same pictures: each value with its reason.

    Args:
        plan: Every value settled.
        title: What the recipe is.
        reasons: Sentences that led to it.
    """
    lines = [_comment(title), "#", *map(_comment, reasons), ""]
    for key in Recipe.model_fields:
        value, origin = plan.value(key), plan.origins[key]
        # What a policy has no use for is settled to a value that nobody may ask for.
        if (origin == "default" and key not in plan.reasons) or find_errors({key: value}, str):
            continue
        line = dump_yaml({key: value}).rstrip()
        lines.append(f"{line}  {_comment(plan.reasons.get(key, origin))}")
    return "\n".join(lines) + "\n"


def _comment(text: str) -> str:
    """A comment of one line, in UTF-8, whatever the folder or the backbone is called."""
    return "# " + "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def save_recipe(target: Path, text: str) -> None:
    """Write a recipe's text at `target`.

    Raises:
        RecipeError: `target` exists, or its folder does not.
        HostError: The machine refuses to write there.
    """
    _write_new(target, text.encode())


def copy_recipe(name: str, target: Path) -> None:
    """Write a copy of a recipe at `target`, to be edited.

    Raises:
        RecipeError: `target` exists, its folder does not, or there is no such recipe.
        HostError: The machine refuses to write there.
    """
    _write_new(target, recipe_path(name).read_bytes())


def check_new(target: Path) -> None:
    """Refuse a place for a recipe that is taken, in no folder, or in one that is not ours.

    Raises:
        RecipeError: `target` exists, or its folder does not.
        HostError: The folder cannot be written to.
    """
    if os.path.lexists(target):
        error = f"{target} already exists and is not overwritten"
        raise RecipeError(error, "Name a new file, for example my_recipe.yaml.")
    if not os.path.isdir(target.parent):
        error = f"the folder {target.parent} does not exist"
        raise RecipeError(error, "Make the folder first, or name another file.")
    if not os.access(target.parent, os.W_OK):
        raise _refused(target, os.strerror(errno.EACCES))


def _write_new(target: Path, content: bytes) -> None:
    check_new(target)
    try:
        with target.open("xb") as file:
            file.write(content)
    except OSError as error:
        raise _refused(target, error.strerror or str(error)) from error


def _refused(target: Path, why: str) -> HostError:
    error = f"cannot write {target}: {why}"
    return HostError(error, "Name a file in a folder you may write to.")
