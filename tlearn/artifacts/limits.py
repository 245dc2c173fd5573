"""What is read of an artifact, which anyone may have written: limited sizes, strict JSON."""

from __future__ import annotations

import json
import math
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tlearn.errors import ExportError, HostError, quoted
from tlearn.storage.atomic import os_errors_as_host_errors

MOST_TEXT_BYTES = 16_000_000
"""The size of a contract, of labels and of notes: ten times that of a thousand classes."""

MOST_MODEL_BYTES = 2**31
"""The size of an artifact; LiteRT and ONNX files cannot be larger."""

_COPY_AGAIN = "copy it again, or export it again: tlearn export RUN"
_BROKEN_ARCHIVE = (
    *(OSError, EOFError, ValueError, RuntimeError, NotImplementedError),
    *(zipfile.BadZipFile, zlib.error),
)


def read_limited(path: Path, most_bytes: int) -> bytes:
    """Read a file of a limited size; a larger one is not read at all.

    Raises:
        ExportError: The file is larger.
        HostError: The file cannot be read.
    """
    ensure_size([path], most_bytes, path)
    with os_errors_as_host_errors(path, _COPY_AGAIN), path.open("rb") as file:
        return file.read(most_bytes)


def ensure_size(files: Iterable[Path], most_bytes: int, path: Path) -> None:
    """Check the size of files before one of them is read.

    Args:
        files: All that belongs to `path`.
        most_bytes: Of all of them.
        path: What the message names.

    Raises:
        ExportError: They are larger.
        HostError: They are devices or pipes, or cannot be read.
    """
    n_bytes = 0
    with os_errors_as_host_errors(path, _COPY_AGAIN):
        for file in files:
            if not file.is_file():  # reading one may never end
                raise HostError(f"{quoted(file)} is a device or a pipe, and no file", _COPY_AGAIN)
            n_bytes += file.stat().st_size
    if n_bytes > most_bytes:
        size = f"{n_bytes / 1e6:,.0f} MB, more than {most_bytes / 1e6:,.0f} MB"
        raise ExportError(f"{quoted(path)} has {size}", _COPY_AGAIN)


def read_appended(artifact: Path, name: str) -> bytes | None:
    """Read a file of the archive at the end of a LiteRT file; None if it is not there.

    Raises:
        ExportError: The archive is damaged, or the file in it too large.
    """
    if not artifact.is_file():
        return None
    try:
        if not zipfile.is_zipfile(artifact):
            return None
        with zipfile.ZipFile(artifact) as archive:
            if name not in archive.namelist():
                return None
            if archive.getinfo(name).file_size > MOST_TEXT_BYTES:
                raise zipfile.BadZipFile(f"{name!r} in it is too large")
            return archive.read(name)
    except _BROKEN_ARCHIVE as error:
        reason = str(error) or type(error).__name__
        raise ExportError(f"{quoted(artifact)} is damaged: {reason}", _COPY_AGAIN) from error


def strict_json(content: bytes) -> Any:
    """Read JSON that means the same to every program: UTF-8, no key twice, finite numbers.

    Raises:
        ValueError: It is anything else.
        RecursionError: It is nested too deeply.
    """
    return json.loads(
        content.decode("utf-8"),
        object_pairs_hook=_without_duplicates,
        parse_constant=_finite,
        parse_float=_finite,
    )


def _without_duplicates(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ValueError(f"the key {twice[:60]!r} is there twice")
    return keys


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text[:60]} is no finite number")
    return number
