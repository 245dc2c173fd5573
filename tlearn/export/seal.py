"""The contract goes into the artefact and beside it, and the golden pictures with it."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image

from tlearn.artifacts.contract import (
    GOLDEN_FOLDER,
    VERSION,
    Contract,
    Golden,
    Preprocessing,
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
from tlearn.export.parity import Artifact
from tlearn.export.reference import Reference
from tlearn.storage.atomic import remove, write_atomic
from tlearn.storage.digest import digest_of_bytes

_DIGITS = 7


@dataclass(frozen=True, eq=False)
class GoldenImage:
    """A held-out picture in hand.

    Attributes:
        content: The file as it was found.
        suffix: Of its name, by content.
        label: What it shows.
        pixels: uint8 (H, W, 3), as the decoder gives them.
        model_probabilities: (classes,) probabilities by the trained model.
    """

    content: bytes
    suffix: str
    label: str
    pixels: np.ndarray
    model_probabilities: np.ndarray

    def record(self) -> Golden:
        """Its line in a contract; files are named by what they hold."""
        digest, pixels_digest = (
            digest_of_bytes(self.content),
            digest_of_bytes(self.pixels.tobytes()),
        )
        height, width, channels = self.pixels.shape
        return Golden(
            file=f"{digest[:12]}{self.suffix}",
            sha256=digest,
            label=self.label,
            pixels_file=f"{pixels_digest[:12]}.pixels.png",
            pixels_sha256=pixels_digest,
            pixels_shape=(height, width, channels),
            model_probabilities=_rounded(self.model_probabilities),
        )


@dataclass(frozen=True, eq=False)
class ContractTemplate:
    """What the contracts of one run share; see `Contract`."""

    labels: Sequence[str]
    preprocessing: Preprocessing
    provenance: Mapping[str, str]
    golden: Sequence[GoldenImage]


def attach_contract(
    artifact: Artifact, promise: ContractTemplate, reference: Reference
) -> Artifact:
    """Give an artefact its contract; one that failed gets none, and loses what lay there.

    Args:
        artifact: As it was checked.
        promise: What it promises beside its own name and ends.
        reference: What it was checked on.

    Raises:
        HostError: The place cannot be written.
    """
    artifact = replace(artifact, n_checked=len(reference.truth), checked_on=reference.checked_on)
    path = artifact.path
    if not artifact.passed:
        stem = path.stem.removesuffix(".failed")
        remove(contract_path(path.with_name(stem + path.suffix)))
        return artifact
    contract = _contract(artifact, promise)
    before = path.stat().st_size
    if path.suffix == ".tflite":
        write_atomic(
            path,
            append_files(path.read_bytes(), {EMBEDDED_CONTRACT: to_bytes(contract.embedded())}),
        )
    _write_golden(path.parent / GOLDEN_FOLDER, contract.golden, promise.golden)
    golden = contract.golden
    if golden:
        # The finished file answers, so that what is written down is what anyone will get.
        answers = run_artifact(path, np.stack([one.pixels for one in promise.golden]))
        golden = tuple(
            replace(one, artifact_probabilities=_rounded(answer))
            for one, answer in zip(golden, answers, strict=True)
        )
    write_contract(replace(contract, sha256=artifact_digest(path), golden=golden), path)
    return replace(artifact, size_bytes=artifact.size_bytes + path.stat().st_size - before)


def _contract(artifact: Artifact, promise: ContractTemplate) -> Contract:
    found = read_interface(artifact.path)
    return Contract(
        version=VERSION,
        tlearn=version("tlearn"),
        file=artifact.path.name,
        sha256=None,
        format=artifact.format,
        quantization=artifact.quantization,
        signature=found.signature,
        input=found.input,
        preprocessing=promise.preprocessing,
        output=found.output,
        labels=tuple(promise.labels),
        provenance=dict(promise.provenance),
        tolerance=tolerance_of(artifact.quantization),
        golden=tuple(one.record() for one in promise.golden),
    )


def _write_golden(folder: Path, records: Sequence[Golden], images: Sequence[GoldenImage]) -> None:
    for record, image in zip(records, images, strict=True):
        file = io.BytesIO()
        Image.fromarray(image.pixels).save(file, "PNG")
        write_atomic(folder / record.file, image.content)
        write_atomic(folder / record.pixels_file, file.getvalue())


def _rounded(probabilities: np.ndarray) -> tuple[float, ...]:
    return tuple(round(float(value), _DIGITS) for value in probabilities)
