"""Names of the classes that a backbone was trained on."""

from __future__ import annotations

from pathlib import Path

from tlearn.models.weights import SUFFIXES, WeightsFile

# The names of ImageNet's thousand classes as torchvision lists them (BSD-3-Clause).
_IMAGENET = Path(__file__).with_name("imagenet.labels.txt")


def source_names(weights: WeightsFile | None, count: int) -> list[str] | None:
    """Return the names of a backbone's source classes, or None if they are not known.

    They stand in a file NAME.labels.txt beside the weights NAME.h5, one a line. Without that file,
    a thousand classes are taken for ImageNet's.

    Args:
        weights: The weights of the backbone; None for random initialization.
        count: How many source classes it has.
    """
    path = _labels_beside(weights.path) if weights else None
    if path is None and count == 1000:
        path = _IMAGENET
    if path is None:
        return None
    names = path.read_text("utf-8", "replace").splitlines()
    return names if len(names) == count else None


def _labels_beside(weights: Path) -> Path | None:
    suffix = next((end for end in SUFFIXES if weights.name.endswith(end)), "")
    path = weights.with_name(weights.name.removesuffix(suffix) + ".labels.txt")
    return path if path.is_file() else None
