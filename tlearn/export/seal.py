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
    INSIDE,
    VERSION,
    Contract,
    Golden,
    Preparation,
    contract_path,
    digest_of,
    to_bytes,
    tolerance_of,
    write_contract,
)
from tlearn.artifacts.interface import read_interface
from tlearn.artifacts.metadata import append_files
from tlearn.artifacts.runtime import run_artefact
from tlearn.export.parity import Artefact
from tlearn.export.reference import Reference
from tlearn.storage.atomic import remove, write_atomic
from tlearn.storage.digest import digest_of_bytes

_DIGITS = 7


@dataclass(frozen=True, eq=False)
class GoldenPicture:
    """A held-out picture in hand.

    Attributes:
        content: The file as it was found.
        suffix: Of its name, by content.
        label: What it shows.
        pixels: uint8 (H, W, 3), as the decoder gives them.
        by_model: (classes,) probabilities by the trained model.
    """

    content: bytes
    suffix: str
    label: str
    pixels: np.ndarray
    by_model: np.ndarray

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
            by_model=_rounded(self.by_model),
        )


@dataclass(frozen=True, eq=False)
class Promise:
    """What the contracts of one run share; see `Contract`."""

    labels: Sequence[str]
    preparation: Preparation
    made_from: Mapping[str, str]
    golden: Sequence[GoldenPicture]


def seal(artefact: Artefact, promise: Promise, reference: Reference) -> Artefact:
    """Give an artefact its contract; one that failed gets none, and loses what lay there.

    Args:
        artefact: As it was checked.
        promise: What it promises beside its own name and ends.
        reference: What it was checked on.

    Raises:
        SystemFault: The place cannot be written.
    """
    artefact = replace(artefact, n_checked=len(reference.truth), checked_on=reference.checked_on)
    path = artefact.path
    if not artefact.passed:
        stem = path.stem.removesuffix(".failed")
        remove(contract_path(path.with_name(stem + path.suffix)))
        return artefact
    contract = _contract(artefact, promise)
    before = path.stat().st_size
    if path.suffix == ".tflite":
        write_atomic(path, append_files(path.read_bytes(), {INSIDE: to_bytes(contract.inside())}))
    _write_golden(path.parent / GOLDEN_FOLDER, contract.golden, promise.golden)
    golden = contract.golden
    if golden:
        # The finished file answers, so that what is written down is what anyone will get.
        answers = run_artefact(path, np.stack([one.pixels for one in promise.golden]))
        golden = tuple(
            replace(one, by_artefact=_rounded(answer))
            for one, answer in zip(golden, answers, strict=True)
        )
    write_contract(replace(contract, sha256=digest_of(path), golden=golden), path)
    return replace(artefact, size_bytes=artefact.size_bytes + path.stat().st_size - before)


def _contract(artefact: Artefact, promise: Promise) -> Contract:
    found = read_interface(artefact.path)
    return Contract(
        version=VERSION,
        tlearn=version("tlearn"),
        file=artefact.path.name,
        sha256=None,
        format=artefact.format,
        quantization=artefact.quantization,
        signature=found.signature,
        input=found.input,
        preparation=promise.preparation,
        output=found.output,
        labels=tuple(promise.labels),
        made_from=dict(promise.made_from),
        tolerance=tolerance_of(artefact.quantization),
        golden=tuple(one.record() for one in promise.golden),
    )


def _write_golden(
    folder: Path, records: Sequence[Golden], pictures: Sequence[GoldenPicture]
) -> None:
    for record, picture in zip(records, pictures, strict=True):
        file = io.BytesIO()
        Image.fromarray(picture.pixels).save(file, "PNG")
        write_atomic(folder / record.file, picture.content)
        write_atomic(folder / record.pixels_file, file.getvalue())


def _rounded(probabilities: np.ndarray) -> tuple[float, ...]:
    return tuple(round(float(value), _DIGITS) for value in probabilities)
