"""`tlearn matrix`: the textbook's answer for counts and a similarity that the person states."""

from __future__ import annotations

from tlearn.suggestion.advice import Advice
from tlearn.suggestion.matrix import Evidence, textbook_policy


def matrix(n_images: int, n_classes: int, similar: bool) -> Advice:
    """Return the cell of the size x similarity matrix, without looking at an image.

    Args:
        n_images: Training images, of all classes together.
        n_classes: Classes.
        similar: Whether they are similar to the images that the backbone was trained on.
    """
    return Advice(textbook_policy(Evidence(n_images, n_classes, float(similar))))
