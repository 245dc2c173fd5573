"""Golden images beside an artifact, loaded and decoded on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tlearn.artifacts.contract import Contract, Golden
from tlearn.confidence.alike import same_answers
from tlearn.confidence.answers import Answer
from tlearn.data.decode import decode
from tlearn.data.high_depth import GrayRange
from tlearn.data.targets import CLASSES
from tlearn.data.unreadable import UnreadableImageError
from tlearn.storage.digest import digest_of_bytes, digest_of_file

_MOST_IMAGE_BYTES = 500_000_000
_PNG_HEADERS = 100_000


@dataclass(frozen=True, eq=False)
class LoadedGolden:
    """A golden image as it is on this machine.

    Attributes:
        golden: Its entry in the contract.
        stored_pixels: uint8 (H, W, 3) that the network was given at the export; None if lost.
        decoded_pixels: uint8 (H, W, 3) that the decoder gives here; None if the image is lost.
        problem: What is wrong with its files; "" if nothing is.
        contract: That it is of.
    """

    golden: Golden
    stored_pixels: np.ndarray | None
    decoded_pixels: np.ndarray | None
    problem: str
    contract: Contract

    @property
    def expected_probabilities(self) -> np.ndarray:
        """Return the (classes,) probabilities in the contract: the artifact's, else the model's."""
        return np.asarray(self.golden.artifact_probabilities or self.golden.model_probabilities)

    @property
    def same_pixels(self) -> bool:
        """Return whether the decoder gives the same pixels as at the export."""
        return self.decoded_pixels is not None and _are_stored(self.decoded_pixels, self.golden)

    @property
    def expected_known(self) -> float | None:
        """Return `known` in the contract: the artifact's, else the model's."""
        golden = self.golden
        return golden.model_known if golden.artifact_known is None else golden.artifact_known

    def same_answer(self, answer: Answer) -> bool:
        """Return whether an answer is the one in the contract."""
        of, expected = self.contract, self.expected_probabilities[np.newaxis]
        task, found = of.task or CLASSES, answer.probabilities[np.newaxis]
        return bool(same_answers(task, expected, found, of.thresholds, of.scale, of.ordered)[0])

    def difference(self, answer: Answer) -> float:
        """Return how far any number of an answer is from the contract's, in units of its scale."""
        gap = np.abs(answer.probabilities - self.expected_probabilities).max()
        gap /= self.contract.scale or 1.0
        if self.expected_known is None or answer.known is None:
            return float(gap)
        return float(np.max([gap, abs(answer.known - self.expected_known)]))


def map_difference(answers: Sequence[tuple[LoadedGolden, Answer]]) -> float:
    """Return how far maps are from the contract's, as a share of the largest value or of 1."""
    pairs = [
        (answer.map, np.reshape(image.golden.artifact_map, answer.map.shape))
        for image, answer in answers
        if answer.map is not None and image.golden.artifact_map is not None
    ]
    if not pairs:
        return 0.0
    found, expected = map(np.stack, zip(*pairs, strict=True))
    return float(np.abs(found - expected).max() / max(1.0, np.abs(expected).max()))


def load_golden(folder: Path, golden: Golden, contract: Contract) -> LoadedGolden:
    """Load both files of a golden image, and note what is wrong with them.

    Args:
        folder: The folder golden/.
        golden: The image's entry in the contract.
        contract: That it is of.
    """
    preprocessing = contract.preprocessing
    file, pixels_file = folder / golden.file, folder / golden.pixels_file
    side, decoded, stored = preprocessing.image_size, None, None
    problem = _problem(file, _MOST_IMAGE_BYTES)
    pixels_problem = _problem(pixels_file, 4 * side**2 + _PNG_HEADERS)  # stored without loss
    if not problem and digest_of_file(file) != golden.sha256:
        problem = "was changed"
    if not problem:
        decoded = _decode(file, side, preprocessing.resize, preprocessing.gray_range)
    if not pixels_problem:
        # It has that size already; in any other it is not even decoded.
        stored = _decode(pixels_file, side, "squash") if _has_side(pixels_file, side) else None
        if stored is None or not _are_stored(stored, golden):
            pixels_problem, stored = "was changed", None
    if stored is None and decoded is not None and _are_stored(decoded, golden):
        stored = decoded
    named = {golden.file: problem, golden.pixels_file: pixels_problem}
    problems = ", ".join(f"{name!r} {what}" for name, what in named.items() if what)
    return LoadedGolden(golden, stored, decoded, problems, contract)


def _problem(file: Path, most_bytes: int) -> str:
    """Say why a golden file is not even opened; "" if it may be."""
    if file.is_symlink():
        return "is a link"
    if not file.is_file():
        return "is missing"
    return "is too large" if file.stat().st_size > most_bytes else ""


def _has_side(file: Path, side: int) -> bool:
    try:
        with Image.open(file) as image:
            return image.size == (side, side)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False


def _decode(
    file: Path, image_size: int, resize: str, gray_range: GrayRange | None = None
) -> np.ndarray | None:
    try:
        return decode(file, image_size, resize, gray_range)
    except UnreadableImageError:
        return None


def _are_stored(pixels: np.ndarray, golden: Golden) -> bool:
    return digest_of_bytes(pixels.tobytes()) == golden.pixels_sha256


def pixel_difference(images: Sequence[LoadedGolden]) -> str:
    """Describe how far decoded pixels are from the stored ones; "" if no image has both."""
    pairs = [
        (image.decoded_pixels.astype(np.int16), image.stored_pixels)
        for image in images
        if image.decoded_pixels is not None and image.stored_pixels is not None
    ]
    if not pairs:
        return ""
    gaps = np.stack([np.abs(decoded - stored) for decoded, stored in pairs])
    return f"off by {gaps.mean():.2g} of 255 on average and {gaps.max()} at most"
