"""What is unlike the good images, as a whole or in a place, has a high `anomaly`."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf

from tlearn.confidence.normality import EXCEEDED, Normality, fit_gaussian, fit_normality

WIDTHS, SIDE, CHANNELS = (6, 10), 7, 5
Rows = tuple[list[np.ndarray], np.ndarray]


def rows(n: int, seed: int) -> Rows:
    rng = np.random.default_rng(seed)
    features = [
        rng.normal(1, 1, (n, width)) @ np.diag(np.linspace(1, 3, width)) for width in WIDTHS
    ]
    return features, rng.normal(0, 1, (n, SIDE, SIDE, CHANNELS))


@pytest.fixture(scope="module")
def normality() -> Normality:
    return fit_normality(*rows(60, 0))


def test_good_images_are_above_the_tail_as_often_as_it_says(normality: Normality) -> None:
    anomaly, _ = normality.score(*rows(2000, 1))
    assert np.mean(anomaly > 1 - EXCEEDED) == pytest.approx(EXCEEDED, abs=0.04)
    assert np.median(anomaly) == pytest.approx(0.5, abs=0.15)


def test_an_image_that_is_strange_as_a_whole_is_an_anomaly(normality: Normality) -> None:
    features, patches = rows(20, 2)
    features[1] = features[1] + 8 * np.array([1, -1] * 5)
    anomaly, map = normality.score(features, patches)
    assert anomaly.min() > 0.99
    assert np.median(map.max(axis=(1, 2))) < 0.95


def test_a_strange_place_is_an_anomaly_and_the_peak_of_the_map(normality: Normality) -> None:
    features, patches = rows(20, 3)
    patches[:, 5, 1] += 12
    anomaly, map = normality.score(features, patches)
    assert anomaly.min() > 0.99
    peaks = np.stack(np.unravel_index(map.reshape(20, -1).argmax(axis=1), (SIDE, SIDE)))
    assert np.abs(peaks - np.array([[5], [1]])).max() <= 1
    assert map.max(axis=(1, 2)).min() > 0.99


def test_images_of_one_fold_are_not_measured_by_each_other() -> None:
    features, patches = rows(5, 0)
    twice = [np.repeat(x, 2, axis=0) for x in features], np.repeat(patches, 2, axis=0)
    by_turns, by_pairs = fit_normality(*twice), fit_normality(*twice, np.arange(10) // 2)
    assert by_turns.units[1].middle < 0.9 * by_pairs.units[1].middle


def test_the_distance_is_that_of_the_shrunk_covariance() -> None:
    features, new = rows(30, 0)[0][1], rows(9, 1)[0][1]
    expected = np.sqrt(LedoitWolf().fit(features).mahalanobis(new))
    np.testing.assert_allclose(fit_gaussian(features).distances(new), expected, rtol=1e-4)


def test_images_that_are_all_alike_are_no_error() -> None:
    features, patches = rows(1, 0)
    many = [np.repeat(x, 12, axis=0) for x in features], np.repeat(patches, 12, axis=0)
    anomaly, _ = fit_normality(*many).score(*rows(3, 1))
    assert anomaly.min() > 0.99
