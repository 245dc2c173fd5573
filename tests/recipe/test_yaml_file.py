"""Flat YAML files: any content is read safely, and what is written reads back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tlearn.errors import HostError, RecipeError
from tlearn.recipe.yaml_file import dump_yaml, parse_scalar, read_yaml

Write = Callable[[str | bytes], Path]
HINT = "try another: --recipe FILE"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def make(content: str | bytes) -> Path:
        path = tmp_path / "mine.yaml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return make


def values_of(path: Path) -> dict[str, Any]:
    return read_yaml(path, HINT).values


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ("# only a comment\n", "is empty"),
        ("- a\n- b\n", "is not a list of 'key: value' lines"),
        ("epochs\n", "is not a list of 'key: value' lines"),
        ("policy: deep\n\tepochs: 3\n", "line 2: not valid YAML: a tab"),
        ("epochs: [1\n", "line 1: not valid YAML"),
        (b"\xff\xfe\x00epochs", "is not a text file in UTF-8"),
        (b"epochs: \x00", "not valid YAML"),
        ("a: &x 1\nb: *x\n", "line 1: not valid YAML: & and * names are not allowed"),
        ("epochs: *x\n", "& and * names are not allowed"),
        ("epochs: " + "[" * 5000, "too deeply nested"),
        ("epochs: !!python/object/apply:os.system [ls]\n", "could not determine a constructor"),
        ("? [1, 2]\n: 3\n", "not valid YAML"),
        ("seed: " + "9" * 5000, "not valid YAML"),
        ("a: 1\nseed: 2024-99-99\n", "line 2: not valid YAML: '2024-99-99' is not a date"),
        ("!!set {a, b}\n", "is not a list of 'key: value' lines"),
        ("epochs: !!int ''\n", "line 1: not valid YAML: '' is not a whole number"),
        ("epochs: !!int x\n", "line 1: not valid YAML: 'x' is not a whole number"),
        ("epochs: !!float ''\n", "line 1: not valid YAML: '' is not a number"),
        ("a: 1\nstrict: !!bool maybe\n", "line 2: not valid YAML: 'maybe' is not true or false"),
        ("epochs: !!timestamp x\n", "line 1: not valid YAML: 'x' is not a date"),
        ("epochs: !!str {a: x}\n", "line 1: not valid YAML"),
        ("epochs: !!binary x\n", "line 1: not valid YAML"),
        ("{a: 1}: 2\n", "line 1: not valid YAML: a key has to be a word"),
        ("a: 1\n---\nb: 2\n", "not valid YAML"),
        ("a: 1\n" + "# x\n" * 260_000, "is larger than 1,000,000 bytes"),
    ],
)
def test_a_file_of_another_form_is_refused(
    write: Write, content: str | bytes, message: str
) -> None:
    path = write(content)
    with pytest.raises(RecipeError) as caught:
        read_yaml(path, HINT)
    (error,) = caught.value.errors
    assert error.startswith(f"'{path}'")
    assert message in error
    assert caught.value.hint == HINT


def test_keys_have_lines_and_those_set_twice_are_named(write: Write) -> None:
    path = write("# mine\nseed: 1\nepochs: 3\nseed: 2\n")
    document = read_yaml(path, HINT)
    assert document.errors == (f"'{path}' line 4: seed is set twice, first on line 2",)
    assert document.where("epochs") == f"'{path}' line 3: epochs: "
    assert document.where("other") == f"'{path}': other: "


@pytest.mark.parametrize(
    ("text", "value"),
    [("1e-3", 0.001), ("1.5E2", 150.0), ("-2e+1", -20.0), ("1e", "1e"), ("e5", "e5")],
)
def test_exponents_need_no_point(write: Write, text: str, value: Any) -> None:
    assert values_of(write(f"a: {text}\n")) == {"a": value}
    assert parse_scalar(text) == value


@pytest.mark.parametrize("value", ["1e3", "1", "true", "null", "", "a: b", "&x", "\x85\n", 1e-7, 3])
def test_what_is_written_is_read_back(write: Write, value: Any) -> None:
    again = values_of(write(dump_yaml({"a": value})))["a"]
    assert again == value and type(again) is type(value)


@pytest.mark.parametrize("text", ["=", "<<", "2024-99-99", "9" * 5000, "[1", "*x"])
def test_a_scalar_that_is_no_yaml_value_is_text(text: str) -> None:
    assert parse_scalar(text) == text


def test_a_byte_order_mark_is_not_part_of_the_first_key(write: Write) -> None:
    assert values_of(write(b"\xef\xbb\xbfepochs: 3\n")) == {"epochs": 3}


def test_a_file_that_cannot_be_read_is_an_error_of_the_host(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("epochs: 3\n")

    def refuse(*args: object, **keywords: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(HostError, match="Permission denied"):
        read_yaml(path, HINT)


@pytest.mark.parametrize("content", ["<<: {epochs: 3}\n", "1: 2\n", "null: 3\n", "true: 4\n"])
def test_a_key_is_text_as_it_stands(write: Write, content: str) -> None:
    document = read_yaml(write(content), HINT)
    key = content.partition(":")[0]
    assert document.values.keys() == document.lines.keys() == {key}
