"""JSON files, text files, and labels written one a line."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tlearn.errors import RunError, quoted
from tlearn.storage.atomic import TEXT_ENCODING, os_errors_as_host_errors, write_atomic


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
        RunError: The file is missing, or is not JSON.
    """
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise RunError(
            f"{quoted(path)} is not valid JSON: line {error.lineno}, {error.msg}",
            "run the command that wrote it again",
        ) from None


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
        RunError: The file does not exist.
        HostError: The file cannot be read.
    """
    if not path.is_file():
        raise RunError(f"{quoted(path)} does not exist", "name the folder of a finished run")
    with os_errors_as_host_errors(path):
        return path.read_bytes().decode(**TEXT_ENCODING)
