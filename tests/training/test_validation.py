"""The validation score of a model whose probabilities are known."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest

from tlearn.training.batches import Batches, Examples
from tlearn.training.validation import score_batches


def test_a_model_that_guesses_scores_as_guessing_does(
    classifier: Callable[[float], keras.Model], examples: Callable[..., Examples]
) -> None:
    score = score_batches(classifier(0.0), Batches(examples(10), 4))
    assert score.n == 10
    assert score.loss == pytest.approx(np.log(2))
    assert score.squared_error == pytest.approx(0.5)


def test_accuracy_counts_every_image_once_whatever_the_batches(
    classifier: Callable[[float], keras.Model], examples: Callable[..., Examples]
) -> None:
    for flipped, accuracy in ((False, 1.0), (True, 0.0)):
        score = score_batches(classifier(1.0), Batches(examples(10, flipped=flipped), 3))
        assert score.accuracy == accuracy
