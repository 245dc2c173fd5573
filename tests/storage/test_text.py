"""JSON and labels come back as they were written; a damaged file is an error that says where."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import TypeAdapter, ValidationError

from tlearn.errors import RunError
from tlearn.storage.text import (
    escape_label,
    first_problem,
    read_json,
    read_text,
    unescape_label,
    write_json,
)


@dataclass
class Record:
    """What a file may hold."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    number: int
    names: tuple[str, ...]


def test_json_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    write_json(path, {"name": "Äpfel \udcff", "values": [1, 0.5, None]})
    assert read_json(path) == {"name": "Äpfel \udcff", "values": [1, 0.5, None]}


def test_nan_is_a_bug(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        write_json(tmp_path / "metrics.json", {"loss": float("nan")})


def test_damaged_json_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    path.write_text('{"a": 1,\n')
    with pytest.raises(RunError, match=r"metrics\.json' is not valid JSON: line 2"):
        read_json(path)


@pytest.mark.parametrize("read", [read_json, read_text])
def test_a_missing_file_is_an_error(tmp_path: Path, read: object) -> None:
    assert callable(read)
    with pytest.raises(RunError, match=r"other\.json' does not exist"):
        read(tmp_path / "other.json")


@pytest.mark.parametrize(
    "label",
    ["a", "", " a ", "a\nb", "a\r\n", "\\n", "\\\\n\n", "é, \u2028\x85", "\udcff", "C:\\new"],
)
def test_a_label_fits_on_one_line_and_comes_back(label: str) -> None:
    line = escape_label(label)
    assert "\n" not in line and "\r" not in line
    assert unescape_label(line) == label


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[" * 100_000, "too deeply nested"),
        ("[NaN]", "NaN is not a number"),
        ("1" * 5000, "digits"),
    ],
)
def test_json_that_breaks_a_parser_is_an_error(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "metrics.json"
    path.write_text(text)
    with pytest.raises(RunError, match=problem):
        read_json(path)


@pytest.mark.parametrize("read", [read_json, read_text])
def test_what_is_no_file_or_huge_is_an_error(tmp_path: Path, read: object) -> None:
    assert callable(read)
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(40 * 10**9)
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "sparse"):
        with pytest.raises(RunError, match="cannot be read: it is"):
            read(path)


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({"number": "x", "names": []}, "number: not a whole number"),
        ({"number": 1, "names": 3}, "names: not a list"),
        ({"number": 1, "names": [None]}, "names.0: not text"),
        ({"number": 1}, "names: missing"),
        ({"number": 1, "names": [], "more": 1}, "more: no such key"),
        ([], "not an object"),
    ],
)
def test_a_value_that_is_refused_is_named_in_plain_words(document: object, problem: str) -> None:
    with pytest.raises(ValidationError) as error:
        TypeAdapter(Record).validate_python(document)
    assert first_problem(error.value) == problem
