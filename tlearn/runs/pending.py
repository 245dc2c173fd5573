"""A run in training: found again when it was stopped, kept from others, put in place at the end.

A run that replaces another is trained beside it, and changes places with it once it is finished:
whatever stops the training, the run of before is whole.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from tlearn.errors import RunError, TlearnError, quoted
from tlearn.runs.directory import (
    FILES_AT_START,
    LOCK,
    MARKER,
    RUNS_ROOT,
    RunDirectory,
)
from tlearn.runs.places import (
    BESIDE,
    TEMPORARY,
    beside,
    ensure_replaceable,
    old_of,
    place_of,
    recover,
)
from tlearn.storage.atomic import os_errors_as_host_errors, remove
from tlearn.storage.text import read_json, write_json

_RECORDS = (MARKER, RunDirectory.history_path, RunDirectory.provenance_path)


@dataclass(frozen=True)
class Request:
    """What a person asked for; the same again means: go on.

    Attributes:
        folder: Path of the image folder or CSV, resolved.
        recipe: The keys of the recipe that were set, by file or flag, as JSON has them.
        repeats: Number of "folds" or of "seeds", where the training is repeated.
    """

    folder: str
    recipe: Mapping[str, Any]
    repeats: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, run: RunDirectory) -> Request | None:
        """Return what a run was asked for; None if it does not say."""
        with suppress(TlearnError, TypeError):
            request = cls(**read_json(run.request_path))
            values = (request.recipe, request.repeats)
            if isinstance(request.folder, str) and all(isinstance(v, dict) for v in values):
                return request
        return None


@dataclass(frozen=True)
class PendingRun:
    """A run in training.

    Attributes:
        run: The directory that it is trained in.
        place: Where it will be in the end.
        lock: Held until then.
    """

    run: RunDirectory
    place: Path
    lock: FileLock

    @classmethod
    def find(cls, request: Request, out: Path | None, base: Path = RUNS_ROOT) -> PendingRun | None:
        """Find the unfinished run of the same request: that for `out`, or the newest one.

        Raises:
            RunError: Another process trains the run for `out`; without `out` such runs are passed
                over.
            HostError: The system refuses.
        """
        if out is not None:
            with os_errors_as_host_errors(out):
                recover(out)
        runs = [run for run in requested_runs(base) if run.path == place_of(run)]
        for run in [beside(out), RunDirectory(out)] if out else runs:
            if type(request).read(run) == request and (is_open(run) or run.path != place_of(run)):
                try:
                    lock = _lock(run)
                except TlearnError:
                    if out:
                        raise
                    continue
                _remove_leftovers(run)
                return cls(run, out or run.path, lock)
        return None

    @classmethod
    def begin(
        cls,
        request: Request,
        policy: str,
        out: Path | None,
        overwrite: bool = False,
        base: Path = RUNS_ROOT,
    ) -> PendingRun:
        """Make the directory of a new run.

        Raises:
            RunError: The place is taken, or another process trains a run there.
            HostError: The system refuses.
        """
        ensure_available(out, overwrite, base)
        target = out
        if out and _holds_run(out, overwrite):
            _lock(RunDirectory(out)).release()
            target = beside(out).path
        # Before anything in it is touched: another process may be training there.
        lock = _lock(RunDirectory(target)) if target else None
        run = RunDirectory.create(target, policy, True, base)
        lock = lock or _lock(run)
        write_json(run.request_path, asdict(request))
        return cls(run, out or run.path, lock)

    @classmethod
    def reopen(cls, run: RunDirectory, request: Request) -> PendingRun:
        """Go on with a run, on a copy beside it if it is finished, so that nothing can be lost.

        Raises:
            RunError: Another process is training it.
            HostError: The system refuses.
        """
        place = place_of(run)
        is_copy = not is_open(run)
        if is_copy:
            ensure_replaceable(place)
            run = beside(place)
        lock = _lock(run)
        if is_copy and Request.read(run) != request:  # else this was begun before, and stopped
            with os_errors_as_host_errors(place):
                run.clear()
                _copy(RunDirectory(place), run)
        _remove_leftovers(run)
        write_json(run.request_path, asdict(request))
        return cls(run, place, lock)

    def begin_anew(self, request: Request) -> None:
        """Forget what was written before anything had been trained."""
        with os_errors_as_host_errors(self.run.path):
            self.run.clear()
        write_json(self.run.request_path, asdict(request))

    def release(self) -> None:
        """Let others go on with the run."""
        self.lock.release()

    def finish(self) -> RunDirectory:
        """Put the run in its place, and return it there; files of the person's stay.

        Raises:
            RunError: Another process trains a run in that place.
            HostError: The system refuses.
        """
        run, place = self.run.path, self.place
        if os.name == "nt":  # a folder that holds an open file cannot be renamed there
            self.lock.release()
        with os_errors_as_host_errors(place):
            if run != place:
                run, place = run.resolve(), place.resolve()
                recover(place)
                if place.exists():
                    _lock(RunDirectory(place)).release()
                    os.replace(place, old_of(place))
                os.replace(run, place)
                recover(place)
            self.lock.release()
            remove(place / LOCK)
        return RunDirectory(self.place)


def ensure_available(out: Path | None, overwrite: bool, base: Path = RUNS_ROOT) -> None:
    """Raise now what would keep a new run from its place after minutes, or hours of training.

    Raises:
        RunError: The place is taken, or the run there cannot be replaced.
        HostError: The folder cannot be written to.
    """
    RunDirectory.ensure_available(out, overwrite, base)
    if out and _holds_run(out, overwrite):
        ensure_replaceable(out)


def is_open(run: RunDirectory) -> bool:
    """Return whether a run is unfinished; one beside its place is until its very last file."""
    is_whole = run.path == place_of(run) or run.digests_path.exists()
    return bool(run.missing()) or not is_whole


def requested_runs(base: Path = RUNS_ROOT) -> list[RunDirectory]:
    """Return the runs in a folder that say what they were asked for, the newest first."""
    folders = [path.parent for path in base.glob(f"*/{RunDirectory.request_path}")]
    runs = [
        RunDirectory(path)
        for path in folders
        if not path.name.startswith(".") or BESIDE.fullmatch(path.name)
    ]
    return sorted(runs, key=lambda run: run.started, reverse=True)


def _lock(run: RunDirectory) -> FileLock:
    """Keep other processes out of a run, whose folder is made if it is missing.

    Raises:
        RunError: Another process is training it.
        HostError: The system refuses.
    """
    lock = FileLock(run.path / LOCK, timeout=0, thread_local=False)
    with os_errors_as_host_errors(run.path):
        run.path.mkdir(0o700, parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout:
            raise RunError(
                f"another process is training a run in {quoted(place_of(run))}",
                "wait for it, or name another folder: --out FOLDER",
            ) from None
    return lock


def _remove_leftovers(run: RunDirectory) -> None:
    """Remove what a process that was killed was writing."""
    run.refuse_links()
    with os_errors_as_host_errors(run.path):
        for folder in (run.path, run.checkpoints, run.figures):
            for entry in folder.glob(".*"):
                if TEMPORARY.fullmatch(entry.name):
                    remove(entry)


def _copy(run: RunDirectory, copy: RunDirectory) -> None:
    """Copy what training goes on from; all else is written anew."""
    for name in (*FILES_AT_START, RunDirectory.checkpoint_path, *_RECORDS):
        if (run.path / name).exists():
            (copy.path / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(run.path / name, copy.path / name)


def _holds_run(out: Path, overwrite: bool) -> bool:
    """Return whether a new run has to be trained beside another one, which it will replace."""
    return overwrite and out.exists() and any(out.iterdir())
