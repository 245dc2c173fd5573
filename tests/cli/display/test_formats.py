"""Numbers, names and paths as a person reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlearn.cli.display import formats


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
def test_control_characters_are_spelled_out(text: str, shown: str) -> None:
    assert formats.escape_control(text) == shown


@pytest.mark.parametrize(
    ("n_bytes", "shown"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 kB"), (8_900_000, "8.9 MB"), (3e9, "3.0 GB")],
)
def test_a_size_is_shown_in_the_unit_that_fits(n_bytes: float, shown: str) -> None:
    assert formats.size(n_bytes) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (59.4, "59 s"), (59.6, "1 min 0 s"), (7500, "2 h 5 min")],
)
def test_a_duration_is_shown_in_the_units_that_fit(seconds: float, shown: str) -> None:
    assert formats.duration(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.2, "1 s"),
        (7.6, "8 s"),
        (19.7, "20 s"),
        (44, "40 s"),
        (54, "50 s"),
        (56, "1 min"),
        (131, "2 min"),
        (3400, "57 min"),
        (3500, "1 h"),
        (5400, "1.5 h"),
    ],
)
def test_a_forecast_is_as_rough_as_it_is_certain(seconds: float, shown: str) -> None:
    assert formats.rough_duration(seconds) == shown


@pytest.mark.parametrize(
    ("share", "cells"), [(-1, ""), (0, ""), (0.5, "█████"), (0.55, "█████▌"), (2, "█" * 10)]
)
def test_a_bar_is_as_long_as_its_share(share: float, cells: str) -> None:
    assert formats.bar(share, 10) == cells


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (3e-4, "3e-4"), (2.45e-4, "2.45e-4"), (0.001, "0.001"), (1, "1")]
)
def test_a_learning_rate_is_as_people_write_it(value: float, shown: str) -> None:
    assert formats.learning_rate(value) == shown


def test_percent_has_no_space_and_points_no_sign() -> None:
    assert formats.percent(0.9584) == "95.8%" and formats.percent(0.9584, 0) == "96%"
    assert formats.rough_percent(0.978) == "98%" and formats.rough_percent(0.997) == "over 99%"
    assert formats.percent(None) == "-"
    assert formats.percent(1.0) == "100.0%" and formats.percent(0.9996) == ">99.9%"
    assert formats.interval(0.9, 1.0, 0) == "90 to 100"
    assert formats.interval(-0.0, 0.0004) == "0.0 to 0.0"
    assert [formats.change(x) for x in (0.125, -0.4, -0.0001)] == ["+12.5", "-40.0", "none"]
    assert formats.points(-0.004) == "0.4 points" and formats.points(0.01) == "1.0 point"


def test_numbers_with_nouns() -> None:
    assert formats.pluralize(1, "image") == "1 image"
    assert formats.pluralize(1200, "image") == "1,200 images"
    assert formats.pluralize(2, "entry", "entries") == "2 entries"


def test_policies_are_spelled_as_they_are_typed() -> None:
    assert formats.option_name("linear_head", "last") == "linear-head"
    assert formats.option_name("top_stages", "3,4") == "top-stages on stages 3,4"
    assert formats.option_name("deep", "3") == "deep on stage 3"


def test_paths_are_short_and_quoted_for_a_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert formats.relative_path(tmp_path / "runs" / "one") == "runs/one"
    assert formats.relative_path(tmp_path.parent) == str(tmp_path.parent)
    assert formats.shell_path("my run") == "'my run'"


def test_lists_of_names() -> None:
    assert formats.class_names(["a", "b"]) == "a, b"
    assert formats.class_names([str(n) for n in range(15)]).endswith("11 and 3 more")
    assert formats.enumeration(["a"]) == "a" and formats.enumeration("abc") == "a, b and c"
