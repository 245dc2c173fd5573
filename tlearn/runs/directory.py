"""The directory of a run: the names of its files, and how they are written and found."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tlearn.errors import RunError, TlearnError, pasted, quoted
from tlearn.runs.epoch_log import EpochLog
from tlearn.storage.atomic import ensure_writable, os_errors_as_host_errors, remove, write_atomic
from tlearn.storage.text import escape_label, read_text, unescape_label

RUNS_ROOT = Path("runs")
LOCK = ".lock"  # held by the process that trains
MARKER = ".tlearn-run"  # says that tlearn made the folder, and when (ISO 8601)
FILES_AT_START = ("plan.yaml", "split.csv", "labels.txt")
FILES_AT_END = (*FILES_AT_START, "model.keras", "metrics.json")
RUN_FILES = (
    MARKER,
    LOCK,
    "request.json",
    "checkpoints",
    *FILES_AT_END,
    "history.jsonl",
    "sha256.json",
    "operating_point.json",
    "provenance.json",
    "report.html",
    "predictions.csv",
    "errors.csv",
    "figures",
    "export",
    "samples",
)

_ADDED_TO = ("checkpoints", "figures", "history.jsonl")  # every other file is replaced whole
MARKS = (MARKER, "plan.yaml")
UNRELEASED = "-unreleased"  # in the name of a run that is worse than the one it was to follow
_TRAIN = "train a model first: tlearn finetune FOLDER"


class _RunPath:
    """A path inside the run; read from the class itself, its name alone."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, run: RunDirectory | None, owner: type) -> Path:
        return run.path / self.name if run else Path(self.name)


@dataclass(frozen=True)
class RunDirectory:
    """Everything one run leaves behind; enough to evaluate, predict, export and resume."""

    path: Path
    plan_path = _RunPath("plan.yaml")
    split_path = _RunPath("split.csv")
    labels_path = _RunPath("labels.txt")
    request_path = _RunPath("request.json")
    checkpoints = _RunPath("checkpoints")
    checkpoint_path = _RunPath("checkpoints/last.npz")
    history_path = _RunPath("history.jsonl")
    provenance_path = _RunPath("provenance.json")
    model_path = _RunPath("model.keras")
    metrics_path = _RunPath("metrics.json")
    digests_path = _RunPath("sha256.json")
    point_path = _RunPath("operating_point.json")
    report_path = _RunPath("report.html")
    predictions_path = _RunPath("predictions.csv")
    errors_path = _RunPath("errors.csv")
    figures = _RunPath("figures")
    export_dir = _RunPath("export")
    samples = _RunPath("samples")

    @classmethod
    def create(
        cls, path: Path | None, policy: str, overwrite: bool = False, base: Path = RUNS_ROOT
    ) -> RunDirectory:
        """Make the directory of a new run, at `path` or as `base/YYYYmmdd-HHMMSS-<policy>`.

        Args:
            path: Where; None makes a new name under `base`.
            policy: Part of that name.
            overwrite: Replace the run at `path`, file by file; nothing else is ever removed.
            base: Folder of runs without a path of their own.

        Raises:
            RunError: The path is taken, by a run (without `overwrite`) or by anything else.
            HostError: The machine refuses (no space, no permission).
        """
        cls.ensure_available(path, overwrite, base)
        now = datetime.now().astimezone()
        with os_errors_as_host_errors(path or base):
            run = cls(path or _new_folder(base, f"{now:%Y%m%d-%H%M%S}-{policy}"))
            run.path.mkdir(0o700, parents=True, exist_ok=True)
            run.clear()
        write_atomic(run.path / MARKER, now.isoformat() + "\n")
        return run

    @classmethod
    def ensure_available(
        cls, path: Path | None, overwrite: bool = False, base: Path = RUNS_ROOT
    ) -> None:
        """Raise now what `create` would raise once minutes have been spent.

        A run that was stopped before its first checkpoint may be replaced without being asked for.

        Raises:
            RunError: The path is taken, by a run (without `overwrite`) or by anything else.
            HostError: The folder cannot be written to.
        """
        folder = path or base
        ensure_writable(folder)
        with os_errors_as_host_errors(folder):
            names = {entry.name for entry in folder.iterdir()} if folder.exists() else set()
        names.discard(LOCK)
        if path is None:
            return
        is_run = MARKER in names or ("plan.yaml" in names and names.issubset(RUN_FILES))
        if names and not is_run:
            error = f"{quoted(path)} holds other files and was not made by tlearn"
            raise RunError(error, "it is never replaced; name a new folder: --out FOLDER")
        if names and not overwrite:
            cls(path)._ensure_worthless(names)

    @classmethod
    def open(cls, path: Path | None, finished: bool = True, base: Path = RUNS_ROOT) -> RunDirectory:
        """Open the run at `path`; None takes the one under `base` that started last.

        Args:
            path: The directory, or None.
            finished: Ask for a trained and scored model; False is for resuming.
            base: Folder of runs.

        Raises:
            RunError: There is no such run, or files are missing from it.
        """
        if path is None:
            runs = [cls(base / name) for name in _run_names(base) if UNRELEASED not in name]
            usable = [run for run in runs if not run.missing(finished)]
            if not usable:
                begun = f" ({len(runs)} begun)" if runs else ""
                kind = "finished run" if finished else "run"
                raise RunError(f"there is no {kind} under {quoted(base)}{begun}", _TRAIN)
            return max(usable, key=lambda run: (run.started, run.path.name))
        run = cls(path)
        missing = ", ".join(run.missing(finished))
        if missing and not run.missing(finished=False):
            hint = f"train again: tlearn finetune FOLDER --out {pasted(path)} --overwrite"
            raise RunError(f"the run {quoted(path)} is not finished: it has no {missing}", hint)
        if missing:
            error = f"has no {missing}" if os.path.exists(path) else "does not exist"
            raise RunError(f"{quoted(path)} is not a run: it {error}", _suggest_run(path, base))
        return run

    @property
    def sources(self) -> dict[str, Path]:
        """Return the files that an export is made from, by what they are."""
        return {"model": self.model_path, "plan": self.plan_path, "split": self.split_path}

    def missing(self, finished: bool = True) -> tuple[str, ...]:
        """Return the names of files that this run should hold and does not."""
        names = FILES_AT_END if finished else FILES_AT_START
        return tuple(name for name in names if not os.path.exists(self.path / name))

    def refuse_links(self, names: Sequence[str] = _ADDED_TO) -> None:
        """Raise a RunError if what will be written would go through a link, to somewhere else."""
        for path in (self.path / name for name in names):
            if path.is_symlink():
                raise RunError(
                    f"{quoted(path)} is a link, and nothing is written through it",
                    f"see where it leads, then remove it: ls -l {pasted(path)}",
                )

    @property
    def epochs(self) -> EpochLog:
        """Return the records of `history.jsonl`."""
        return EpochLog(self.history_path)

    @property
    def started(self) -> float:
        """Return when the run started, in seconds since 1970; the folder's own time if unknown."""
        with suppress(TlearnError, ValueError, OverflowError):
            return datetime.fromisoformat(read_text(self.path / MARKER).strip()).timestamp()
        return self.path.stat().st_mtime

    def write_labels(self, labels: Sequence[str]) -> None:
        """Write `labels.txt`, one label a line (see `escape_label`)."""
        write_atomic(self.labels_path, "".join(escape_label(label) + "\n" for label in labels))

    def read_labels(self) -> tuple[str, ...]:
        """Return the labels of `labels.txt`, in order."""
        text = read_text(self.labels_path).removesuffix("\n")
        return tuple(unescape_label(line) for line in text.split("\n"))

    def _ensure_worthless(self, names: Set[str]) -> None:
        """Raise a RunError if replacing this run would lose a model, or hours of training."""
        hint = "replace it with --overwrite, or name another folder: --out FOLDER"
        if MARKER not in names or not names.isdisjoint(("metrics.json", "report.html")):
            raise RunError(f"{quoted(self.path)} already holds a run", hint)
        if any(self.checkpoints.glob("[!.]*")):
            go_on = f"go on with it: tlearn finetune --resume {pasted(self.path)}"
            problem = f"{quoted(self.path)} holds an unfinished run of another command"
            raise RunError(problem, f"replace it with --overwrite, or {go_on}")

    def clear(self) -> None:
        """Remove all files of the run but what says whose folder it is, and who uses it."""
        for name in RUN_FILES:
            if name not in (MARKER, LOCK):
                remove(self.path / name)


