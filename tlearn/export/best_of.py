"""Write several artifacts to keep the best within a budget; the others leave nothing behind."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tlearn.errors import ExportError
from tlearn.export.budget import Budget, BudgetResult, pick_artifact
from tlearn.export.folder import publish, staging
from tlearn.export.inputs import ExportInputs
from tlearn.export.parity import Artifact
from tlearn.export.write import Target, export_artifact, step_label
from tlearn.progress import ProgressCallback


def export_best(
    inputs: ExportInputs,
    targets: Sequence[Target],
    folder: Path,
    budget: Budget,
    progress: ProgressCallback,
) -> BudgetResult:
    """Write candidates apart, and move the best within the budget into a folder.

    Args:
        inputs: The model and what its artifacts are compared with.
        targets: Pairs of format and quantization.
        folder: Where the best goes; what stands there is not touched unless it has its name.
        budget: The limits.
        progress: Called with (step, done, total).

    Returns:
        The result; the paths of those that were not kept are the names they had.

    Raises:
        ExportError: None of the formats can hold this network.
        HostError: The folder cannot be written to.
    """
    written, errors = list[Artifact](), dict[str, ExportError]()
    try:
        with staging(folder) as scratch_folder:
            for number, target in enumerate(targets):
                progress(step_label(target), 0, 0)
                try:
                    place = Path(scratch_folder, str(number))
                    written.append(export_artifact(inputs, place, target))
                except ExportError as error:
                    errors[target[1]] = error
            if not written:
                raise next(iter(errors.values()))
            best = pick_artifact(written, budget).kept
            if best:
                publish(best.path.parent, folder)
    finally:
        with suppress(OSError):  # it is not empty, as a rule
            folder.rmdir()
    final = [
        replace(
            artifact,
            path=folder / artifact.path.name if artifact is best else Path(artifact.path.name),
        )
        for artifact in written
    ]
    messages = {mode: error.message for mode, error in errors.items()}
    return replace(pick_artifact(final, budget), errors_by_mode=messages)
