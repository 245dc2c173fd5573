"""JSON files, text files, and labels written one a line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlearn.errors import RunError, quoted
from tlearn.storage.atomic import TEXT_ENCODING, write_atomic
from tlearn.storage.regular_file import read_regular

if TYPE_CHECKING:
    from pydantic import ValidationError

MAX_TEXT_BYTES = 1_000_000_000
"""Of the largest text that is read: the split of some millions of images."""


def write_json(path: Path, value: Any) -> None:
    """Write plain Python values as JSON.

    Raises:
        HostError: The file cannot be written.
        ValueError: A number is NaN or infinite, which is a bug of the caller.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    write_atomic(path, text + "\n")


def read_json(path: Path) -> Any:
    """Read the value in a JSON file.

    Raises:
        RunError: The file is missing, cannot be read, or is not JSON as `write_json` writes it.
    """
    try:
        return parse_json(read_text(path))
    except ValueError as error:
        raise RunError(
            f"{quoted(path)} is not valid JSON: {error}",
            "copy it from another copy of the folder, or run the command that wrote it again",
        ) from None


def parse_json(text: str) -> Any:
    """Return the value that a JSON text stands for.

    Raises:
        ValueError: It is not JSON, is nested too deeply, or has a number that is none.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}, {error.msg}") from None
    except RecursionError:
        raise ValueError("too deeply nested") from None


_MISPLACED = {"missing": "missing", "unexpected_keyword_argument": "no such key"}
_KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "string": "text"}
_KINDS |= {"tuple": "a list", "list": "a list", "dict": "an object", "dataclass": "an object"}


def first_problem(error: ValidationError) -> str:
    """Return the key of the first value that was refused, and why, in plain words."""
    detail = error.errors()[0]
    kind, _, reason = detail["type"].partition("_")
    problem = _MISPLACED.get(detail["type"], detail["msg"][0].lower() + detail["msg"][1:])
    if kind in _KINDS and reason in ("type", "parsing", "from_float"):
        problem = f"not {_KINDS[kind]}"
    return ": ".join(filter(None, (".".join(map(str, detail["loc"]))[:100], problem)))


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def escape_label(label: str) -> str:
    r"""Escape a label so that it fits on one line: `\\`, `\n`, `\r` for backslash and line ends."""
    return label.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")


def unescape_label(line: str) -> str:
    """Restore the label that `escape_label` wrote."""
    return re.sub(r"\\(.)", lambda match: {"n": "\n", "r": "\r"}.get(match[1], match[1]), line)


_INVISIBLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def escape_invisible(text: str) -> str:
    r"""Return text with control characters and marks of text direction spelled out, as `\u202e`.

    Such a character in a file name can break a line, or show the name's end before its beginning.
    """
    return _INVISIBLE.sub(lambda match: ascii(match[0])[1:-1], text)


def read_text(path: Path) -> str:
    """Read a text file of a run.

    Raises:
        RunError: The file does not exist or cannot be read.
    """
    hint = "name the folder of a finished run; list them: tlearn runs"
    try:
        return read_regular(path, MAX_TEXT_BYTES).decode(**TEXT_ENCODING)
    except FileNotFoundError:
        raise RunError(f"{quoted(path)} does not exist", hint) from None
    except OSError as error:
        raise RunError(f"{quoted(path)} cannot be read: {error.strerror}", hint) from error
