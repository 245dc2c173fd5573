"""Corrected images are filed as they were sent, and nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.serving.test_app import png
from tlearn.serving.app import RefusedError
from tlearn.serving.corrections import Corrections

LABELS = ("cats", "dogs", "a/b")


@pytest.fixture
def corrections(tmp_path: Path) -> Corrections:
    return Corrections(tmp_path / "corrections", LABELS)


def files(corrections: Corrections) -> dict[str, bytes]:
    folder = corrections.folder
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_an_image_is_filed_unchanged_in_the_folder_of_its_class(corrections: Corrections) -> None:
    said = corrections("me.png", png(), {"label": "1"})
    assert files(corrections) == {"dogs/me.png": png()}
    assert said == {"filed": str(corrections.folder / "dogs" / "me.png")}
    corrections("me.png", png(), {"label": "2"})
    assert files(corrections) == {"a_b/me.png": png()}


def test_a_second_thought_moves_what_was_filed(corrections: Corrections) -> None:
    for label in ("1", "0", "0"):
        corrections("me.png", png(), {"label": label})
    assert files(corrections) == {"cats/me.png": png()}
    assert not (corrections.folder / "dogs").exists()


def test_what_was_taken_away_is_filed_again(corrections: Corrections) -> None:
    corrections("me.png", png(), {"label": "1"})
    (corrections.folder / "dogs" / "me.png").unlink()
    corrections("me.png", png(), {"label": "1"})
    assert files(corrections) == {"dogs/me.png": png()}


def test_nothing_is_overwritten(corrections: Corrections) -> None:
    (corrections.folder / "cats").mkdir(parents=True)
    (corrections.folder / "cats" / "me.png").write_bytes(b"mine")
    corrections("me.png", png(seed=1), {"label": "0"})
    corrections("me.png", png(seed=2), {"label": "0"})
    assert files(corrections) == {
        "cats/me.png": b"mine",
        "cats/me-1.png": png(seed=1),
        "cats/me-2.png": png(seed=2),
    }


@pytest.mark.parametrize(
    ("name", "filed"),
    [
        ("../../me.png", "me.png"),
        ("C:\\photos\\me.PNG", "me.PNG"),
        ("", "_.png"),
        ("..", "__.png"),
        ("me", "me.png"),
        ("me.exe", "me.exe.png"),
        ("con.png", "_con.png"),
        ("a\0b\n.png", "a_b_.png"),
        ("x" * 300 + ".png", "x" * 200 + ".png"),
    ],
)
def test_names_are_fit_for_every_system(corrections: Corrections, name: str, filed: str) -> None:
    corrections(name, png(), {"label": "0"})
    assert files(corrections) == {f"cats/{filed}": png()}


@pytest.mark.parametrize("query", [{}, {"label": "3"}, {"label": "-1"}, {"label": "../cats"}])
def test_what_is_no_class_is_refused(corrections: Corrections, query: dict[str, str]) -> None:
    with pytest.raises(RefusedError, match="no class of that number"):
        corrections("me.png", png(), query)
    assert not corrections.folder.exists()


def test_what_is_no_image_is_refused(corrections: Corrections) -> None:
    with pytest.raises(RefusedError, match="not an image"):
        corrections("me.png", b"#!/bin/sh", {"label": "0"})
    assert not corrections.folder.exists()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(RefusedError, match="cannot use"):
        Corrections(tmp_path / "file", LABELS)("me.png", png(), {"label": "0"})
