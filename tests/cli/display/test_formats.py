"""Numbers and names as a person reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlearn.cli import render


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain [bold]name[/bold]", "plain [bold]name[/bold]"),
        ("Käse 猫", "Käse 猫"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("right\u202eto left", "right\\u202eto left"),
        ("not utf-8: \udcff", "not utf-8: \\udcff"),
    ],
)
def test_inert(text: str, shown: str) -> None:
    assert render.escape_control(text) == shown
    assert render.words(text).plain == shown


@pytest.mark.parametrize(
    ("n_bytes", "shown"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (8_900_000, "8.9 MB"), (3e9, "3.0 GB")],
)
def test_size(n_bytes: float, shown: str) -> None:
    assert render.size(n_bytes) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (7500, "2 h 5 min")],
)
def test_duration(seconds: float, shown: str) -> None:
    assert render.duration(seconds) == shown


@pytest.mark.parametrize(
    ("share", "cells"), [(-1, ""), (0, ""), (0.5, "█████"), (0.55, "█████▌"), (2, "█" * 10)]
)
def test_bar(share: float, cells: str) -> None:
    assert render.bar(share, 10) == cells


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (3e-4, "3e-4"), (2.45e-4, "2.45e-4"), (0.001, "0.001"), (1, "1")]
)
def test_rate(value: float, shown: str) -> None:
    assert render.rate(value) == shown


def test_percent_and_count() -> None:
    assert render.percent(0.9584) == "95.8 %" and render.percent(None) == "-"
    assert render.count(1, "picture") == "1 picture" and render.count(1200, "picture") == (
        "1,200 pictures"
    )


def test_near(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert render.near(tmp_path / "runs" / "one") == "runs/one"
    assert render.near(tmp_path.parent) == str(tmp_path.parent)


def test_many_classes_are_counted() -> None:
    assert render.class_names(["a", "b"]) == "a, b"
    assert render.class_names([str(n) for n in range(15)]).endswith("11 and 3 more")
