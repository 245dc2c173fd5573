"""Golden pictures beside an artefact, as this machine finds and decodes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tlearn.artifacts.contract import Golden, Preprocessing, artifact_digest
from tlearn.data.decode import UnreadableImageError, decode
from tlearn.storage.digest import digest_of_bytes


@dataclass(frozen=True, eq=False)
class LoadedGolden:
    """A golden picture on this machine.

    Attributes:
        golden: Its line in the contract.
        promised: The pixels that the network was given; None where their file is lost.
        decoded: The pixels that the decoder gives here; None where the picture is lost.
        problem: What is wrong with its files.
    """

    golden: Golden
    promised: np.ndarray | None
    decoded: np.ndarray | None
    problem: str

    @property
    def expected(self) -> np.ndarray:
        """(classes,) probabilities."""
        return np.asarray(self.golden.artifact_probabilities or self.golden.model_probabilities)

    @property
    def same_pixels(self) -> bool:
        """Whether the decoder gives the pixels that were promised."""
        return self.decoded is not None and _are_promised(self.decoded, self.golden)

    def same_answer(self, answer: np.ndarray) -> bool:
        """Whether probabilities (classes,) name the class that was promised."""
        return bool(answer.argmax() == self.expected.argmax())


def load_golden(folder: Path, golden: Golden, how: Preprocessing) -> LoadedGolden:
    """Read both files of a golden picture and say what is wrong with them."""
    file, kept = folder / golden.file, folder / golden.pixels_file
    problems, decoded, promised = [], None, None
    if not file.is_file():
        problems.append(f"{golden.file} is missing")
    elif artifact_digest(file) != golden.sha256:
        problems.append(f"{golden.file} was changed")
    else:
        decoded = _decoded(file, how.image_size, how.resize)
    if not kept.is_file():
        problems.append(f"{golden.pixels_file} is missing")
    else:
        promised = _decoded(kept, how.image_size, "squash")  # it has that size already
        if promised is None or not _are_promised(promised, golden):
            problems.append(f"{golden.pixels_file} was changed")
            promised = None
    if promised is None and decoded is not None and _are_promised(decoded, golden):
        promised = decoded
    return LoadedGolden(golden, promised, decoded, ", ".join(problems))


def _decoded(file: Path, image_size: int, resize: str) -> np.ndarray | None:
    try:
        return decode(file, image_size, resize)
    except UnreadableImageError:
        return None


def _are_promised(pixels: np.ndarray, golden: Golden) -> bool:
    return digest_of_bytes(pixels.tobytes()) == golden.pixels_sha256


def distance(images: Sequence[LoadedGolden]) -> str:
    """How far the decoder's pixels lie from those promised, where both are here."""
    both = [
        (one.decoded.astype(np.int16), one.promised)
        for one in images
        if one.decoded is not None and one.promised is not None
    ]
    if not both:
        return ""
    gaps = np.stack([np.abs(decoded - promised) for decoded, promised in both])
    return f", off by {gaps.mean():.2g} of 255 on average and {gaps.max()} at most"
