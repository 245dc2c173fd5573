"""Neighbors as a table, and a document; what is missing is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.conftest import Command
from tests.written_run import WriteRun
from tlearn import api
from tlearn.commands.embed import Neighbor
from tlearn.evaluation.embeddings import Embeddings

ROSE = "[b]rose\x1b[31m"


@pytest.fixture(autouse=True)
def latest_run(write_run: WriteRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only run in the working folder."""
    monkeypatch.chdir(tmp_path)
    return write_run("latest").path.relative_to(tmp_path)


@pytest.fixture
def result() -> api.EmbedResult:
    embeddings = Embeddings(np.zeros((3, 1280), np.float32), ("a", "b", "c"), (ROSE, ROSE, "tulip"))
    neighbor = Neighbor("/far/[red]b.jpg", ROSE, 0.91234)
    return api.EmbedResult(embeddings, {"/far/d.jpg": "cut short"}, (neighbor,))


def test_it_draws_neighbors_and_problems(
    command: Command,
    calls: Callable[..., Any],
    result: api.EmbedResult,
    latest_run: Path,
    fits: Callable[[str], None],
) -> None:
    recorded = calls("embed", result)
    shown = command("embed", "x", "--similar", "q.jpg", "--out", "e.npz", "--top", 7)
    assert shown.exit_code == 0
    fits(shown.stdout)
    assert "3 images of 2 classes, 1,280 numbers each" in shown.stdout
    assert ["/far/[red]b.jpg", "[b]rose\\x1b[31m", "0.912"] in [
        line.split() for line in shown.stdout.splitlines()
    ]
    assert "/far/d.jpg: cut short" in shown.stdout and "written to e.npz" in shown.stdout
    (positional, named) = recorded[0]
    assert positional == (latest_run, [Path("x")])
    assert (named["out"], named["similar"], named["top"]) == (Path("e.npz"), Path("q.jpg"), 7)


def test_the_document_says_where_the_vectors_are(
    command: Command, calls: Callable[..., Any], result: api.EmbedResult
) -> None:
    calls("embed", result)
    document = json.loads(command("embed", "x", "--out", "e.npz", "--json").stdout)
    assert (document["n_images"], document["width"], document["out"]) == (3, 1280, "e.npz")
    assert document["similar"][0]["label"] == ROSE
    assert document["problems"][0]["problem"] == "cut short"


def test_a_file_or_an_image_is_needed(
    command: Command, calls: Callable[..., Any], latest_run: Path
) -> None:
    recorded = calls("embed", None)
    lone = command("embed", "x")
    assert lone.exit_code == 2 and "--out" in lone.stderr and "--similar" in lone.stderr
    no_image = command("embed", latest_run, "--out", "e.npz")
    assert no_image.exit_code == 2 and "tlearn embed runs/latest IMAGES" in no_image.stderr
    assert not recorded
