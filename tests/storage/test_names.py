"""Names that every system takes, and that no other file has."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from tlearn.storage.names import fit_name, free_name, numbered


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("cat", "cat"),
        ("très été", "très été"),
        ("a/b\\c:d", "a_b_c_d"),
        ("..", "__"),
        (".hidden", "_hidden"),
        ("ends with a dot. ", "ends with a dot__"),
        ("con", "_con"),
        ("LPT1.txt", "_LPT1.txt"),
        ("console", "console"),
        ("two\nlines", "two_lines"),
        ("\ud800", "_"),
        ("", "_"),
    ],
)
def test_what_a_system_refuses_is_replaced(text: str, name: str) -> None:
    assert fit_name(text) == name
    assert fit_name(name) == name


def test_a_long_name_is_cut_between_characters() -> None:
    name = fit_name("é" * 300)
    assert name == "é" * 100


def test_a_number_goes_before_the_suffix() -> None:
    assert [*islice(numbered("a/b.jpg"), 3)] == ["a/b.jpg", "a/b-1.jpg", "a/b-2.jpg"]


def test_a_name_is_given_once_on_systems_that_ignore_case(tmp_path: Path) -> None:
    (tmp_path / "b.jpg").touch()
    taken: set[str] = set()
    names = [free_name(tmp_path, name, taken) for name in ("a.jpg", "A.jpg", "b.jpg")]
    assert names == ["a.jpg", "A-1.jpg", "b-1.jpg"]
