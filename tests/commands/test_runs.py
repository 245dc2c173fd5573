"""What a list of runs says of each folder, and what removing touches."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.written_run import WriteRun
from tlearn.commands.runs import (
    DAMAGED,
    FINISHED,
    FOREIGN,
    UNFINISHED,
    check_removable,
    list_runs,
    remove_run,
)
from tlearn.errors import RunError
from tlearn.runs.directory import MARKER, RUNS_ROOT

FIRST = Path(__file__).parents[1] / "first_version" / "run"


def test_runs_are_listed_newest_first(write_run: WriteRun, tmp_path: Path) -> None:
    write_run("b", started="2026-01-01T10:00:00+00:00")
    write_run("a", started="2026-01-01T13:00:00+02:00", policy="deep")
    newest, oldest = list_runs(tmp_path / "runs")
    assert (newest.path.name, oldest.path.name) == ("a", "b")
    assert newest.state == FINISHED and newest.policy == "deep"
    assert newest.accuracy == pytest.approx(11 / 12) and (newest.split, newest.n) == ("test", 12)
    assert newest.size_bytes > 1000 and newest.data == "/data/insects"


def test_a_run_is_listed_alone(write_run: WriteRun) -> None:
    run = write_run()
    assert [summary.path for summary in list_runs(run.path)] == [run.path]


def test_a_run_of_the_first_version_is_a_run() -> None:
    (summary,) = list_runs(FIRST.parent)
    assert summary.state == FINISHED and summary.accuracy == 1.0
    assert summary.backbone == "tiny.keras"


def test_what_is_no_finished_run_says_what_it_is(write_run: WriteRun, tmp_path: Path) -> None:
    write_run("unfinished").model_path.unlink()
    begun = tmp_path / "runs" / "begun"
    begun.mkdir()
    (begun / MARKER).touch()
    (tmp_path / "runs" / "photos").mkdir()
    (tmp_path / "runs" / ".hidden").mkdir()
    (tmp_path / "runs" / "notes.txt").touch()
    states = {summary.path.name: summary.state for summary in list_runs(tmp_path / "runs")}
    assert states == {"unfinished": UNFINISHED, "begun": UNFINISHED, "photos": FOREIGN}


def test_a_folder_of_images_is_no_folder_of_runs(tmp_path: Path) -> None:
    (tmp_path / "flowers" / "roses").mkdir(parents=True)
    with pytest.raises(RunError, match="no folder of runs"):
        list_runs(tmp_path / "flowers")
    (tmp_path / "empty").mkdir()
    assert list_runs(tmp_path / "empty") == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metrics.json", b"{"),
        ("metrics.json", b"[]"),
        ("metrics.json", b'{"folder": 1}'),
        ("plan.yaml", b"policy: deep"),
        ("plan.yaml", b"\xff\x00{["),
    ],
)
def test_damage_is_listed_and_does_not_stop_the_list(
    name: str, content: bytes, write_run: WriteRun, tmp_path: Path
) -> None:
    write_run("good")
    (write_run("bad").path / name).write_bytes(content)
    by_name = {summary.path.name: summary for summary in list_runs(tmp_path / "runs")}
    assert by_name["good"].state == FINISHED
    assert by_name["bad"].state == DAMAGED and name in by_name["bad"].problem
    assert "\n" not in by_name["bad"].problem and by_name["bad"].size_bytes > 1000


def test_no_runs_yet_is_no_error_and_a_wrong_folder_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert list_runs(RUNS_ROOT) == []
    with pytest.raises(RunError, match="does not exist"):
        list_runs(Path("rnus"))
    Path("file").touch()
    with pytest.raises(RunError, match="is a file"):
        list_runs(Path("file"))


def test_a_run_is_removed_whole(write_run: WriteRun, tmp_path: Path) -> None:
    run, other = write_run("a"), write_run("b")
    (run.path / "export" / "golden").mkdir(parents=True)
    (run.path / "export" / "golden" / "1.png").touch()
    (run.path / ".0123abcd-model.keras").touch()  # of a write that was killed
    remove_run(run.path)
    assert not run.path.exists() and not other.missing()


def test_a_run_of_the_first_version_is_removed_too(tmp_path: Path) -> None:
    run = shutil.copytree(FIRST, tmp_path / "run")
    remove_run(run)
    assert not run.exists()


def test_links_inside_go_and_what_they_point_to_stays(write_run: WriteRun, tmp_path: Path) -> None:
    run, mine = write_run(), tmp_path / "mine"
    mine.mkdir()
    (mine / "photo.jpg").touch()
    (run.path / "export").symlink_to(mine)
    remove_run(run.path)
    assert not run.path.exists() and (mine / "photo.jpg").exists()


def test_nothing_but_a_run_is_removable(write_run: WriteRun, tmp_path: Path) -> None:
    run = write_run()
    (tmp_path / "link").symlink_to(run.path)
    (tmp_path / "photos").mkdir()
    (tmp_path / "file").touch()
    unmarked = write_run("unmarked")
    (unmarked.path / MARKER).unlink()
    expected = {
        "link": "is a link",
        "photos": "not made by tlearn",
        "file": "is a file",
        "nowhere": "does not exist",
        "runs": "not made by tlearn",
        "runs/unmarked": "not made by tlearn",
    }
    for name, problem in expected.items():
        with pytest.raises(RunError, match=problem) as error:
            check_removable([run.path, tmp_path / name])
        assert error.value.hint
        with pytest.raises(RunError):
            remove_run(tmp_path / name)
    assert not run.missing() and unmarked.path.exists()


def test_a_file_of_the_persons_own_keeps_the_run(write_run: WriteRun) -> None:
    run = write_run()
    (run.path / "notes.txt").write_text("mine")
    with pytest.raises(RunError, match=r"did not write: 'notes\.txt'"):
        check_removable([run.path])
    with pytest.raises(RunError):
        remove_run(run.path)
    assert not run.missing()


def test_the_folder_that_one_is_in_is_not_removed(
    write_run: WriteRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = write_run()
    monkeypatch.chdir(run.path)
    with pytest.raises(RunError, match="you are in"):
        check_removable([Path(".")])


def test_a_removal_that_was_interrupted_can_be_repeated(
    write_run: WriteRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = write_run()

    def stop(path: Path) -> None:
        if path.name == MARKER:
            raise KeyboardInterrupt
        os.unlink(path)

    with monkeypatch.context() as patch:
        patch.setattr("tlearn.commands.runs.remove", stop)
        with pytest.raises(KeyboardInterrupt):
            remove_run(run.path)
    assert [entry.name for entry in run.path.iterdir()] == [MARKER]
    remove_run(run.path)
    assert not run.path.exists()


def test_a_run_named_twice_is_one_run(write_run: WriteRun) -> None:
    run = write_run()
    assert len(check_removable([run.path, run.path])) == 1
