"""Names of the classes that a backbone was trained on, for saying what pictures look like to it."""

from __future__ import annotations

from pathlib import Path

from tlearn.models.weights import SUFFIXES, WeightsFile

# The names of ImageNet's thousand classes as torchvision lists them (BSD-3-Clause).
_IMAGENET = Path(__file__).with_name("imagenet.labels.txt")


def source_names(weights: WeightsFile | None, count: int) -> list[str] | None:
    """Names of a backbone's `count` source classes, or None where nobody says them.

    A file NAME.labels.txt beside the weights NAME.h5 says them, one a line. Without one, a
    thousand classes are ImageNet's.
    """
    path = _beside(weights.path) if weights else None
    if path is None and count == 1000:
        path = _IMAGENET
    if path is None:
        return None
    names = path.read_text("utf-8", "replace").splitlines()
    return names if len(names) == count else None


def _beside(weights: Path) -> Path | None:
    suffix = next((end for end in SUFFIXES if weights.name.endswith(end)), "")
    path = weights.with_name(weights.name.removesuffix(suffix) + ".labels.txt")
    return path if path.is_file() else None
