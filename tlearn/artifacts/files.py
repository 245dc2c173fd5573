"""An artefact on disk: what can be one, which files it has, how large they are."""

from __future__ import annotations

from pathlib import Path

from tlearn.artifacts.contract import CONTRACT_ENDING, contract_path
from tlearn.errors import ExportError


def ensure_artifact(path: Path) -> None:
    """Say at once, and without TensorFlow, what can be no artefact.

    Raises:
        ExportError: There is nothing at the path, or what a person names in an artefact's place:
            its contract, the folder or the run it lies in.
    """
    if not path.exists():
        raise ExportError(f"{path} does not exist", "name a file that tlearn export wrote")
    if path.name.endswith(CONTRACT_ENDING):
        raise ExportError(f"{path} is a contract", "name the file that it is about")
    if not path.is_dir() or (path / "saved_model.pb").exists():
        return
    if path.name and contract_path(path).is_file():  # a spoilt SavedModel; "." has no name
        return
    entries = sorted((*path.iterdir(), *path.glob("export/*")))
    inside = [entry for entry in entries if contract_path(entry).is_file()]
    if not inside:
        raise ExportError(
            f"{path} is a folder, and no SavedModel", "export it again: tlearn export RUN"
        )
    names = ", ".join(entry.relative_to(path).as_posix() for entry in inside)
    raise ExportError(f"{path} is a folder of artefacts", f"name one: {names}")


def parts_of(path: Path) -> list[Path]:
    """The files of an artefact: an OpenVINO network has its weights in a file beside it."""
    return [path, path.with_suffix(".bin")] if path.suffix == ".xml" else [path]


def artifact_size_bytes(path: Path) -> int:
    """The size on disk of an artefact, all its files counted."""
    files = path.rglob("*") if path.is_dir() else parts_of(path)
    return sum(file.stat().st_size for file in files if file.is_file())
