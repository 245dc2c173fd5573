"""Write recipes for people: copies to edit, and suggestions with their reasons."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from tlearn.errors import HostError, RecipeError, pasted, quoted
from tlearn.recipe.key_errors import find_errors
from tlearn.recipe.loading import recipe_path
from tlearn.recipe.plan import Plan
from tlearn.recipe.schema import Recipe
from tlearn.recipe.yaml_file import dump_yaml

_NEW_FILE_HINT = "name a new file in a folder that you can write to, for example: my_recipe.yaml"


def recipe_of(plan: Plan, title: str, reasons: Sequence[str]) -> str:
    """Return a recipe that makes this plan again of the same images: each value with its reason.

    Args:
        plan: The plan.
        title: What the recipe is.
        reasons: Sentences that led to it.
    """
    lines = [_comment(title), "#", *map(_comment, reasons), ""]
    for key in Recipe.model_fields:
        value, origin = plan.value(key), plan.origins[key]
        # Where a policy has no use for a key, the plan may hold a value that recipes do not allow.
        if (origin == "default" and key not in plan.reasons) or find_errors({key: value}, str):
            continue
        line = dump_yaml({key: value}).rstrip()
        lines.append(f"{line}  {_comment(plan.reasons.get(key, origin))}")
    return "\n".join(lines) + "\n"


def save_recipe(target: Path, text: str) -> None:
    """Write a recipe's text to `target`.

    Raises:
        RecipeError: `target` exists, or its folder does not.
        HostError: It cannot be written.
    """
    _write_new(target, text.encode())


def copy_recipe(name: str, target: Path) -> None:
    """Write a copy of a recipe to `target`, to be edited.

    Raises:
        RecipeError: `target` exists, its folder does not, or there is no such recipe.
        HostError: It cannot be written.
    """
    _write_new(target, recipe_path(name).read_bytes())


def check_new(target: Path) -> None:
    """Check that a recipe can be written to `target`.

    Raises:
        RecipeError: `target` exists, or its folder does not.
        HostError: The folder cannot be written to.
    """
    if os.path.lexists(target):
        error = f"{quoted(target)} already exists and is not overwritten"
        raise RecipeError(error, _NEW_FILE_HINT)
    if not os.path.isdir(target.parent):
        error = f"the folder {quoted(target.parent)} does not exist"
        raise RecipeError(error, f"create it first: mkdir {pasted(target.parent)}")
    if not os.access(target.parent, os.W_OK):
        raise _host_error(target, os.strerror(errno.EACCES))


def _write_new(target: Path, content: bytes) -> None:
    check_new(target)
    try:
        with target.open("xb") as file:
            file.write(content)
    except OSError as error:
        raise _host_error(target, error.strerror or str(error)) from error


def _host_error(target: Path, reason: str) -> HostError:
    return HostError(f"cannot write {quoted(target)}: {reason}", _NEW_FILE_HINT)


def _comment(text: str) -> str:
    """Return a comment of one line in UTF-8, whatever the folder or the backbone is called."""
    return "# " + "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
