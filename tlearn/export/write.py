"""Write one artifact, hold it against the model it was made from, and give it its contract."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tlearn.artifacts.least_runtime import is_newer, least_runtime
from tlearn.backend.precision import as_float32
from tlearn.data.targets import ONE_CLASS
from tlearn.errors import ExportError
from tlearn.export.comparison import compare_unusable
from tlearn.export.folder import ensure_replaceable, publish, staging
from tlearn.export.formats import artifact_path, find_format
from tlearn.export.inputs import ExportInputs
from tlearn.export.parity import Artifact, compare_with_model, describe
from tlearn.export.quantization import CALIBRATED, what_to_try
from tlearn.export.seal import attach_contract

Target = tuple[str, str]
"""A key of `formats.FORMATS` and a mode of `quantization.MODES` that the format has."""


def step_label(target: Target) -> str:
    """Return how progress names the export of a target."""
    format, mode = target
    return f"export {format}" if mode == "none" else f"export {format} {mode.replace('_', '-')}"


def needs_calibration(targets: Sequence[Target]) -> bool:
    """Return whether a target wants images that set the ranges of int8."""
    return any(mode in CALIBRATED for _, mode in targets)


def export_artifact(inputs: ExportInputs, folder: Path, target: Target) -> Artifact:
    """Write `folder/model[_MODE].SUFFIX` or `folder/saved_model`, run it and attach its contract.

    Args:
        inputs: The model and what its artifacts are compared with.
        folder: Where to.
        target: Format and mode.

    Returns:
        The artifact under its final name; one that failed is kept under a name that says so, and
        has no contract.

    Raises:
        ExportError: The format cannot hold this network.
        HostError: The folder cannot be written to.
    """
    name, mode = target
    path = artifact_path(folder, find_format(name, mode), mode)
    ensure_replaceable(path, name == "saved_model")
    with staging(folder) as staged:
        artifact = write_and_check(inputs, staged, target)
        artifact = attach_contract(artifact, inputs)
        publish(staged, folder)
    failure = artifact.failure.replace(f"{staged.name}{os.sep}", "")
    return replace(artifact, path=folder / artifact.path.name, failure=failure)


def unwritten_artifact(
    inputs: ExportInputs, folder: Path, target: Target, error: ExportError
) -> Artifact:
    """Return the artifact that stands for a file whose format cannot hold the network."""
    name, mode = target
    path = artifact_path(folder, find_format(name, mode), mode)
    failure = f"could not be written: {error.message}"
    comparison = compare_unusable(inputs)
    artifact = describe(inputs, path, target, comparison, failure, advice=(error.hint,))
    return replace(artifact, size_bytes=0)  # whatever an earlier export left there


def write_and_check(inputs: ExportInputs, folder: Path, target: Target) -> Artifact:
    """Write an artifact and run it; an int8 file that fails is written again with another head.

    The arguments are those of `export_artifact`.
    """
    name, mode = target
    format = find_format(name, mode)
    path = artifact_path(folder, format, mode)
    n_calibration = 0 if inputs.calibration is None else len(inputs.calibration)
    advice = what_to_try(mode, inputs.int8_note, n_calibration)
    if mode not in CALIBRATED or inputs.calibration is None:
        return _write_and_compare(inputs, path, target, advice)
    from tlearn.export.int8_head import refit_head_for_int8
    from tlearn.export.int8_known import even_evidence
    from tlearn.export.int8_normality import relearn_for_int8

    with even_evidence(inputs.model, inputs.calibration):
        artifact = _write_and_compare(inputs, path, target, advice)
        if artifact.passed:
            return artifact
        refit = relearn_for_int8 if inputs.task == ONE_CLASS else refit_head_for_int8
        with refit(as_float32(inputs.model), inputs.calibration) as model:
            refitted = replace(inputs, model=model)
            artifact = _write_and_compare(refitted, path, target, advice)
    return replace(artifact, head_refitted=True)


def _write_and_compare(
    inputs: ExportInputs, path: Path, target: Target, advice: Sequence[str]
) -> Artifact:
    name, mode = target
    find_format(name, mode).write(replace(inputs, model=inputs.written()), path, mode)
    if inputs.for_runtime and name == "tflite":
        _ensure_runs_in(inputs.for_runtime, path, mode)
    return compare_with_model(inputs, path, target, advice)


def _ensure_runs_in(version: str, path: Path, mode: str) -> None:
    """Refuse a LiteRT file that needs a newer runtime than the one on the device."""
    needed = least_runtime(path)
    if is_newer(needed, version):
        raise ExportError(
            f"{path.name!r} needs TensorFlow Lite {needed}, and the device has {version}",
            f"no mode asks for less than float32: --for-runtime {needed}"
            if mode == "none"
            else "leave out --quantize, and the best mode that runs there is kept: "
            f"--for-runtime {version}",
        )
