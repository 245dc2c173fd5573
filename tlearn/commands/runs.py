"""Runs as a whole: list those in a folder, remove those that are no longer wanted."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tlearn.errors import RunError, TlearnError, pasted, quoted
from tlearn.evaluation.metrics import Report
from tlearn.recipe.plan_file import read_plan
from tlearn.runs.contents import read_contents
from tlearn.runs.directory import MARKER, RUN_FILES, RUNS_ROOT, RunDirectory
from tlearn.storage.atomic import os_errors_as_host_errors, remove
from tlearn.storage.cache import folder_bytes

FINISHED, UNFINISHED, DAMAGED, FOREIGN = "finished", "unfinished", "damaged", "foreign"

# What a write that was killed half-way leaves behind; see `storage.atomic`.
_TEMPORARY = re.compile(r"\.[0-9a-f]{8}-(.+?)(\.old)?")
_REMOVE_HINT = "close what is using it, or give yourself access; then run again: tlearn runs rm RUN"


@dataclass(frozen=True)
class RunSummary:
    """One folder among runs.

    Attributes:
        path: The folder.
        state: "finished"; "unfinished", training has not ended; "damaged", a file cannot be read;
            or "foreign", tlearn did not make it.
        started: When training started.
        size_bytes: Of all its files.
        problem: What is wrong, of a damaged run.
        data: Folder or CSV that it was trained on.
        policy: How much was trained.
        backbone: The pretrained network.
        split: The split that `accuracy` is of.
        n: Images in it.
        accuracy: Share of them answered right.
        interval: 95% Wilson interval of the accuracy.
        task: What it answers; None of an unfinished run.
        headline: Of another task than classes, the score that stands for all, in words.
    """

    path: Path
    state: str
    started: datetime
    size_bytes: int
    problem: str = ""
    data: str | None = None
    policy: str | None = None
    backbone: str | None = None
    split: str | None = None
    n: int | None = None
    accuracy: float | None = None
    interval: tuple[float, float] | None = None
    task: str | None = None
    headline: str | None = None


def list_runs(folder: Path = RUNS_ROOT) -> list[RunSummary]:
    """List the runs in a folder, newest first; a folder that is a run is listed alone.

    Args:
        folder: Where to look; the default need not exist yet.

    Raises:
        RunError: The folder does not exist, or what it holds are no runs.
        HostError: It cannot be read.
    """
    if not folder.is_dir():
        if folder == RUNS_ROOT:
            return []
        problem = "is a file" if folder.exists() else "does not exist"
        raise RunError(f"{quoted(folder)} {problem}", "name a folder of runs: tlearn runs FOLDER")
    with os_errors_as_host_errors(folder, "name another folder: tlearn runs FOLDER"):
        if _is_run(folder):
            return [summarize(folder)]
        folders = [entry for entry in folder.iterdir() if entry.is_dir()]
    folders = [path for path in folders if not path.name.startswith(".")]
    if folders and folder != RUNS_ROOT and not any(map(_is_run, folders)):
        raise RunError(f"{quoted(folder)} is no folder of runs", "list those in runs/: tlearn runs")
    summaries = [summarize(path) for path in folders]
    return sorted(summaries, key=lambda run: (run.started, run.path.name), reverse=True)


def summarize(path: Path) -> RunSummary:
    """Return what there is to say about a folder; whatever is wrong with it becomes its state."""
    run = RunDirectory(path)
    started = datetime.fromtimestamp(run.started).astimezone()
    size_bytes = 0
    with suppress(OSError):  # a run in training replaces its files
        size_bytes = folder_bytes(path)
    try:
        if not _is_run(path):
            return RunSummary(path, FOREIGN, started, size_bytes)
        values = _values(run)
    except (TlearnError, OSError, ValueError) as error:
        problem = error.message if isinstance(error, TlearnError) else f"cannot be read: {error!r}"
        return RunSummary(path, DAMAGED, started, size_bytes, problem.split("\n")[0])
    state = UNFINISHED if run.missing() else FINISHED
    return RunSummary(path, state, started, size_bytes, **values)


def check_removable(paths: Sequence[Path]) -> list[RunSummary]:
    """Check that every path is a run with nothing in it but files of tlearn.

    Raises:
        RunError: A path is missing, a link, no run, or holds files that tlearn did not write.
    """
    for path in paths:
        _ensure_removable(path)
    unique = {path.resolve(): path for path in paths}
    return [summarize(path) for path in unique.values()]


def remove_run(path: Path) -> None:
    """Remove a run: the files that tlearn wrote, then the folder, which has to be empty by then.

    Links inside are removed and what they point to is not. The marker goes last, so that a removal
    which was interrupted can be repeated.

    Raises:
        RunError: See `check_removable`.
        HostError: The machine refuses.
    """
    _ensure_removable(path)
    with os_errors_as_host_errors(path, _REMOVE_HINT):
        for name in [entry.name for entry in path.iterdir()]:
            if name != MARKER and _is_own(name):
                remove(path / name)
        remove(path / MARKER)
        path.rmdir()


def _is_run(path: Path) -> bool:
    return (path / MARKER).is_file() or (path / "plan.yaml").is_file()


def _values(run: RunDirectory) -> dict[str, Any]:
    """Return what a run tells of itself; nothing of its scores where it is not finished."""
    if run.missing():
        plan = read_plan(run.plan_path) if os.path.lexists(run.plan_path) else None
        return {"policy": plan.policy, "backbone": plan.backbone.name} if plan else {}
    contents = read_contents(run, with_model=False)
    report = contents.metrics.report
    return {
        "task": contents.plan.task,
        "headline": None if isinstance(report, Report) else " ".join(report.headline()),
        "policy": contents.plan.policy,
        "backbone": contents.plan.backbone.name,
        "data": contents.metrics.folder,
        "split": report.split,
        "n": report.n,
        "accuracy": report.accuracy if isinstance(report, Report) else None,
        "interval": report.interval if isinstance(report, Report) else None,
    }


def _ensure_removable(path: Path) -> None:
    name = quoted(path)
    if path.is_symlink():
        raise RunError(
            f"{name} is a link and is not followed",
            f"name the run itself: {_remove_line(path.resolve())}",
        )
    if not path.is_dir():
        problem = "is a file" if path.exists() else "does not exist"
        raise RunError(f"{name} {problem}", "list the runs: tlearn runs")
    if not (path / MARKER).is_file() or (path / MARKER).is_symlink():
        raise RunError(
            f"{name} was not made by tlearn: it has no {MARKER}", "list the runs: tlearn runs"
        )
    if Path.cwd().is_relative_to(path.resolve()):
        raise RunError(
            f"{name} is the folder that you are in",
            f"leave it first: cd .. && {_remove_line(path.resolve())}",
        )
    if foreign := sorted(entry.name for entry in path.iterdir() if not _is_own(entry.name)):
        shown = ", ".join(f"'{other}'" for other in foreign[:3])
        more = f" and {len(foreign) - 3} more" if len(foreign) > 3 else ""
        raise RunError(
            f"{name} holds what tlearn did not write: {shown}{more}",
            f"move that out of it, then run again: {_remove_line(path)}",
        )


def _is_own(name: str) -> bool:
    temporary = _TEMPORARY.fullmatch(name)
    return name in RUN_FILES or bool(temporary and temporary[1] in RUN_FILES)


def _remove_line(path: Path) -> str:
    return f"tlearn runs rm {pasted(path)}"
