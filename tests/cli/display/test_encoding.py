"""A terminal that lacks a symbol gets a stand-in of the same width; signs stay different."""

from __future__ import annotations

import io

from rich.text import Text

from tlearn.cli.display.encoding import ERRORS, can_show, use_ascii_stand_ins
from tlearn.cli.display.formats import bar
from tlearn.cli.display.progress import console
from tlearn.cli.display.widgets import table


def ascii_stream() -> io.TextIOWrapper:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    use_ascii_stand_ins(stream)
    return stream


def written(stream: io.TextIOWrapper) -> str:
    stream.flush()
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode("ascii")


def test_passed_failed_warning_and_unchecked_differ() -> None:
    stand_ins = "✓✗!·".encode("ascii", ERRORS).decode()
    assert len(set(stand_ins)) == 4 and "?" not in stand_ins


def test_every_symbol_has_one_character_in_its_place() -> None:
    symbols = "✓✗·▶◀◆…─━│╭╮╰╯├┤┬┴┼" + bar(1) + bar(0.99)
    stand_ins = symbols.encode("ascii", ERRORS).decode()
    assert len(stand_ins) == len(symbols) and "?" not in stand_ins
    assert "Käse".encode("ascii", ERRORS) == b"K?se"
    assert "·✓".encode("latin-1", ERRORS) == b"\xb7+"  # only what is lacking is replaced


def test_a_table_keeps_its_shape() -> None:
    rows = table("", "check")
    rows.add_row(Text("✓"), "labels")
    stream = ascii_stream()
    console(stream).print(rows)
    head, rule, row = written(stream).splitlines()
    assert head.split() == ["check"] and set(rule.strip()) == {"-"}
    assert row.split() == ["+", "labels"]


def test_whether_a_stream_can_show_something() -> None:
    assert not can_show(ascii_stream(), "⠋")
    assert can_show(io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), "⠋")


def test_streams_without_an_encoding_of_their_own_are_left_alone() -> None:
    use_ascii_stand_ins(io.StringIO())
