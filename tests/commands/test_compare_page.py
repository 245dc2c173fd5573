"""The page of a comparison: whole, self-contained, safe with any name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.written_run import WriteRun, make_manifest
from tlearn.commands.compare import compare
from tlearn.commands.compare_page import plan_value, run_letters, verdicts, write_page
from tlearn.errors import HostError, TlearnError


def test_the_page_holds_everything_and_asks_nothing_of_the_network(
    write_run: WriteRun, tmp_path: Path
) -> None:
    manifest = make_manifest(("<script>ants", "bees"))
    first = write_run("a", manifest=manifest, wrong=(0, 1))
    other = write_run("b", manifest=manifest, wrong=(), policy="deep", flags={"epochs": 3})
    write_page(tmp_path / "page.html", compare([first.path, other.path]))
    text = (tmp_path / "page.html").read_text("utf-8")
    assert "<script" not in text and "&lt;script&gt;ants" in text
    around_charts = re.sub("<svg.*?</svg>", "", text, flags=re.DOTALL)  # which name namespaces
    assert around_charts != text and "http" not in around_charts.replace("http-equiv", "")
    for words in ("linear-head", "deep", "On the same images", "model.keras", "100.0%", "prefers-"):
        assert words in text


def test_runs_without_common_images_have_a_page_too(write_run: WriteRun, tmp_path: Path) -> None:
    first, other = write_run("a"), write_run("b", manifest=make_manifest(shift=50))
    write_page(tmp_path / "page.htm", compare([first.path, other.path]))
    text = (tmp_path / "page.htm").read_text("utf-8")
    assert "No common images: scores are shown without a paired interval." in text
    assert "On the same images" not in text and "of 4" in text


def test_a_verdict_is_a_sentence(write_run: WriteRun) -> None:
    manifest = make_manifest(counts={"train": 8, "val": 2, "test": 20})
    runs = [("a", range(20)), ("b", ()), ("c", range(1, 21))]
    paths = [write_run(name, wrong=wrong, manifest=manifest).path for name, wrong in runs]
    better, same = verdicts(compare(paths))
    assert better.startswith("B is right on 33.3 points more than A of the 60 images held out")
    assert same.startswith("C and A cannot be told apart on the 60 images")


@pytest.mark.parametrize("name", ["plan.yaml", "page", "page.html.bak"])
def test_only_a_page_is_written_over(name: str, write_run: WriteRun, tmp_path: Path) -> None:
    comparison = compare([write_run("a").path, write_run("b").path])
    (tmp_path / name).write_text("mine")
    with pytest.raises(TlearnError, match="no name of an HTML page"):
        write_page(tmp_path / name, comparison)
    assert (tmp_path / name).read_text() == "mine"


def test_a_place_that_cannot_be_written_is_an_error(write_run: WriteRun, tmp_path: Path) -> None:
    comparison = compare([write_run("a").path, write_run("b").path])
    (tmp_path / "file").touch()
    with pytest.raises(HostError) as error:
        write_page(tmp_path / "file" / "page.html", comparison)
    assert "--html" in error.value.hint


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("policy", "linear_head", "linear-head"),
        ("strict", True, "yes"),
        ("weights", None, "none"),
        ("learning_rate", 0.0005, "0.0005"),
        ("data", "/data/insects", "/data/insects"),
        ("classes", ("a", "b"), "a, b"),
        ("epochs", 3, "3"),
    ],
)
def test_values_read_as_a_person_writes_them(key: str, value: Any, expected: str) -> None:
    assert plan_value(key, value) == expected


def test_letters_never_run_out() -> None:
    assert run_letters(28)[25:] == ["Z", "A2", "B2"]
