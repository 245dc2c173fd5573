"""Two runs change places, wherever that is interrupted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlearn.runs.places import recover


@pytest.mark.parametrize("stopped", ["between the renames", "before the old one is removed"])
def test_a_change_of_places_that_was_interrupted_is_completed(tmp_path: Path, stopped: str) -> None:
    out, old = tmp_path / "out", tmp_path / ".out.old"
    old.mkdir()
    (old / "plan.yaml").touch()
    (old / "model.keras").write_text("old")
    (old / "notes.txt").write_text("mine")
    if stopped != "between the renames":
        out.mkdir()
        (out / "model.keras").write_text("new")
    recover(out)
    kept = "old" if stopped == "between the renames" else "new"
    assert (out / "model.keras").read_text() == kept
    assert (out / "notes.txt").read_text() == "mine" and not old.exists()


def test_a_folder_of_the_person_beside_a_run_is_not_taken_for_an_old_one(tmp_path: Path) -> None:
    (tmp_path / ".out.old").mkdir()
    (tmp_path / ".out.old" / "mine.txt").touch()
    recover(tmp_path / "out")
    assert (tmp_path / ".out.old" / "mine.txt").exists() and not (tmp_path / "out").exists()
