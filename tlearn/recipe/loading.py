"""Find a recipe, read it, lay flags over it, and name every fault at once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from yaml.composer import ComposerError

from tlearn.errors import HostError, RecipeError
from tlearn.recipe.schema import AUTO, Recipe, current_names, find_errors, nearest, plain

PACKAGE = Path(__file__).parents[1]
MAX_BYTES = 1_000_000
_MAX_DEPTH = 6
_KEYS = "Every key and what it means: tlearn recipes auto"
_NAMES = "The recipes that come with tlearn: tlearn recipes"
# A suggestion's other values were measured for its own policy and mean nothing under another.
_ANY_POLICY = {"backbone", "weights", "image_size", "resize", "horizontal_flip"}


@dataclass(frozen=True)
class Resolved:
    """A recipe with its overrides in place.

    Attributes:
        recipe: What was asked, by whoever had the last word.
        origins: Who that was for each key: "default", "suggestion", "recipe" or "flag".
        path: The recipe file read; None without one.
    """

    recipe: Recipe
    origins: dict[str, str]
    path: Path | None = None


@dataclass(frozen=True)
class RecipeInfo:
    """A recipe that comes with tlearn; `summary` is the first comment of its file."""

    name: str
    summary: str
    path: Path


@dataclass(frozen=True)
class Document:
    """A flat YAML file: its values, the line of each key, and the faults of its form."""

    path: Path
    values: dict[str, Any]
    lines: dict[str, int]
    errors: tuple[str, ...]

    def place(self, key: str) -> str:
        """Where a key stands, as the beginning of a sentence."""
        line = f" line {self.lines[key]}" if key in self.lines else ""
        return f"{self.path}{line}: {key}: "


def load_recipe(
    source: str | Path | None,
    overrides: Mapping[str, Any],
    suggestion: Mapping[str, Any] | None = None,
) -> Resolved:
    """Resolve suggestion < recipe file < flags.

    A key that is `auto` counts as not set: in the file it leaves the suggestion's value, as a flag
    it takes back what the file says. Without `source`, the recipe that comes with tlearn for the
    policy asked (or suggested) is the file.

    Args:
        source: A recipe file, or the name of a recipe that comes with tlearn.
        overrides: Keys set by flags; a flag that was not given must be left out.
        suggestion: Keys proposed by `tlearn suggest`. Under another policy than the suggested one
            only those about the backbone and its pictures are taken.

    Raises:
        RecipeError: Every fault of the file and the flags.
        HostError: The file cannot be read.
    """
    suggested = _settled(suggestion or {})
    flags = {key: str(v) if isinstance(v, Path) else v for key, v in overrides.items()}
    flags = current_names(flags)
    path = recipe_path(source) if source is not None else _shipped_for(flags, suggested)
    document = read_yaml(path) if path else Document(Path(), {}, {}, ())
    document = replace(document, values=current_names(document.values))
    errors = [*document.errors, *find_errors(document.values, document.place)]
    errors += find_errors(flags, lambda key: f"flag {key}: ")
    if errors:
        raise RecipeError(errors, _KEYS)
    from_file = {key: v for key, v in _settled(document.values).items() if flags.get(key) != AUTO}
    asked = from_file | _settled(flags)
    if "policy" in asked and plain(asked["policy"]) != suggested.get("policy"):
        suggested = {key: v for key, v in suggested.items() if key in _ANY_POLICY}
    recipe = _validated(suggested | asked)
    if source is None and "policy" not in flags:
        from_file.pop("policy", None)  # the suggestion chose the file, not the file the policy
    layers = (("flag", _settled(flags)), ("recipe", from_file), ("suggestion", suggested))
    origins = {
        key: next((name for name, layer in layers if key in layer), "default")
        for key in Recipe.model_fields
    }
    return Resolved(recipe, origins, path)


def parse_assignments(assignments: Sequence[str]) -> dict[str, Any]:
    """The values of `--set key=value`, read as YAML scalars; hyphens in keys are underscores.

    Raises:
        RecipeError: Every assignment that is not `key=value`, or that sets a key again.
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
            values[key] = _scalar(text)
    if errors:
        raise RecipeError(errors, "Write it as --set learning_rate=0.001")
    return values


def list_recipes() -> list[RecipeInfo]:
    """The recipes that come with tlearn, by name."""
    # A wheel carries them inside the package, an editable install beside it.
    folders = (PACKAGE / "recipes", PACKAGE.parent / "recipes")
    paths = sorted(next((found for f in folders if (found := list(f.glob("*.yaml")))), []))
    return [RecipeInfo(path.stem, _summary(path), path) for path in paths]


