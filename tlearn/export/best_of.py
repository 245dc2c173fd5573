"""Files written to choose one of: the others leave nothing behind."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tlearn.errors import ExportError
from tlearn.export.budget import Budget, BudgetResult, pick_best
from tlearn.export.parity import Artifact
from tlearn.storage.atomic import os_errors_as_host_errors, remove

Write = Callable[[Path, str, str], Artifact]
"""Writes and checks an artefact, given its folder, format and quantization."""


def export_best(
    write: Write, formats: Sequence[tuple[str, str]], folder: Path, budget: Budget
) -> BudgetResult:
    """Write candidates apart, and move the best within the budget into a folder.

    Args:
        write: Writes one, with all that belongs to it, into a folder of its own.
        formats: Pairs of format and quantization.
        folder: Where the best goes; what stands there is not touched unless it has its name.
        budget: The limits.

    Returns:
        The choice; the paths of those that were not kept are the names they had.

    Raises:
        ExportError: None of the formats can hold this network.
        HostError: The place cannot be written.
    """
    with os_errors_as_host_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        scratch = tempfile.TemporaryDirectory(dir=folder, prefix=".candidates-")
    try:
        with scratch as place:
            written, errors_by_mode = _write_all(write, formats, Path(place))
            kept = pick_best(written, budget).kept
            if kept:
                with os_errors_as_host_errors(folder):
                    _move(kept.path.parent, folder)
    finally:
        with suppress(OSError):  # it is not empty, as a rule
            folder.rmdir()
    final = [
        replace(one, path=folder / one.path.name if one is kept else Path(one.path.name))
        for one in written
    ]
    return replace(pick_best(final, budget), errors_by_mode=errors_by_mode)


def _write_all(
    write: Write, formats: Sequence[tuple[str, str]], place: Path
) -> tuple[list[Artifact], dict[str, str]]:
    """What could be written, each in a folder of its own; by mode, why others could not."""
    written, errors_by_mode = list[Artifact](), dict[str, ExportError]()
    for number, (format, mode) in enumerate(formats):
        try:
            written.append(write(place / str(number), format, mode))
        except ExportError as error:
            errors_by_mode[mode] = error
    if not written:
        raise next(iter(errors_by_mode.values()))
    return written, {mode: error.message for mode, error in errors_by_mode.items()}


def _move(source: Path, target: Path) -> None:
    """Every file below a folder to the same place below another."""
    for file in source.rglob("*"):
        if file.is_file():
            place = target / file.relative_to(source)
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(file, place)
            remove(place.with_name(f"{place.stem}.failed{place.suffix}"))
