"""A description on the screen, as a document, as BibTeX."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.written_run import WriteRun, make_provenance


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_newest_run_is_described_on_a_screen(
    command: Command, write_run: WriteRun, fits: Callable[[str], None]
) -> None:
    write_run("old", started="2026-01-01T00:00:00+00:00")
    write_run("new", policy="deep", flags={"epochs": 3}, provenance=make_provenance())
    result = command("describe")
    assert result.exit_code == 0, result.output
    fits(result.stdout)
    assert "Kumar et al. 2022" in result.stdout and "arxiv.org/abs/2202.10054" in result.stdout
    assert "does not say" not in result.stdout and "[bold]wasps" in result.stdout
    assert result.stdout.splitlines()[-1].endswith(
        "tlearn describe runs/new --bibtex > references.bib"
    )


def test_what_an_old_run_does_not_say_is_listed(
    command: Command, write_run: WriteRun, fits: Callable[[str], None]
) -> None:
    write_run("a")
    result = command("describe", "runs/a")
    fits(result.stdout)
    assert "The run does not say" in result.stdout and "which versions" in result.stdout


def test_bibtex_is_nothing_but_bibtex(command: Command, write_run: WriteRun) -> None:
    write_run("a")
    text = command("describe", "runs/a", "--bibtex").stdout
    assert text.startswith("@inproceedings{sandler2018mobilenetv2,\n")
    assert text.endswith("}\n") and "@software{tlearn," in text and "\nnext" not in text


def test_json_has_the_text_and_the_bibtex(command: Command, write_run: WriteRun) -> None:
    write_run("a")
    document = json.loads(command("describe", "runs/a", "--json").stdout)
    assert document["run"] == "runs/a" and document["text"].startswith("The data set")
    keys = [reference["key"] for reference in document["references"]]
    assert all(key in document["bibtex"] for key in keys) and "tlearn" in keys
    assert len(document["missing"]) == 2


def test_a_missing_run_is_an_error(command: Command) -> None:
    result = command("describe", "runs/nowhere")
    assert result.exit_code == 2 and "hint: " in result.stderr
