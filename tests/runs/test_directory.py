from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tlearn.errors import HostError, RunError
from tlearn.runs.directory import (
    FILES_AT_END,
    FILES_AT_START,
    MARKER,
    RunDirectory,
    ensure_no_run,
)


def fill(run: RunDirectory, names: tuple[str, ...] = FILES_AT_END) -> RunDirectory:
    for name in names:
        (run.path / name).write_text("{}")
    return run


def start_at(run: RunDirectory, time: str) -> RunDirectory:
    (run.path / MARKER).write_text(time)
    return run


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def test_names_are_unique_within_a_second(base: Path) -> None:
    runs = [RunDirectory.create(None, "deep", base=base) for _ in range(5)]
    assert len({run.path for run in runs}) == 5
    assert all(run.path.parent == base and "-deep" in run.path.name for run in runs)


def test_paths_are_those_of_the_design(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)
    names = {
        *(run.plan_path, run.split_path, run.labels_path, run.history_path, run.model_path),
        *(run.metrics_path, run.report_path, run.export_dir),
    }
    assert {path.relative_to(tmp_path).as_posix() for path in names} == {
        *("plan.yaml", "split.csv", "labels.txt", "history.jsonl", "model.keras"),
        *("metrics.json", "report.html", "export"),
    }


def test_an_empty_folder_is_taken_and_a_run_is_not(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    run = fill(RunDirectory.create(tmp_path / "new", "deep"))
    with pytest.raises(RunError) as error:
        RunDirectory.create(run.path, "deep")
    assert "--overwrite" in error.value.hint and "--out" in error.value.hint
    assert not run.missing()


def test_an_unfinished_run_is_replaced_by_the_same_command_again(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", "deep")
    for name in FILES_AT_START:
        (run.path / name).touch()
    (run.path / "notes.txt").write_text("mine")
    RunDirectory.create(run.path, "deep")
    assert {entry.name for entry in run.path.iterdir()} == {MARKER, "notes.txt"}


def test_overwrite_empties_a_run_and_keeps_what_is_not_its_own(tmp_path: Path) -> None:
    run = fill(RunDirectory.create(tmp_path / "run", "deep"))
    run.export_dir.mkdir()
    (run.export_dir / "model.tflite").write_text("x")
    (run.path / "notes.txt").write_text("mine")
    RunDirectory.create(run.path, "deep", overwrite=True)
    assert {entry.name for entry in run.path.iterdir()} == {MARKER, "notes.txt"}


def test_a_run_copied_without_its_marker_is_still_a_run(tmp_path: Path) -> None:
    run = fill(RunDirectory.create(tmp_path / "run", "deep"))
    (run.path / MARKER).unlink()
    RunDirectory.create(run.path, "deep", overwrite=True)
    assert run.missing() == FILES_AT_END


@pytest.mark.parametrize("held", [("photo.jpg",), ("plan.yaml", "photo.jpg")])
def test_overwrite_never_touches_another_folder(tmp_path: Path, held: tuple[str, ...]) -> None:
    for name in held:
        (tmp_path / name).write_text("mine")
    with pytest.raises(RunError, match="not made by tlearn"):
        RunDirectory.create(tmp_path, "deep", overwrite=True)
    assert all((tmp_path / name).read_text() == "mine" for name in held)


def test_overwrite_removes_a_link_and_not_what_it_points_to(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "photo.jpg").write_text("mine")
    run = fill(RunDirectory.create(tmp_path / "run", "deep"))
    run.export_dir.symlink_to(mine)
    RunDirectory.create(run.path, "deep", overwrite=True)
    assert (mine / "photo.jpg").exists() and not run.export_dir.exists()


@pytest.mark.parametrize("inside", ["file", "file/run", "n" * 300])
def test_a_path_that_cannot_be_a_folder_is_an_error(tmp_path: Path, inside: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(HostError) as error:
        RunDirectory.create(tmp_path / inside, "deep")
    assert "--out" in error.value.hint
    with pytest.raises(HostError):
        RunDirectory.create(None, "deep", base=tmp_path / inside)


def test_no_permission_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(HostError, match="Permission denied"):
        RunDirectory.create(tmp_path / "run", "deep")


def test_open_takes_the_newest_finished_run(base: Path) -> None:
    old, new, unfinished = (RunDirectory.create(base / name, "deep") for name in "zyx")
    fill(start_at(old, "2026-01-01T10:00:00+00:00"))
    fill(start_at(new, "2026-01-01T13:00:00+02:00"))
    fill(start_at(unfinished, "2026-02-01T10:00:00+00:00"), FILES_AT_START)
    assert RunDirectory.open(None, base=base) == new
    assert RunDirectory.open(None, finished=False, base=base) == unfinished


def test_started_falls_back_to_the_folder(base: Path) -> None:
    run = start_at(RunDirectory.create(None, "deep", base=base), "no time")
    os.utime(run.path, (5, 5))
    assert run.started == 5


def test_open_without_any_run_names_the_command(base: Path) -> None:
    with pytest.raises(RunError) as error:
        RunDirectory.open(None, base=base)
    assert "tlearn finetune" in error.value.hint
    fill(RunDirectory.create(None, "deep", base=base), FILES_AT_START)
    with pytest.raises(RunError, match=r"no finished run under .* \(1 begun\)"):
        RunDirectory.open(None, base=base)


def test_open_lists_what_is_missing(tmp_path: Path) -> None:
    run = fill(RunDirectory.create(tmp_path / "run", "deep"))
    run.model_path.unlink()
    with pytest.raises(RunError, match=r"not finished: it has no model\.keras") as error:
        RunDirectory.open(run.path)
    assert "--overwrite" in error.value.hint
    assert RunDirectory.open(run.path, finished=False) == run
    run.plan_path.unlink()
    with pytest.raises(RunError, match=r"not a run: it has no plan\.yaml, model\.keras"):
        RunDirectory.open(run.path)


def test_open_names_the_nearest_run(base: Path) -> None:
    run = fill(RunDirectory.create(base / "leaves-deep", "deep"))
    for wrong in (base / "leaves-dep", Path("leaves-deep")):
        with pytest.raises(RunError, match="does not exist") as error:
            RunDirectory.open(wrong, base=base)
        assert str(run.path) in error.value.hint
    for wrong in (run.model_path, base / ("n" * 300)):
        with pytest.raises(RunError, match="not a run"):
            RunDirectory.open(wrong, base=base)


@pytest.mark.parametrize(
    "label",
    ["a", "", " a ", "a\nb", "a\r\n", "\\n", "\\\\n\n", "é, \u2028\x85", "\udcff", "C:\\new"],
)
def test_labels_come_back(tmp_path: Path, label: str) -> None:
    run = RunDirectory(tmp_path)
    run.write_labels(("first", label, "last"))
    assert run.read_labels() == ("first", label, "last")
    assert run.labels_path.read_bytes().count(b"\n") == 3


@pytest.mark.parametrize(
    ("run", "named", "words"),
    [
        (".", "images", "'images' is a run, not a folder of images"),
        ("2026", "images", "'images' holds runs, which are no images: '2026'"),
        ("runs/2026", "images", "'images' holds runs, which are no images: 'runs'"),
    ],
)
def test_a_run_is_not_taken_for_a_folder_of_images(
    run: str, named: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = Path(named)
    (folder / "cats").mkdir(parents=True)
    ensure_no_run(folder)
    ensure_no_run(folder / "missing")
    (folder / run).mkdir(parents=True, exist_ok=True)
    (folder / run / MARKER).touch()
    with pytest.raises(RunError) as error:
        ensure_no_run(folder)
    assert error.value.message == words and "tlearn finetune FOLDER" in error.value.hint


def test_a_marker_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / MARKER)
    assert RunDirectory(tmp_path).started == tmp_path.stat().st_mtime


@pytest.mark.parametrize("name", ["checkpoints", "figures", "history.jsonl"])
def test_nothing_is_written_through_a_link(tmp_path: Path, name: str) -> None:
    run = RunDirectory.create(tmp_path / "run", "deep")
    (run.path / "model.keras").symlink_to(tmp_path / "large_disk.keras")  # replaced, not followed
    run.refuse_links()
    (run.path / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match=f"{name}' is a link"):
        run.refuse_links()


def test_a_run_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    given = RunDirectory.create(tmp_path / "a" / "run", "deep")
    named = RunDirectory.create(None, "deep", base=tmp_path / "runs")
    assert {run.path.stat().st_mode & 0o777 for run in (given, named)} == {0o700}
