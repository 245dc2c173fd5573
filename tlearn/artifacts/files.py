"""An artifact on disk: what can be one, which files it has, their digest and their size."""

from __future__ import annotations

from pathlib import Path

from tlearn.artifacts.contract_file import CONTRACT_ENDING, contract_path
from tlearn.artifacts.limits import MOST_MODEL_BYTES, ensure_size
from tlearn.errors import ExportError, quoted
from tlearn.storage.atomic import os_errors_as_host_errors
from tlearn.storage.digest import digest_of_bytes, digest_of_file


def ensure_artifact(path: Path) -> None:
    """Check that a path can be an artifact, at once and without TensorFlow.

    Raises:
        ExportError: There is nothing at the path, or something that people name instead of an
            artifact: its contract, the folder or the run that it is in; or it is too large.
        HostError: A part of it is no file, or cannot be read.
    """
    with os_errors_as_host_errors(path, "name a file that was written by: tlearn export RUN"):
        _ensure_artifact(path)
        ensure_size(_entries(path), MOST_MODEL_BYTES, path)


def _ensure_artifact(path: Path) -> None:
    if not path.exists():
        raise ExportError(
            f"{quoted(path)} does not exist", "name a file that was written by: tlearn export RUN"
        )
    if path.name.endswith(CONTRACT_ENDING):
        raise ExportError(f"{quoted(path)} is a contract", "name the file that it belongs to")
    if not path.is_dir() or (path / "saved_model.pb").exists():
        return
    if path.name and contract_path(path).is_file():  # a damaged SavedModel; "." has no name
        return
    artifacts = [*list_artifacts(path), *list_artifacts(path / "export")]
    if not artifacts:
        raise ExportError(
            f"{quoted(path)} is a folder, but no SavedModel", "export it again: tlearn export RUN"
        )
    names = ", ".join(map(quoted, artifacts))
    raise ExportError(f"{quoted(path)} is a folder of artifacts", f"name one of them: {names}")


def list_artifacts(folder: Path) -> list[Path]:
    """Return the artifacts in a folder, which need not exist: what has a contract beside it."""
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    return [entry for entry in entries if contract_path(entry).is_file()]


def parts_of(path: Path) -> list[Path]:
    """Return the paths of an artifact; OpenVINO has the weights in a .bin beside the .xml."""
    return [path, path.with_suffix(".bin")] if path.suffix == ".xml" else [path]


def artifact_size_bytes(path: Path) -> int:
    """Return the size on disk of all files of an artifact, in bytes."""
    return sum(file.stat().st_size for file in _files(path))


def artifact_digest(path: Path) -> str:
    """Return the SHA-256 of an artifact.

    For a file it is that of its bytes; for a directory, or an .xml with its .bin, that of the list
    of its files. The list has one line for each, in the order of their names: SHA-256, two spaces,
    and the name relative to the directory, as `find . -type f | sort | xargs sha256sum` prints
    without the "./".
    """
    files = _files(path)
    if files == [path]:
        return digest_of_file(path)
    root = path if path.is_dir() else path.parent
    lines = (f"{digest_of_file(file)}  {file.relative_to(root).as_posix()}\n" for file in files)
    return digest_of_bytes("".join(lines).encode("utf-8", "surrogateescape"))


def _files(path: Path) -> list[Path]:
    return [entry for entry in _entries(path) if entry.is_file()]


def _entries(path: Path) -> list[Path]:
    """Return all that belongs to an artifact; among it may be what is no file, as a pipe."""
    if path.is_dir():
        return sorted(entry for entry in path.rglob("*") if not entry.is_dir())
    return [path, *(part for part in parts_of(path)[1:] if part.exists())]
