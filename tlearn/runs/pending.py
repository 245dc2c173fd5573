"""A run in training: found again when it was stopped, kept from others, put in place at the end.

A run that replaces another is trained beside it, and changes places with it once it is finished:
whatever stops the training, the run of before is whole.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from tlearn.errors import RunError, TlearnError, quoted
from tlearn.runs.directory import LOCK, RUN_FILES, RUNS_ROOT, RunDirectory
from tlearn.storage.atomic import os_errors_as_host_errors, remove
from tlearn.storage.text import read_json, write_json

_TEMPORARY = re.compile(r"\.[0-9a-f]{8}-.+")
"""What a write that was killed leaves behind; see `storage.atomic`."""


@dataclass(frozen=True)
class Request:
    """What a person asked for; the same again means: go on.

    Attributes:
        folder: Path of the image folder or CSV, resolved.
        recipe: The keys of the recipe that were set, by file or flag, as JSON has them.
    """

    folder: str
    recipe: Mapping[str, Any]

    @classmethod
    def read(cls, run: RunDirectory) -> Request | None:
        """Return what a run was asked for; None if it does not say."""
        with suppress(TlearnError, TypeError):
            request = cls(**read_json(run.request_path))
            if isinstance(request.folder, str) and isinstance(request.recipe, dict):
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
        """Find the unfinished run of the same request that nobody is training, the newest first."""
        if out is not None:
            with os_errors_as_host_errors(out):
                recover(out)
        for run, place in _candidates(out, base):
            if run.missing() and Request.read(run) == request:
                with suppress(RunError):
                    lock = _lock(run)
                    _remove_leftovers(run)
                    return cls(run, place, lock)
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
        RunDirectory.ensure_available(out, overwrite, base)
        target = out
        if out and overwrite and out.exists() and any(out.iterdir()):
            _lock(RunDirectory(out)).release()
            target = _beside(out)
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
        place = run.path
        if not run.missing():
            run = RunDirectory(_beside(place))
            if Request.read(run) != request:  # else this was begun before, and stopped
                with os_errors_as_host_errors(place):
                    remove(run.path)
                    shutil.copytree(place, run.path, ignore=shutil.ignore_patterns("export", LOCK))
        lock = _lock(run)
        _remove_leftovers(run)
        write_json(run.request_path, asdict(request))
        return cls(run, place, lock)

    def release(self) -> None:
        """Let others go on with the run."""
        self.lock.release()

    def finish(self) -> RunDirectory:
        """Put the run in its place, and return it there; files of the person's stay.

        Raises:
            HostError: The system refuses.
        """
        self.lock.release()
        with os_errors_as_host_errors(self.place):
            remove(self.run.path / LOCK)
            if self.run.path != self.place:
                recover(self.place)
                os.replace(self.place, _old(self.place))
                os.replace(self.run.path, self.place)
                recover(self.place)
        return RunDirectory(self.place)


def recover(place: Path) -> None:
    """Complete the change of places between two runs, wherever it was interrupted."""
    old = _old(place)
    if not old.exists():
        return
    if not place.exists():
        os.replace(old, place)
        return
    for entry in old.iterdir():
        if entry.name not in RUN_FILES and not _TEMPORARY.fullmatch(entry.name):
            os.replace(entry, place / entry.name)
    remove(old)


def requested_runs(base: Path = RUNS_ROOT) -> list[RunDirectory]:
    """Return the runs in a folder that say what they were asked for, the newest first."""
    runs = [RunDirectory(path.parent) for path in base.glob(f"*/{RunDirectory.request_path}")]
    return sorted(runs, key=lambda run: run.started, reverse=True)


def _candidates(out: Path | None, base: Path) -> Iterator[tuple[RunDirectory, Path]]:
    if out is not None:
        yield from ((RunDirectory(path), out) for path in (_beside(out), out))
        return
    yield from ((run, run.path) for run in requested_runs(base))


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
                f"another process is training a run in {quoted(run.path)}",
                "wait for it, or name another folder: --out FOLDER",
            ) from None
    return lock


def _remove_leftovers(run: RunDirectory) -> None:
    """Remove what a process that was killed was writing."""
    with os_errors_as_host_errors(run.path):
        for entry in run.path.iterdir():
            if _TEMPORARY.fullmatch(entry.name):
                remove(entry)


def _beside(place: Path) -> Path:
    return place.with_name(f".{place.name}.new")


def _old(place: Path) -> Path:
    return place.with_name(f".{place.name}.old")
