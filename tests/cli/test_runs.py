"""The list of runs as a table and as a document; removing asks first."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.cli.conftest import Command
from tests.written_run import WriteRun
from tlearn.cli.app import app


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_table_fits_and_names_every_run(
    command: Command, write_run: WriteRun, fits: Callable[[str], None]
) -> None:
    write_run("20260102-030405-from_scratch", policy="from_scratch", flags={"epochs": 30})
    write_run("unfinished").model_path.unlink()
    (write_run("[bold]bad").metrics_path).write_text("{")
    Path("runs/photos").mkdir()
    result = command("runs")
    assert result.exit_code == 0
    fits(result.stdout)
    assert "runs/20260102-030405-from_scratch" in result.stdout
    for words in ("2026-01-02", "insects", "from-scratch", "of 12 test", "unfinished", "not a run"):
        assert words in result.stdout
    assert "runs/[bold]bad: " in result.stdout and "not valid JSON" in " ".join(
        result.stdout.split()
    )
    assert result.stdout.splitlines()[-1].startswith("next ")


def test_two_runs_on_the_same_images_are_offered_for_comparison(
    command: Command, write_run: WriteRun
) -> None:
    write_run("old", started="2026-01-01T00:00:00+00:00")
    assert "next       tlearn evaluate runs/old" in command("runs").stdout
    write_run("new")
    assert "next       tlearn compare runs/old runs/new" in command("runs").stdout


def test_a_folder_may_be_named_and_is_listed_as_json(command: Command, write_run: WriteRun) -> None:
    write_run("a")
    for words in (
        ["runs", "runs", "--json"],
        ["runs", "list", "runs", "--json"],
        ["runs", "--json"],
    ):
        document = json.loads(command(*words).stdout)
        (run,) = document["runs"]
        assert document["folder"] == "runs" and document["schema_version"]
        assert (run["path"], run["state"], run["finished"]) == ("runs/a", "finished", True)
        assert run["policy"] == "linear_head" and run["split"] == "test"
        assert run["started"].startswith("2026-01-0") and len(run["interval"]) == 2


def test_no_runs_yet(command: Command) -> None:
    result = command("runs")
    assert result.exit_code == 0 and "tlearn finetune FOLDER" in result.stdout
    assert json.loads(command("runs", "--json").stdout)["runs"] == []
    wrong = command("runs", "nowhere")
    assert wrong.exit_code == 2 and "'nowhere' does not exist" in wrong.stderr


def test_help_shows_both_ways(command: Command) -> None:
    for words in (["runs", "--help"], ["runs", "-h"]):
        result = command(*words)
        assert result.exit_code == 0 and "[FOLDER] [--json] | rm RUN..." in result.stdout
    assert "--yes" in command("runs", "rm", "--help").stdout


def test_nothing_is_removed_without_a_yes(command: Command, write_run: WriteRun) -> None:
    run = write_run("a")
    for words in ([], ["--json"]):
        result = command("runs", "rm", "runs/a", *words)
        assert result.exit_code == 2 and "--yes" in result.stderr + result.stdout
    assert not run.missing()


@pytest.mark.parametrize(("answer", "removed"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_on_a_terminal_it_asks(
    answer: str, removed: bool, write_run: WriteRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = write_run("a")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("tlearn.cli.runs._nobody_to_ask", lambda: False)
    result = CliRunner().invoke(app, ["runs", "rm", "runs/a"], input=answer)
    assert result.exit_code == 0 and "Remove 1 run (" in result.stderr
    assert "runs/a" in result.stdout and run.path.exists() is not removed
    assert ("removed 1 run" if removed else "nothing was removed") in result.stdout


def test_yes_removes_and_says_what(command: Command, write_run: WriteRun) -> None:
    write_run("a"), write_run("b"), write_run("c")
    result = command("runs", "rm", "runs/a", "runs/b", "--yes")
    assert "removed 2 runs" in result.stdout and "next       tlearn runs" in result.stdout
    document = json.loads(command("runs", "rm", "runs/c", "--yes", "--json").stdout)
    assert document["removed"] == ["runs/c"] and document["removed_bytes"] > 1000
    assert list(Path("runs").iterdir()) == []


def test_one_that_cannot_be_removed_keeps_all(command: Command, write_run: WriteRun) -> None:
    run = write_run("a")
    Path("photos").mkdir()
    result = command("runs", "rm", "runs/a", "photos", "--yes")
    assert result.exit_code == 2 and "'photos' was not made by tlearn" in result.stderr
    assert not run.missing()
