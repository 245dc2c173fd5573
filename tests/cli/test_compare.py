"""Runs side by side as tables, as a document, as a page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.written_run import WriteRun, make_manifest


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_screen_fits_and_holds_every_part(
    command: Command, write_run: WriteRun, fits: Callable[[str], None]
) -> None:
    write_run("20260102-030405-linear_head", wrong=(0, 1, 2))
    write_run("20260103-030405-top_stages", wrong=(3,), policy="top_stages", flags={"epochs": 3})
    result = command("compare", *sorted(map(str, Path("runs").iterdir())))
    assert result.exit_code == 0, result.output
    fits(result.stdout)
    for words in (
        "A          runs/20260102-030405-linear_head",
        "12 images held out in every run",
        "+16.7",
        "no clear difference from A",
        "policy",
        "linear-head",
        "[bold]wasps",
        "model.keras",
        "time to train",
    ):
        assert words in result.stdout
    assert "tlearn compare runs/20260102-030405-linear_head" in result.stdout.splitlines()[-1]


def test_many_runs_and_classes_fit_too(
    command: Command, write_run: WriteRun, fits: Callable[[str], None]
) -> None:
    manifest = make_manifest([f"a long name of class {number}" for number in range(40)])
    for number in range(7):
        flags = {"weights": f"/some/where/weights_number_{number}.h5"}
        write_run(f"run{number}", manifest=manifest, wrong=(number,), flags=flags)
    result = command("compare", *(f"runs/run{number}" for number in range(7)))
    fits(result.stdout)
    assert "The 30 classes that differ most" in result.stdout
    assert result.stdout.count("model.keras") == 2 and "G " in result.stdout


def test_json_has_one_value_for_each_run(command: Command, write_run: WriteRun) -> None:
    write_run("a"), write_run("b", wrong=())
    document = json.loads(command("compare", "runs/a", "runs/b", "--json").stdout)
    assert [run["run"] for run in document["runs"]] == ["runs/a", "runs/b"]
    assert document["runs"][0]["policy"] == "linear_head" and document["n_common"] == 12
    assert document["paired"][1]["gain"] == pytest.approx(1 / 12)
    assert document["paired"][1]["clear"] is False and document["note"] is None
    assert document["per_class"][0] == {"name": "ants", "n": [4, 4], "recall": [0.75, 1.0]}


def test_runs_that_cannot_be_paired_say_why(command: Command, write_run: WriteRun) -> None:
    write_run("a"), write_run("b", predictions=False)
    result = command("compare", "runs/a", "runs/b")
    assert "'runs/b' has no predictions.csv" in result.stdout
    assert "nothing: the plans are the same" in result.stdout


def test_a_page_is_written_and_the_best_run_is_what_to_export(
    command: Command, write_run: WriteRun
) -> None:
    write_run("a", wrong=(0, 1)), write_run("b", wrong=())
    result = command("compare", "runs/a", "runs/b", "--html", "page.html")
    assert Path("page.html").exists() and "page.html" in result.stdout
    assert result.stdout.splitlines()[-1].endswith("tlearn export runs/b --tflite")
    document = json.loads(
        command("compare", "runs/a", "runs/b", "--html", "page.html", "--json").stdout
    )
    assert document["page"] == "page.html"
    assert json.loads(command("compare", "runs/a", "runs/b", "--json").stdout)["page"] is None


def test_a_wrong_name_of_a_page_is_refused_at_once(command: Command) -> None:
    result = command("compare", "x", "y", "--html", "page.txt")
    assert result.exit_code == 2 and "--html FILE.html" in result.stderr


def test_mistakes_are_errors(command: Command, write_run: WriteRun) -> None:
    write_run("a")
    for words in (["runs/a"], ["runs/a", "runs/a"], ["runs/a", "runs/nowhere"]):
        result = command("compare", *words)
        assert result.exit_code == 2 and result.stderr.startswith("error: "), words
        assert "tlearn runs" in result.stderr  # there is one, so none needs to be trained first
