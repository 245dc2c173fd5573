"""A folder of other images is told as a whole."""

import numpy as np
import pytest

from tlearn.confidence.confidence import KnownScale
from tlearn.confidence.strangers import measure_known, score_strangers

SCALE = KnownScale("val", 200, tuple(np.linspace(0, 1, 41).tolist()))


def test_images_like_those_of_training_are_not_called_unlike() -> None:
    known = np.random.default_rng(0).uniform(0, 1, 300)
    measured = measure_known(known, 0.05, SCALE)
    assert not measured.unlike
    assert measured.share == pytest.approx(0.95, abs=0.03)
    assert measured.n == 300


def test_images_that_are_all_a_little_odd_are_unlike_as_a_whole() -> None:
    measured = measure_known(np.random.default_rng(0).uniform(0.05, 0.5, 60), 0.05, SCALE)
    assert measured.share == 1
    assert measured.unlike


def test_one_odd_image_does_not_condemn_a_folder() -> None:
    assert not measure_known(np.array([0.001]), 0.05, SCALE).unlike


def test_strangers_are_ranked_below_ones_own() -> None:
    scores = score_strangers(np.array([0.9, 0.5, 0.2]), np.array([0.3, 0.01]), 0.05)
    assert scores.auroc == pytest.approx(5 / 6)
    assert (scores.accepted, scores.n) == (0.5, 2)
