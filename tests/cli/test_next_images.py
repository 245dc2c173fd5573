"""Chosen images as a table and a document, and what to do with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.written_run import WriteRun
from tlearn import api
from tlearn.commands.next_images import NextImage
from tlearn.evaluation.predictions import Prediction

ROSE = "[b]rose\x1b[31m"


@pytest.fixture(autouse=True)
def latest_run(write_run: WriteRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only run in the working folder."""
    monkeypatch.chdir(tmp_path)
    return write_run("latest").path.relative_to(tmp_path)


@pytest.fixture
def result() -> api.NextImages:
    def prediction(name: str, known: float, label: str = "tulip") -> Prediction:
        top = (("tulip", 0.5), (ROSE, 0.4), ("daisy", 0.1))
        return Prediction(name, label, 0.5, top, known=known)

    return api.NextImages(
        (NextImage(prediction("/far/[red]b.jpg", 0.9), 3.25, "b.jpg"),),
        tuple(prediction(f"/far/strange{n}.jpg", 0.01, "") for n in range(7)),
        {"/far/d.jpg": "cut short"},
        n_looked_at=12,
        n_copies=2,
        n_in_run=1,
        expected_gain=0.0123,
        no_gain="",
    )


def test_it_draws_the_images_what_they_bring_and_what_is_apart(
    command: Command,
    calls: Callable[..., Any],
    result: api.NextImages,
    latest_run: Path,
    fits: Callable[[str], None],
) -> None:
    recorded = calls("next_images", result)
    shown = command("next", "x", "--count", 3)
    assert shown.exit_code == 0, shown.output
    fits(shown.stdout)
    assert "/far/[red]b.jpg     3.2   tulip 50.0%   [b]rose\\x1b[31m 40.0%" in shown.stdout
    text = " ".join(shown.stdout.split())
    assert "12: 7 like none of the classes, 1 of the run, 2 copies and 1 unreadable" in text
    assert "1 label: +1.2 points of accuracy by the run's learning curve" in text
    assert "7 images look like none" in text and "strange4.jpg - and 2 more: --verbose" in text
    assert "/far/d.jpg: cut short" in text
    assert "only 1 image left" in text
    assert f"tlearn next {latest_run} x --count 3 --out to-label" in text
    assert "strange6.jpg" in command("next", "x", "--verbose").stdout
    (positional, named) = recorded[0]
    assert positional == (latest_run, [Path("x")])
    assert (named["count"], named["out"], named["by_guess"]) == (3, None, False)


def test_after_copies_the_run_is_updated_next(
    command: Command, calls: Callable[..., Any], result: api.NextImages, latest_run: Path
) -> None:
    unknown = replace(result, expected_gain=None, no_gain="the images are gone")
    calls("next_images", unknown)
    shown = command("next", latest_run, "x", "--out", "to label").stdout
    assert f"tlearn update {latest_run} 'to label'" in shown
    assert "not known: the images are gone" in shown


def test_without_a_choice_no_step_follows(
    command: Command, calls: Callable[..., Any], result: api.NextImages
) -> None:
    calls("next_images", replace(result, images=(), expected_gain=None, no_gain="none chosen"))
    shown = command("next", "x").stdout
    assert "no image is left to choose from" in shown
    assert "next  " not in shown and "not known" not in shown


def test_the_document_has_every_image_and_count(
    command: Command, calls: Callable[..., Any], result: api.NextImages
) -> None:
    calls("next_images", result)
    document = json.loads(command("next", "x", "--json").stdout)
    assert document["images"] == [
        {
            "path": "/far/[red]b.jpg",
            "worth": 3.25,
            "guess": "tulip",
            "probability": 0.5,
            "second": ROSE,
            "second_probability": 0.4,
            "copy": "b.jpg",
        }
    ]
    assert (document["expected_gain"], document["no_gain"]) == (0.0123, None)
    assert [document[f"n_{name}"] for name in ("looked_at", "copies", "in_run")] == [12, 2, 1]
    assert len(document["refused"]) == 7
    assert document["problems"] == [{"path": "/far/d.jpg", "problem": "cut short"}]


def test_how_to_copy_needs_a_folder(command: Command, calls: Callable[..., Any]) -> None:
    recorded = calls("next_images", None)
    lone = command("next", "x", "--by-guess")
    assert lone.exit_code == 2 and "--out" in lone.stderr
    assert command("next", "x", "--count", 0).exit_code == 2
    assert not recorded
