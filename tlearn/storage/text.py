"""JSON files and labels, one a line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tlearn.errors import RunError
from tlearn.storage.atomic import TEXT_ENCODING, os_errors_as_host_errors, write_atomic


def write_json(path: Path, value: Any) -> None:
    """Write plain Python values as JSON; NaN is a bug and raises ValueError."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    write_atomic(path, text + "\n")


def read_json(path: Path) -> Any:
    """The value in a JSON file; RunError when it is missing or is not JSON."""
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        problem = f"{path} is not valid JSON: line {error.lineno}, {error.msg}"
        raise RunError(problem, "Run the command that wrote it again.") from None


def escape_label(label: str) -> str:
    r"""A label on one line: backslash, newline and carriage return become `\\`, `\n`, `\r`."""
    return label.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")


def unescape_label(line: str) -> str:
    """The label that `escape_label` wrote."""
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
    if not path.is_file():
        raise RunError(f"{path} does not exist", "Name the directory of a finished run.")
    with os_errors_as_host_errors(path):
        return path.read_bytes().decode(**TEXT_ENCODING)
