"""What is known of files by size and time, so that a file that did not change is not opened again.

`files.jsonl` has a line for each file that was read: path, size, times, digest. `originals.bin`
keeps the bytes of the first ones, as samples of a run are files as they were found.

As in Git, a file that was written just before it was read is not trusted: it may be written again
within the same tick of the clock, and look the same.
"""

from __future__ import annotations

import json
import os
import stat
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from tlearn.storage.atomic import CACHE_HINT, os_errors_as_host_errors
from tlearn.storage.checked_lines import as_line, ensure_regular, read_lines
from tlearn.storage.digest import digest_of_bytes

ORIGINAL_BYTES = 1_000_000
"""Of one file; larger ones are not kept."""

_ALL_ORIGINALS_BYTES = 64_000_000

# Clocks of file systems tick at least every 10 ms, but for those that count whole seconds (FAT: 2).
_TICK_NS, _WHOLE_SECONDS_NS = 100_000_000, 2_100_000_000


class FileState(NamedTuple):
    """What shows that a file is the same as before: its size and times, in nanoseconds."""

    size: int
    modified: int
    changed: int

    @classmethod
    def of(cls, path: Path) -> FileState | None:
        """Return that of a file whose next change will show; None for any other."""
        try:
            status = os.stat(path)
        except OSError:
            return None
        state = cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        latest = max(state.modified, state.changed)
        whole = not (state.modified % 10**9 or state.changed % 10**9)
        settled = time.time_ns() - latest > (_WHOLE_SECONDS_NS if whole else _TICK_NS)
        return state if settled and stat.S_ISREG(status.st_mode) else None


class FileIndex:
    """The digest of each file that was read, and the bytes of some; safe to share and to damage.

    Args:
        folder: Where it is kept.

    Raises:
        HostError: Something else is in its place.
    """

    def __init__(self, folder: Path) -> None:
        self._lines, self._originals = folder / "files.jsonl", folder / "originals.bin"
        self._known: dict[str, tuple[FileState, str]] = {}
        self._places: dict[str, tuple[int, int]] = {}
        self._writing = Lock()
        self._full = False
        self._open: dict[Path, Any] = {}
        ensure_regular(self._originals)
        for line in read_lines(self._lines):
            with suppress(ValueError, TypeError, KeyError):
                self._take(json.loads(line))

    def find(self, path: Path, state: FileState | None) -> str:
        """Return the digest of a file that is in the state in which it was read; "" if not."""
        known = self._known.get(str(path))
        return known[1] if known and known[0] == state else ""

    def add(self, path: Path, state: FileState | None, digest: str, content: bytes) -> None:
        """Note what was read of a file, and keep its bytes while there is room.

        Args:
            path: Its path, absolute.
            state: What it was in before it was opened; None if that shows nothing.
            digest: SHA-256 of its bytes.
            content: Its bytes.

        Raises:
            HostError: The index cannot be written.
        """
        with self._writing, os_errors_as_host_errors(self._lines.parent, CACHE_HINT):
            record: dict[str, object] = {"digest": digest}
            if state is not None and self._known.get(str(path)) != (state, digest):
                record |= {"path": str(path), "state": state}
            if digest not in self._places and (place := self._keep(content)) is not None:
                record |= {"place": place, "size": len(content)}
            if len(record) > 1:
                self._take(record)
                self._opened(self._lines).write(as_line(json.dumps(record).encode()))

    def original(self, digest: str) -> bytes | None:
        """Return the bytes of a file that were kept; None if they were not, or were damaged."""
        if digest not in self._places:
            return None
        place, size = self._places[digest]
        try:
            with self._originals.open("rb") as file:
                file.seek(place)
                content = file.read(size)
        except OSError:
            return None
        return content if digest_of_bytes(content) == digest else None

    def _keep(self, content: bytes) -> int | None:
        """Append the bytes of a file if there is room, and return where."""
        if len(content) > ORIGINAL_BYTES or self._full:
            return None
        file = self._opened(self._originals)
        self._full = file.tell() + len(content) > _ALL_ORIGINALS_BYTES
        if self._full or file.write(content) < len(content):
            return None
        return file.tell() - len(content)  # others may have appended before

    def _opened(self, path: Path) -> Any:
        """Return a file to append to, which stays open: thousands are noted in a row."""
        if path not in self._open:
            self._open[path] = path.open("ab", buffering=0)
            weakref.finalize(self, self._open[path].close)
        return self._open[path]

    def _take(self, record: Mapping[str, Any]) -> None:
        """Take over what a line says."""
        if "path" in record:
            state = FileState(*map(int, record["state"]))
            self._known[record["path"]] = state, record["digest"]
        if "place" in record:
            self._places[record["digest"]] = int(record["place"]), int(record["size"])
