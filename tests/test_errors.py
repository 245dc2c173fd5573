"""The errors that a person meets: what they carry, and how paths are shown in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tlearn import errors
from tlearn.errors import GateError, RecipeError, TlearnError, pasted, quoted


def test_the_tree_in_the_docstring_is_the_tree_of_classes() -> None:
    classes = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, TlearnError)
    }
    first_words = re.findall(r"^[ ├─└│]*(\w+Error)  ", errors.__doc__ or "", re.MULTILINE)
    named = set(first_words)
    assert named == classes


def test_a_failed_gate_has_an_exit_code_of_its_own() -> None:
    assert TlearnError("x").exit_code == 2 and GateError("x").exit_code == 1


def test_a_recipe_error_carries_every_error() -> None:
    error = RecipeError(["one", "two"], "a hint")
    assert error.errors == ("one", "two") and error.message == "one\ntwo"
    assert RecipeError("alone").errors == ("alone",)


def test_paths_are_shown_from_where_the_person_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert quoted(tmp_path / "runs" / "one") == "'runs/one'"
    assert quoted("runs/one") == "'runs/one'"
    assert quoted(tmp_path.parent / "elsewhere") == f"'{tmp_path.parent / 'elsewhere'}'"


def test_a_path_in_a_command_can_be_pasted() -> None:
    assert pasted("runs/one") == "runs/one"
    assert pasted("my images") == "'my images'"
    assert pasted("-data") == "./-data"
    assert pasted(Path("-my data")) == "'./-my data'"
