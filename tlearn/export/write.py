"""Write one artefact and hold it against the model it was made from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tlearn.backend.precision import as_float32
from tlearn.export.formats import artifact_path, find_format
from tlearn.export.parity import Artifact, compare_with_model
from tlearn.export.quantization import CALIBRATED, what_to_try
from tlearn.export.reference import Reference


def write_and_check(
    reference: Reference, folder: Path, name: str, mode: str, max_drop: float
) -> Artifact:
    """Write `folder/model[_MODE].SUFFIX` or `folder/saved_model` and run it.

    Args:
        reference: The model and its answers.
        folder: Where to.
        name: A key of formats.FORMATS.
        mode: A mode of quantization.MODES that the format has.
        max_drop: Largest drop of accuracy allowed, as a fraction.

    Returns:
        The artefact under its final name; one that failed is kept under a name that says so. A
        file in int8 that fails is written again, with a head that was solved for int8.

    Raises:
        ExportError: The format cannot hold this network.
        HostError: The place cannot be written.
    """
    format = find_format(name, mode)
    path = artifact_path(folder, format, mode)
    images = reference.calibration() if mode in CALIBRATED else None
    n_images = 0 if images is None else len(images)
    advice = what_to_try(mode, reference.int8_note, n_images)

    def written(given: Reference) -> Artifact:
        format.write(given, path, mode, images)
        return compare_with_model(reference, path, name, mode, max_drop, advice)

    artifact = written(reference)
    if artifact.passed or images is None:
        return artifact
    from tlearn.export.int8_head import refit_head_for_int8

    with refit_head_for_int8(as_float32(reference.model), images) as model:
        return replace(written(replace(reference, model=model)), head_refitted=True)
