"""Accuracy on sources that a head has never seen: another camera, another day, another place.

Images of one source are more alike than the subject asks for. Accuracy that holds out whole sources
is what to expect of a new one; accuracy on random folds is not (Zech et al. 2018, Variable
generalization performance of a deep learning model to detect pneumonia in chest radiographs).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tlearn.data.image_info import ImageInfo
from tlearn.data.sampling import FOLDS
from tlearn.data.split import Fold, fold_indices
from tlearn.features.linear_head import cross_validate

_KNOWN = 0.8
"""Share of the images of which a source must be known."""


@dataclass(frozen=True)
class SourceAccuracy:
    """Accuracy on sources that were held out whole.

    Attributes:
        source: What tells sources apart, such as "camera".
        n_sources: Number of sources.
        accuracy: Share of the images predicted right by heads solved on other sources.
        mixed_accuracy: The same on the same images, where folds mix sources.
        n_images: Number of images judged: those whose class also comes from another source.
    """

    source: str
    n_sources: int
    accuracy: float
    mixed_accuracy: float
    n_images: int


def known_sources(infos: Sequence[ImageInfo]) -> Mapping[str, list[str]]:
    """Return what EXIF says of where images come from, one value an image, if it says so of most.

    Args:
        infos: (n,) what is known of each file.
    """
    told = {
        "camera": [info.camera for info in infos],
        "day": [info.taken[:10] for info in infos],
    }
    return {
        name: values
        for name, values in told.items()
        if len({*values} - {""}) > 1 and sum(map(bool, values)) >= _KNOWN * len(values)
    }


def accuracy_across_sources(
    source: str,
    values: Sequence[str],
    features: np.ndarray,
    labels: np.ndarray,
    real: np.ndarray,
    blocks: Sequence[int] = (),
) -> SourceAccuracy | None:
    """Cross-validate a head with whole sources held out.

    Args:
        source: What tells sources apart.
        values: (n,) source of each image.
        features: (n, d) features that the real head reads.
        labels: (n,) class indices.
        real: (n, classes) held-out probabilities of the real head, folds mixing sources.
        blocks: See `solve_head`.

    Returns:
        None if there is one source only, or if no more than half of the images can be judged, since
        their class comes from one source alone.
    """
    n_sources, n_classes = len({*values}), real.shape[1]
    if n_sources < 2:
        return None
    folds = [
        _judged(fold, labels) for fold in fold_indices(labels, values, min(FOLDS, n_sources), 0)
    ]
    folds = [fold for fold in folds if len(fold[1])]
    rows = np.concatenate([np.array([], np.int64), *(held_out for _, held_out in folds)])
    if len(rows) <= len(labels) / 2:
        return None
    cv = cross_validate(features, labels, n_classes, folds, blocks=blocks)
    mixed = float((real[rows].argmax(axis=1) == labels[rows]).mean())
    return SourceAccuracy(source, n_sources, cv.accuracy, mixed, len(rows))


def _judged(fold: Fold, labels: np.ndarray) -> Fold:
    """Leave out the held-out rows of classes that the fold has nothing to learn from."""
    fitted, held_out = fold
    return fitted, held_out[np.isin(labels[held_out], labels[fitted])]
