"""One style for every error, one word for one thing: read out of the source, raising nothing.

message   lower case, no full stop; it may begin with a value, a quote, a flag or a proper name
hint      the same; every error has one, and it says what to do next
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tlearn import errors

PACKAGE = Path(errors.__file__).parent
ERRORS = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.TlearnError)
}
PROPER_NAMES = (
    "TLEARN_",
    "TensorFlow",
    "Keras",
    "LiteRT",
    "ONNX",
    "OpenVINO",
    "Pillow",
    "SavedModel",
)
PROPER_NAMES += ("HEIC", "AVIF", "HDF5", "CSV", "YAML", "JSON", "Python")
VALUE = "\0"
"""Stands for a value that is only known when the error is raised."""

_START = re.compile(rf"(?:[a-z0-9'\"{VALUE}(]|--?[a-z]|{'|'.join(PROPER_NAMES)})")
_OLD_WORDS = re.compile(r"\b(?:pictures?|arte" r"facts?|faults?)\b", re.IGNORECASE)
"""Today: image, artifact, error."""


class Message(NamedTuple):
    """A text of an error: "message" or "hint", its file and line, the text itself."""

    kind: str
    place: str
    text: str


class Module:
    """A source file whose errors are read."""

    def __init__(self, path: Path) -> None:
        self.name = path.relative_to(PACKAGE.parent).as_posix()
        self.tree = ast.parse(path.read_text(encoding="utf-8"))
        self.functions = {
            node.name: node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef)
        }

    def messages(self) -> Iterator[Message]:
        """Every message and hint of every error that is made in the file."""
        for scope in [self.tree, *self.functions.values()]:
            for node in ast.walk(scope):
                name = getattr(getattr(node, "func", None), "id", "")
                if isinstance(node, ast.Call) and name in ERRORS and self._scope(node) is scope:
                    yield from self._of(node, scope)

    def _scope(self, node: ast.AST) -> ast.AST:
        around = [
            function
            for function in self.functions.values()
            if any(child is node for child in ast.walk(function))
        ]
        return around[-1] if around else self.tree

    def _of(self, call: ast.Call, scope: ast.AST) -> Iterator[Message]:
        place = f"{self.name}:{call.lineno}"
        given = [*call.args, *(keyword.value for keyword in call.keywords)]
        if len(given) < 2:
            yield Message("hint", place, "")
        for kind, node in zip(("message", "hint"), given, strict=False):
            for text in self._texts(node, scope):
                yield Message(kind, place, text)

    def _texts(self, node: ast.AST, scope: ast.AST, depth: int = 0) -> Iterator[str]:
        """What an expression may come to: text with `VALUE` for what is not known here."""
        if depth > 4:
            yield VALUE
        elif isinstance(node, ast.Constant):
            yield str(node.value)
        elif isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else VALUE for part in node.values
            )
        elif isinstance(node, ast.IfExp):
            yield from self._texts(node.body, scope, depth + 1)
            yield from self._texts(node.orelse, scope, depth + 1)
        elif isinstance(node, ast.List | ast.Tuple):
            for item in node.elts:
                yield from self._texts(item, scope, depth + 1)
        elif isinstance(node, ast.ListComp):
            yield from self._texts(node.elt, scope, depth + 1)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            for left in self._texts(node.left, scope, depth + 1):
                yield from (left + right for right in self._texts(node.right, scope, depth + 1))
        elif isinstance(node, ast.Name):
            yield from self._assigned(node.id, scope, depth)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in self.functions:
            function = self.functions[node.func.id]  # type: ignore[attr-defined]
            for inner in ast.walk(function):
                if isinstance(inner, ast.Return) and inner.value:
                    yield from self._texts(inner.value, function, depth + 1)
        else:
            yield VALUE

    def _assigned(self, name: str, scope: ast.AST, depth: int) -> Iterator[str]:
        """What a name is set to in a function, or else at the top of the file."""
        for place in (scope, self.tree):
            body = ast.walk(place) if place is scope else iter(self.tree.body)
            values = [
                node.value
                for node in body
                if isinstance(node, ast.Assign)
                and any(getattr(target, "id", "") == name for target in node.targets)
            ]
            if values:
                for value in values:
                    yield from self._texts(value, scope, depth + 1)
                return
        yield VALUE


def every_message() -> list[Message]:
    paths = sorted(PACKAGE.rglob("*.py"))
    return list(dict.fromkeys(text for path in paths for text in Module(path).messages()))


def complaints(message: Message) -> Iterator[str]:
    if not message.text:
        yield "is missing"
    elif not _START.match(message.text):
        yield "does not begin in lower case"
    if message.text.endswith("."):
        yield "ends with a full stop"
    if "`" in message.text:
        yield "has backticks"
    if word := _OLD_WORDS.search(message.text):
        yield f"says {word[0]!r}"


def test_errors_are_found_in_the_source() -> None:
    messages = every_message()
    assert sum(message.kind == "message" for message in messages) > 150
    assert not [m for m in messages if m.kind == "message" and m.text == ""]


def test_every_error_is_written_in_one_style() -> None:
    offenders = [
        f"{message.place}: the {message.kind} {complaint}: {message.text.replace(VALUE, '{}')!r}"
        for message in every_message()
        for complaint in complaints(message)
    ]
    assert not offenders, f"{len(offenders)} to mend\n" + "\n".join(offenders)


def test_one_word_for_one_thing() -> None:
    offenders = [
        f"{path.relative_to(PACKAGE.parent).as_posix()}:{node.lineno}: {word[0]!r}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        # A single word is a key of the first version, which is still read; "[ _-]" is a pattern.
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if " " in node.value and "[ _-]" not in node.value
        for word in [_OLD_WORDS.search(node.value)]
        if word
    ]
    assert not offenders, f"{len(offenders)} to mend\n" + "\n".join(offenders)


def test_snippets_use_the_same_words() -> None:
    templates = sorted(PACKAGE.rglob("*.j2"))
    assert templates
    found = [
        f"{path.name}: {word[0]!r}"
        for path in templates
        for word in _OLD_WORDS.finditer(path.read_text(encoding="utf-8"))
    ]
    assert not found
