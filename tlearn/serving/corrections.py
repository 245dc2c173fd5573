"""Images whose answer a person corrected, filed in a folder for each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePath
from typing import Any

from tlearn.data.formats import EXTENSIONS, sniff
from tlearn.errors import HostError
from tlearn.evaluation.sorting import class_folders
from tlearn.serving.app import RefusedError
from tlearn.storage.atomic import os_errors_as_host_errors
from tlearn.storage.digest import digest_of_bytes
from tlearn.storage.names import fit_name, numbered


class Corrections:
    """Files images as they were sent, and overwrites nothing; see `app.Work`.

    Args:
        folder: Where the folders of the classes are; it need not exist.
        labels: The classes.
    """

    def __init__(self, folder: Path, labels: Sequence[str]) -> None:
        names = class_folders(labels)
        self.folder = folder
        self._folders = {str(number): folder / names[label] for number, label in enumerate(labels)}
        self.filed: dict[str, Path] = {}

    def __call__(self, name: str, data: bytes, query: Mapping[str, str]) -> dict[str, Any]:
        """File an image under the label whose number is asked for; it leaves the one of before."""
        number, digest = query.get("label", ""), digest_of_bytes(data)
        if (folder := self._folders.get(number)) is None:
            raise RefusedError(400, f"label is {number[:20]!r}: there is no class of that number")
        if not (kind := sniff(data[:64])):
            raise RefusedError(422, "this is not an image")
        before = self.filed.get(digest)
        if before is not None and not before.exists():  # somebody took it away
            before = None
        if before is None or before.parent != folder:
            try:
                with os_errors_as_host_errors(folder):
                    folder.mkdir(parents=True, exist_ok=True)
                    self.filed[digest] = _write(folder, _file_name(name, kind), data)
                    if before:
                        before.unlink(missing_ok=True)
                        with suppress(OSError):  # others are filed there
                            before.parent.rmdir()
            except HostError as error:
                raise RefusedError(500, error.message) from error
        return {"filed": str(self.filed[digest])}


def _file_name(name: str, kind: str) -> str:
    """Return a name that is fit for every system, with an extension of an image."""
    fit = fit_name(PurePath(name.replace("\\", "/")).name)
    if PurePath(fit).suffix.lower() in EXTENSIONS:
        return fit
    return fit + next(end for end, format in EXTENSIONS.items() if format == kind)


def _write(folder: Path, name: str, data: bytes) -> Path:
    """Write a new file, under a number where the name is in use."""
    for candidate in numbered(name):
        try:
            with (folder / candidate).open("xb") as file:
                file.write(data)
        except FileExistsError:
            continue
        return folder / candidate
    raise AssertionError  # names do not run out