def recipe_path(name: str | Path) -> Path:
    """The file of a recipe, by path or by name (hyphens and underscores are equal).

    Raises:
        RecipeError: There is none.
    """
    if (path := Path(name)).is_file():
        return path
    shipped = {info.name: info.path for info in list_recipes()}
    wanted = plain(str(name).removesuffix(".yaml"))
    if wanted in shipped:
        return shipped[wanted]
    if path.is_dir():
        raise RecipeError(f"{name} is a folder; a recipe is a YAML file", _NAMES)
    if path.suffix in (".yaml", ".yml") or path.name != str(name):
        raise RecipeError(f"there is no recipe file {name}", _NAMES)
    raise RecipeError(f"there is no recipe {str(name)!r}{nearest(wanted, shipped)}", _NAMES)


def read_yaml(path: Path, max_bytes: int = MAX_BYTES) -> Document:
    """Read a YAML file that holds one flat mapping; safe on any content.

    Raises:
        RecipeError: It is not such a file; keys that stand twice are left to `Document.errors`.
        HostError: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except OSError as error:
        problem = f"cannot read {path}: {error.strerror or error}"
        raise HostError(problem, "Check the path and its permissions.") from error
    if len(content) > max_bytes:
        raise RecipeError(f"{path} is larger than {max_bytes:,} bytes", _NAMES)
    try:
        loader = _Loader(content.decode("utf-8-sig"))
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            found = "is empty" if node is None else "is not a list of `key: value` lines"
            raise RecipeError(f"{path} {found}", _KEYS)
        values = loader.construct_document(node)
    except UnicodeDecodeError:
        raise RecipeError(f"{path} is not a text file in UTF-8", _NAMES) from None
    except (yaml.YAMLError, ValueError) as error:
        raise RecipeError(f"{path}{_yaml_error(error)}", _KEYS) from None
    lines: dict[str, int] = {}
    errors = []
    for key in (key for key, _ in node.value):
        line = key.start_mark.line + 1
        if key.value in lines:
            first = lines[key.value]
            errors.append(f"{path} line {line}: {key.value} stands twice, first on line {first}")
        lines.setdefault(str(key.value), line)
    return Document(path, {str(key): v for key, v in values.items()}, lines, tuple(errors))


def dump_yaml(values: Mapping[str, Any]) -> str:
    """YAML text that `read_yaml` reads back to the same values."""
    return yaml.dump(dict(values), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


class _Loader(yaml.SafeLoader):
    """Safe, and without what makes a small file large in memory: aliases and deep nesting."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()
        self.depth += 1
        if getattr(event, "anchor", None) is not None:
            raise ComposerError(None, None, "& and * names are not allowed", event.start_mark)
        if self.depth > _MAX_DEPTH:
            raise ComposerError(None, None, "too deeply nested", event.start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _Dumper(yaml.SafeDumper):
    """Safe, and exact for the line breaks that PyYAML loses outside double quotes."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        style = None if data.isprintable() else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", data, style)


_Dumper.add_representer(str, _Dumper.represent_str)


# YAML 1.1 takes 1e-3, without a point, for text; everyone else takes it for a number.
_EXPONENT = re.compile(r"^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$")
for _kind in (_Loader, _Dumper):
    _kind.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT, list("-+.0123456789"))


def _settled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value != AUTO}


def _validated(values: Mapping[str, Any]) -> Recipe:
    """A recipe of values that are each allowed; their combination may still not be."""
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        errors = [str(problem["ctx"]["error"]) for problem in error.errors() if not problem["loc"]]
        if not errors:
            raise
        raise RecipeError(errors, _KEYS) from None


def _shipped_for(flags: Mapping[str, Any], suggested: Mapping[str, Any]) -> Path | None:
    policy = _settled(flags).get("policy", suggested.get("policy"))
    shipped = {info.name: info.path for info in list_recipes()}
    return shipped.get(plain(policy)) if isinstance(policy, str) else None


def _scalar(text: str) -> Any:
    """Plain text as YAML reads it outside quotes: a number, true, null, or the text itself."""
    loader = _Loader("")
    tag = loader.resolve(yaml.ScalarNode, text, (True, False))
    try:
        return loader.construct_object(yaml.ScalarNode(tag, text))
    except (yaml.YAMLError, ValueError):
        return text


def _yaml_error(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    place = f" line {mark.line + 1}" if mark else ""
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    if "'\\t'" in problem:
        problem = "a tab; YAML wants spaces"
    return f"{place}: not valid YAML: {problem}"


def _summary(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.readline().lstrip("# ").rstrip()
