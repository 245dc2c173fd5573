"""Attach a contract: inside the artifact and beside it, with the golden images."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image

from tlearn.artifacts.contract import (
    GOLDEN_FOLDER,
    LAYOUTS,
    VERSION,
    Contract,
    Golden,
    tolerance_of,
)
from tlearn.artifacts.contract_file import (
    EMBEDDED_CONTRACT,
    contract_path,
    to_bytes,
    write_contract,
)
from tlearn.artifacts.files import artifact_digest
from tlearn.artifacts.interface import read_interface
from tlearn.artifacts.metadata import append_files
from tlearn.artifacts.runtime import run_artifact
from tlearn.confidence.answers import Answer
from tlearn.data.targets import CLASSES
from tlearn.export.inputs import ExportInputs, GoldenImage
from tlearn.export.parity import Artifact
from tlearn.storage.atomic import remove, write_atomic
from tlearn.storage.digest import digest_of_bytes

_DIGITS = 7


def attach_contract(artifact: Artifact, inputs: ExportInputs) -> Artifact:
    """Give an artifact its contract; one that failed gets none, and loses what lay there.

    Args:
        artifact: As it was checked.
        inputs: What it was made of and compared with.

    Raises:
        HostError: The folder cannot be written to.
    """
    path = artifact.path
    if not artifact.passed:
        stem = path.stem.removesuffix(".failed")
        remove(contract_path(path.with_name(stem + path.suffix)))
        return artifact
    contract = _contract(artifact, inputs)
    size_before = path.stat().st_size
    if path.suffix == ".tflite":
        embedded = {EMBEDDED_CONTRACT: to_bytes(contract.embedded())}
        write_atomic(path, append_files(path.read_bytes(), embedded))
    _write_golden(path.parent / GOLDEN_FOLDER, contract.golden, inputs.golden)
    golden = contract.golden
    if golden:
        # The finished file answers, so that what is written down is what anyone will get.
        answers = run_artifact(path, np.stack([image.pixels for image in inputs.golden]))
        golden = tuple(
            replace(
                record,
                artifact_probabilities=_rounded(answer.probabilities),
                artifact_known=_rounded_known(answer),
                artifact_map=None if answer.map is None else _rounded(answer.map.ravel(), 4),
            )
            for record, answer in zip(golden, answers, strict=True)
        )
    write_contract(replace(contract, sha256=artifact_digest(path), golden=golden), path)
    return replace(artifact, size_bytes=artifact.size_bytes + path.stat().st_size - size_before)


def _contract(artifact: Artifact, inputs: ExportInputs) -> Contract:
    interface = read_interface(artifact.path)
    layout = inputs.layout if artifact.format == "onnx" else LAYOUTS[0]
    return Contract(
        version=VERSION,
        tlearn=version("tlearn"),
        file=artifact.path.name,
        sha256=None,
        format=artifact.format,
        quantization=artifact.quantization,
        signature=interface.signature,
        input=interface.input,
        preprocessing=replace(inputs.preprocessing, layout=layout),
        output=interface.output,
        labels=tuple(inputs.class_names),
        provenance=dict(inputs.provenance),
        tolerance=tolerance_of(artifact.quantization),
        golden=tuple(_record(image) for image in inputs.golden),
        known=interface.known,
        refuse=inputs.refuse if interface.known else None,
        confidence=replace(inputs.confidence, sets=artifact.sets),
        operating_point=artifact.operating_point,
        prior=inputs.named_prior,
        map=interface.map,
        embedding=interface.embedding,
        task=None if inputs.task == CLASSES else inputs.task,
        scale=inputs.scale,
        runtime=artifact.runtime or None,
    )


def _record(image: GoldenImage) -> Golden:
    """Return an image's line in a contract; its files are named by what they hold."""
    digest = digest_of_bytes(image.content)
    pixels_digest = digest_of_bytes(image.pixels.tobytes())
    height, width, channels = image.pixels.shape
    return Golden(
        file=f"{digest[:12]}{image.suffix}",
        sha256=digest,
        label=image.label,
        pixels_file=f"{pixels_digest[:12]}.pixels.png",
        pixels_sha256=pixels_digest,
        pixels_shape=(height, width, channels),
        model_probabilities=_rounded(image.answer.probabilities),
        model_known=_rounded_known(image.answer),
    )


def _write_golden(folder: Path, records: Sequence[Golden], images: Sequence[GoldenImage]) -> None:
    for record, image in zip(records, images, strict=True):
        file = io.BytesIO()
        Image.fromarray(image.pixels).save(file, "PNG")
        write_atomic(folder / record.file, image.content)
        write_atomic(folder / record.pixels_file, file.getvalue())


def _rounded_known(answer: Answer) -> float | None:
    return None if answer.known is None else round(answer.known, _DIGITS)


def _rounded(values: np.ndarray, digits: int = _DIGITS) -> tuple[float, ...]:
    return tuple(round(float(value), digits) for value in values)
