"""Flat YAML files: read safely, with the line of every key, and written so that they read back."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import ComposerError
from yaml.constructor import ConstructorError

from tlearn.errors import HostError, RecipeError, pasted, quoted

MAX_BYTES = 1_000_000
_MAX_DEPTH = 6
_MAPPING = "tag:yaml.org,2002:map"
_KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false"}
_KINDS |= {"timestamp": "a date"}


@dataclass(frozen=True)
class Document:
    """A flat YAML file.

    Attributes:
        path: The file.
        values: Its keys and values.
        lines: Key to the number of its line.
        errors: Keys that are set twice, one sentence each.
    """

    path: Path
    values: dict[str, Any]
    lines: dict[str, int]
    errors: tuple[str, ...]

    def where(self, key: str) -> str:
        """Return where a key is set, as the beginning of a sentence."""
        line = f" line {self.lines[key]}" if key in self.lines else ""
        return f"{quoted(self.path)}{line}: {key}: "


def read_yaml(path: Path, hint: str, max_bytes: int = MAX_BYTES) -> Document:
    """Read a YAML file that holds one flat mapping; safe on any content.

    Args:
        path: The file.
        hint: What to do about a file of another form.
        max_bytes: Largest size that is read.

    Raises:
        RecipeError: It is not such a file; keys that are set twice are left to `Document.errors`.
        HostError: It cannot be read.
    """
    try:
        text = _read_bytes(path, hint, max_bytes).decode("utf-8-sig")
        loader = _Loader(text)
        node = loader.get_single_node()
        mapping = node if isinstance(node, yaml.MappingNode) and node.tag == _MAPPING else None
        values = loader.values_of(mapping) if mapping else {}
    except UnicodeDecodeError:
        raise RecipeError(f"{quoted(path)} is not a text file in UTF-8", hint) from None
    except yaml.YAMLError as error:
        raise RecipeError(quoted(path) + _yaml_error(error, text), hint) from None
    if mapping is None:
        problem = "is empty" if node is None else "is not a list of 'key: value' lines"
        raise RecipeError(f"{quoted(path)} {problem}", hint)
    lines, errors = _find_lines(path, mapping)
    return Document(path, values, lines, errors)


def dump_yaml(values: Mapping[str, Any]) -> str:
    """Return YAML text that `read_yaml` reads back to the same values."""
    return yaml.dump(dict(values), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def parse_scalar(text: str) -> Any:
    """Return text as YAML reads it outside quotes: a number, true, null, or the text itself."""
    loader = _Loader("")
    tag = loader.resolve(yaml.ScalarNode, text, (True, False))
    try:
        return loader.construct_object(yaml.ScalarNode(tag, text))
    except yaml.YAMLError:
        return text


class _Loader(yaml.SafeLoader):
    """Safe loader that refuses what makes a small file large in memory: aliases, deep nesting."""

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

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError, TypeError) as error:
            kind = node.tag.rpartition(":")[2]  # PyYAML trusts the tag, and fails in many ways
            problem = f"{reprlib.repr(node.value)} is not {_KINDS.get(kind, kind)}"
            raise ConstructorError(None, None, problem, node.start_mark) from error

    def values_of(self, mapping: yaml.MappingNode) -> dict[str, Any]:
        """Return the values of a mapping; a key is text as it stands, so << merges nothing."""
        for key, _ in mapping.value:
            if not isinstance(key, yaml.ScalarNode):
                raise ConstructorError(None, None, "a key has to be a word", key.start_mark)
        return {key.value: self.construct_object(value, True) for key, value in mapping.value}


class _Dumper(yaml.SafeDumper):
    """Safe dumper that keeps the line breaks which PyYAML loses outside double quotes."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        style = None if data.isprintable() else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", data, style)


_Dumper.add_representer(str, _Dumper.represent_str)


# YAML 1.1 reads 1e-3, without a point, as text; everyone else reads it as a number.
_EXPONENT = re.compile(r"^[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$")
for _kind in (_Loader, _Dumper):
    _kind.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT, list("-+.0123456789"))


def _read_bytes(path: Path, hint: str, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except OSError as error:
        problem = f"cannot read {quoted(path)}: {error.strerror or error}"
        fix = f"make the file readable: chmod u+r {pasted(path)}"
        raise HostError(problem, fix) from error
    if len(content) > max_bytes:
        raise RecipeError(f"{quoted(path)} is larger than {max_bytes:,} bytes", hint)
    return content


def _find_lines(path: Path, node: yaml.MappingNode) -> tuple[dict[str, int], tuple[str, ...]]:
    """Return the line of every key, and an error for every key that is set again."""
    lines: dict[str, int] = {}
    errors = []
    for key, _ in node.value:
        line, first = key.start_mark.line + 1, lines.get(key.value)
        if first is not None:
            where = f"{quoted(path)} line {line}"
            errors.append(f"{where}: {key.value} is set twice, first on line {first}")
        lines.setdefault(str(key.value), line)
    return lines, tuple(errors)


def _yaml_error(error: Exception, text: str) -> str:
    mark = getattr(error, "problem_mark", None)
    # What is missing at the end of the file is missing on its last line.
    line = f" line {min(mark.line + 1, len(text.splitlines()))}" if mark else ""
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    if "'\\t'" in problem:
        problem = "a tab; YAML is indented with spaces"
    return f"{line}: not valid YAML: {problem}"
