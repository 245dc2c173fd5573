"""Find a recipe, read it, apply flags on top, and report all errors at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tlearn.errors import RecipeError, quoted
from tlearn.recipe.key_errors import find_errors, nearest
from tlearn.recipe.names import RENAMED_KEYS, current_names, plain
from tlearn.recipe.schema import AUTO, Recipe
from tlearn.recipe.yaml_file import Document, parse_scalar, read_yaml

PACKAGE = Path(__file__).parents[1]
_KEYS_HINT = "see every key and its meaning: tlearn recipes auto"
_NAMES_HINT = "see the recipes that come with tlearn: tlearn recipes"
# The other values of a suggestion were measured for its own policy; another has no use for them.
_ANY_POLICY = {"backbone", "weights", "image_size", "resize", "horizontal_flip"}
_HOW_LONG = {"epochs", "seconds"}  # each decides how long to train, so only one can be set


@dataclass(frozen=True)
class Resolved:
    """A recipe after suggestion, file and flags have been merged.

    Attributes:
        recipe: The merged values; some may still be `auto`.
        origins: Where each value came from: "default", "suggestion", "recipe" or "flag".
        path: The recipe file that was read; None without one.
    """

    recipe: Recipe
    origins: dict[str, str]
    path: Path | None = None


@dataclass(frozen=True)
class RecipeInfo:
    """A recipe that comes with tlearn.

    Attributes:
        name: Name of the file without its suffix.
        summary: The first comment in it.
        path: The file.
    """

    name: str
    summary: str
    path: Path


def load_recipe(
    source: str | Path | None,
    overrides: Mapping[str, Any],
    suggestion: Mapping[str, Any] | None = None,
) -> Resolved:
    """Merge suggestion < recipe file < flags; what comes later wins.

    A key that is `auto` counts as not set: in the file it leaves the suggestion's value in place,
    as a flag it revokes the file's. Epochs as a flag revoke seconds in the file, too, and seconds
    epochs. Without `source`, the file is the recipe that comes with tlearn for the policy in the
    flags (or the suggested one).

    Args:
        source: A recipe file, or the name of a recipe that comes with tlearn.
        overrides: Keys set by flags; those that were not given must be left out.
        suggestion: Keys proposed by `tlearn suggest`. Under another policy than the suggested one,
            only those about the backbone and its input are used.

    Raises:
        RecipeError: With all errors of the file and the flags.
        HostError: The file cannot be read.
    """
    suggested = _without_auto(suggestion or {})
    flags = {key: str(v) if isinstance(v, Path) else v for key, v in overrides.items()}
    errors = _find_old_names(flags, lambda key: f"flag {key}: ")
    flags = current_names(flags)
    path = recipe_path(source) if source is not None else _shipped_for(flags, suggested)
    document = _read_document(path)
    errors += [*document.errors, *find_errors(document.values, document.where)]
    errors += find_errors(flags, lambda key: f"flag {key}: ")
    if errors:
        raise RecipeError(errors, _KEYS_HINT)
    from_file = _without_auto(document.values)
    from_file = {key: value for key, value in from_file.items() if flags.get(key) != AUTO}
    if _HOW_LONG & _without_auto(flags).keys():  # the file's no longer decides
        from_file = {key: value for key, value in from_file.items() if key not in _HOW_LONG}
    explicit = from_file | _without_auto(flags)
    if "policy" in explicit and plain(explicit["policy"]) != suggested.get("policy"):
        suggested = {key: value for key, value in suggested.items() if key in _ANY_POLICY}
    recipe = _validate(suggested | explicit)
    if source is None and "policy" not in flags:
        from_file.pop("policy", None)  # the suggestion chose this file, so the policy is its own
    layers = (("flag", _without_auto(flags)), ("recipe", from_file), ("suggestion", suggested))
    origins = {
        key: next((name for name, layer in layers if key in layer), "default")
        for key in Recipe.model_fields
    }
    return Resolved(recipe, origins, path)


def parse_assignments(assignments: Sequence[str]) -> dict[str, Any]:
    """Return the values of `--set key=value`, read as YAML scalars.

    Raises:
        RecipeError: With every assignment that is not `key=value` or that sets a key again.
    """
    values: dict[str, Any] = {}
    errors = []
    for assignment in assignments:
        key, equals, text = (part.strip() for part in assignment.partition("="))
        key = key.replace("-", "_")
        if not (key and equals and text):
            errors.append(f"--set {assignment!r}: expected key=value")
        elif key in values:
            errors.append(f"--set {assignment!r}: {key} is set more than once")
        else:
            values[key] = parse_scalar(text)
    if errors:
        raise RecipeError(errors, "write it like this: --set learning_rate=0.001")
    return values


def list_recipes() -> list[RecipeInfo]:
    """Return the recipes that come with tlearn, sorted by name."""
    # In a wheel they are inside the package, in an editable install beside it.
    paths = sorted((PACKAGE / "recipes").glob("*.yaml"))
    paths = paths or sorted((PACKAGE.parent / "recipes").glob("*.yaml"))
    return [RecipeInfo(path.stem, _summary(path), path) for path in paths]


def recipe_path(name: str | Path) -> Path:
    """Return the file of a recipe, by path or by name (hyphens and underscores are equal).

    Raises:
        RecipeError: There is no such recipe.
    """
    if (path := Path(name)).is_file():
        return path
    shipped = {info.name: info.path for info in list_recipes()}
    stem = plain(str(name).removesuffix(".yaml"))
    if stem in shipped:
        return shipped[stem]
    if path.is_dir():
        raise RecipeError(f"{quoted(path)} is a folder; a recipe is a YAML file", _NAMES_HINT)
    if path.suffix in (".yaml", ".yml") or path.name != str(name):
        raise RecipeError(f"there is no recipe file {quoted(path)}", _NAMES_HINT)
    suggestion = nearest(stem, [known.replace("_", "-") for known in shipped])
    raise RecipeError(f"there is no recipe '{name}'{suggestion}", _NAMES_HINT)


def _find_old_names(values: Mapping[str, Any], where: Callable[[str], str]) -> list[str]:
    """Return a sentence for each key that is set by its old name and by today's."""
    first: dict[str, str] = {}
    errors = []
    for key in values:
        name = RENAMED_KEYS.get(plain(key), key)
        if name in first:
            both = f"{first[name]} and {key} are names of the same setting"
            errors.append(f"{where(key)}{both}; leave one of them out")
        first.setdefault(name, key)
    return errors


def _without_auto(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value != AUTO}


def _read_document(path: Path | None) -> Document:
    if path is None:
        return Document(Path(), {}, {}, ())
    document = read_yaml(path, _KEYS_HINT)
    twice = _find_old_names(document.values, document.where)
    values, lines = current_names(document.values), current_names(document.lines)
    return replace(document, values=values, lines=lines, errors=(*document.errors, *twice))


def _validate(values: Mapping[str, Any]) -> Recipe:
    """Validate the combination of values that are each allowed."""
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        errors = [str(problem["ctx"]["error"]) for problem in error.errors() if not problem["loc"]]
        if not errors:
            raise
        raise RecipeError(errors, _KEYS_HINT) from None


def _shipped_for(flags: Mapping[str, Any], suggested: Mapping[str, Any]) -> Path | None:
    policy = _without_auto(flags).get("policy", suggested.get("policy"))
    shipped = {info.name: info.path for info in list_recipes()}
    return shipped.get(plain(policy)) if isinstance(policy, str) else None


def _summary(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.readline().lstrip("# ").rstrip()