def ensure_no_run(folder: Path) -> None:
    """Raise if a folder that should hold images is a run, or holds runs.

    Images of a run's samples, charts and exports would be taken for classes.

    Raises:
        RunError: It is, or does.
    """
    if not folder.is_dir():
        return
    if any((folder / mark).exists() for mark in MARKS):
        raise RunError(
            f"{quoted(folder)} is a run, not a folder of images",
            f"name the images, as in tlearn finetune FOLDER; about the run: tlearn evaluate "
            f"{pasted(folder)}",
        )
    names = _run_names(folder) or [RUNS_ROOT.name] * bool(_run_names(folder / RUNS_ROOT.name))
    if names:
        raise RunError(
            f"{quoted(folder)} holds runs, which are no images: {quoted(names[0])}",
            "name the folder of the images, or move the runs out of it: tlearn finetune FOLDER",
        )


def _new_folder(base: Path, name: str, number: int = 1) -> Path:
    path = base / (name if number == 1 else f"{name}-{number}")
    try:
        path.mkdir(0o700, parents=True)
    except FileExistsError:
        return _new_folder(base, name, number + 1)
    return path


def _run_names(folder: Path) -> list[str]:
    return sorted({path.parent.name for mark in MARKS for path in folder.glob(f"[!.]*/{mark}")})


def _suggest_run(path: Path, base: Path) -> str:
    """Return a hint: the run with the nearest name, or how to make one."""
    nearby = {name: folder / name for folder in (base, path.parent) for name in _run_names(folder)}
    near = difflib.get_close_matches(path.name, nearby, n=1)
    if near:
        return f"did you mean {quoted(nearby[near[0]])}?"
    return "list the runs: tlearn runs" if _run_names(base) else _TRAIN
