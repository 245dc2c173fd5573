"""Runs in training: found again, kept from others, put in place at the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlearn.errors import RunError
from tlearn.runs.directory import FILES_AT_END, FILES_AT_START, RunDirectory
from tlearn.runs.pending import PendingRun, Request, ensure_available, is_open, requested_runs

ASKED = Request("/images", {"policy": "deep", "epochs": 3})


def begin(out: Path | None = None, *, overwrite: bool = False, base: Path) -> PendingRun:
    pending = PendingRun.begin(ASKED, "deep", out, overwrite, base)
    for name in FILES_AT_START:
        (pending.run.path / name).write_text("begun")
    return pending


def finish(pending: PendingRun, content: str = "finished") -> RunDirectory:
    for name in FILES_AT_END:
        (pending.run.path / name).write_text(content)
    return pending.finish()


def test_a_stopped_run_is_found_by_the_same_request_alone(tmp_path: Path) -> None:
    begin(base=tmp_path).release()
    found = PendingRun.find(ASKED, None, tmp_path)
    assert found is not None and found.run.path == found.place
    found.release()
    for other in (Request("/other", ASKED.recipe), Request("/images", {"policy": "deep"})):
        assert PendingRun.find(other, None, tmp_path) is None
    assert PendingRun.find(ASKED, tmp_path / "elsewhere", tmp_path) is None


def test_the_newest_stopped_run_is_found(tmp_path: Path) -> None:
    begin(base=tmp_path).release()
    newest = begin(base=tmp_path)
    newest.release()
    found = PendingRun.find(ASKED, None, tmp_path)
    assert found is not None and found.place == newest.place


def test_a_run_in_training_is_left_alone(tmp_path: Path) -> None:
    training = begin(base=tmp_path)
    assert PendingRun.find(ASKED, None, tmp_path) is None
    named = begin(tmp_path / "out", base=tmp_path)
    with pytest.raises(RunError, match="another process"):
        begin(tmp_path / "out", base=tmp_path)
    assert named.run.labels_path.read_text() == "begun" and training.run.path.exists()


def test_a_finished_run_is_not_found_and_holds_no_lock(tmp_path: Path) -> None:
    run = finish(begin(base=tmp_path))
    assert PendingRun.find(ASKED, None, tmp_path) is None
    assert not (run.path / ".lock").exists()


def test_the_run_of_before_is_whole_until_the_new_one_is_finished(tmp_path: Path) -> None:
    out = tmp_path / "out"
    finish(begin(out, base=tmp_path), "old")
    (out / "notes.txt").write_text("mine")
    (out / "export").mkdir()
    with pytest.raises(RunError, match="already holds a run"):
        begin(out, base=tmp_path)
    pending = begin(out, overwrite=True, base=tmp_path)
    assert pending.run.path != out
    assert (out / "model.keras").read_text() == "old"
    pending.release()
    again = PendingRun.find(ASKED, out, tmp_path)
    assert again is not None and again.run.path == pending.run.path
    run = finish(again, "new")
    assert run.path == out and (out / "model.keras").read_text() == "new"
    assert (out / "notes.txt").read_text() == "mine" and not (out / "export").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_a_killed_write_left_is_removed(tmp_path: Path) -> None:
    pending = begin(base=tmp_path)
    (pending.run.path / ".0123abcd-samples").mkdir()
    pending.run.checkpoint_path.parent.mkdir()
    (pending.run.checkpoint_path.parent / ".0123abcd-last.npz").touch()
    (pending.run.path / ".hidden").touch()
    pending.release()
    found = PendingRun.find(ASKED, None, tmp_path)
    assert found is not None
    names = {path.name for path in found.run.path.iterdir()}
    assert ".0123abcd-samples" not in names and ".hidden" in names
    assert not [*found.run.checkpoint_path.parent.iterdir()]


def test_a_finished_run_is_reopened_on_a_copy(tmp_path: Path) -> None:
    run = finish(begin(base=tmp_path), "old")
    pending = PendingRun.reopen(run, ASKED)
    assert pending.run.path != run.path == pending.place
    assert (pending.run.path / "plan.yaml").read_text() == "old"
    pending.release()


def test_an_unfinished_run_of_another_command_with_a_checkpoint_is_not_replaced(
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    pending = begin(out, base=tmp_path)
    pending.release()
    begin(out, base=tmp_path).release()  # nothing was trained yet
    pending.run.checkpoint_path.parent.mkdir()
    pending.run.checkpoint_path.touch()
    with pytest.raises(RunError, match="unfinished run") as error:
        begin(out, base=tmp_path)
    assert "--overwrite" in error.value.hint and "--resume" in error.value.hint
    assert begin(out, overwrite=True, base=tmp_path).run.path != out


def test_a_change_of_places_that_was_interrupted_is_completed_by_the_next_command(
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    finish(begin(out, base=tmp_path), "old")
    out.rename(tmp_path / ".out.old")
    assert PendingRun.find(ASKED, out, tmp_path) is None
    assert (out / "model.keras").read_text() == "old"


def test_more_epochs_that_were_stopped_go_on_where_they_were(tmp_path: Path) -> None:
    run = finish(begin(base=tmp_path), "old")
    more = Request("/images", {"policy": "deep", "epochs": 9})
    pending = PendingRun.reopen(run, more)
    pending.run.checkpoint_path.parent.mkdir(exist_ok=True)
    pending.run.checkpoint_path.write_text("later")
    pending.release()
    again = PendingRun.reopen(run, more)
    assert again.run.checkpoint_path.read_text() == "later"
    again.release()
    other = PendingRun.reopen(run, ASKED)
    assert not other.run.checkpoint_path.exists()
    other.release()


def test_a_run_that_will_replace_another_is_known_by_its_place(tmp_path: Path) -> None:
    out = tmp_path / "out"
    finish(begin(out, base=tmp_path), "old")
    begin(out, overwrite=True, base=tmp_path).release()
    assert PendingRun.find(ASKED, None, tmp_path) is None  # it would never come to its place
    (stopped,) = (run for run in requested_runs(tmp_path) if is_open(run))
    again = PendingRun.reopen(stopped, ASKED)
    assert again.place == out
    assert RunDirectory.open(None, base=tmp_path).path == out
    assert finish(again, "new").path == out and [*tmp_path.iterdir()] == [out]


def test_two_that_add_epochs_at_once_do_not_spoil_each_other(tmp_path: Path) -> None:
    run = finish(begin(base=tmp_path), "old")
    first = PendingRun.reopen(run, Request("/images", {"epochs": 9}))
    with pytest.raises(RunError, match="another process") as error:
        PendingRun.reopen(run, Request("/images", {"epochs": 12}))
    assert run.path.name in error.value.message and ".new" not in error.value.message
    assert (first.run.path / "plan.yaml").read_text() == "old"
    first.release()


def test_folders_of_the_person_stay_where_epochs_were_added(tmp_path: Path) -> None:
    run = finish(begin(base=tmp_path), "old")
    (run.path / "notes").mkdir()
    (run.path / "notes" / "mine.txt").touch()
    finish(PendingRun.reopen(run, Request("/images", {"epochs": 9})), "new")
    assert run.plan_path.read_text() == "new" and (run.path / "notes" / "mine.txt").exists()
    assert [*tmp_path.iterdir()] == [run.path]


def test_a_run_behind_a_link_is_replaced_there(tmp_path: Path) -> None:
    (tmp_path / "disk" / "run").mkdir(parents=True)
    (tmp_path / "out").symlink_to(tmp_path / "disk" / "run")
    for content in ("old", "new"):
        finish(begin(tmp_path / "out", overwrite=True, base=tmp_path), content)
    assert (tmp_path / "disk" / "run" / "plan.yaml").read_text() == "new"
    assert (tmp_path / "out").is_symlink()


@pytest.mark.parametrize("name", [".", "../out"])
def test_the_folder_that_one_is_in_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    run = finish(begin(tmp_path / "out", base=tmp_path), "old")
    monkeypatch.chdir(run.path)
    with pytest.raises(RunError, match="the folder you are in"):
        begin(Path(name), overwrite=True, base=tmp_path)
    with pytest.raises(RunError, match="the folder you are in"):
        PendingRun.reopen(RunDirectory(Path(name)), ASKED)
    assert [*tmp_path.iterdir()] == [run.path]


def test_a_place_where_nothing_can_be_exchanged_is_refused_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    finish(begin(out, base=tmp_path), "old")
    monkeypatch.setattr(Path, "is_mount", lambda path: path == out)
    with pytest.raises(RunError, match="is a mount point") as error:
        ensure_available(out, overwrite=True, base=tmp_path)
    assert error.value.hint.endswith(f"--out {out}/run")
