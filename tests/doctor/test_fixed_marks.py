"""A faint mark at a fixed place is told; a strong one anywhere is not."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.doctor.fixed_marks import Relief, mark_probabilities

N = 200
LABELS = np.arange(N) % 2
FOLD_OF = np.random.default_rng(3).permutation(N) % 5
FOLDS = [(np.flatnonzero(f != FOLD_OF), np.flatnonzero(f == FOLD_OF)) for f in range(5)]
TEXT = np.random.default_rng(4).integers(-1, 2, (6, 30))


MIDDLING = np.full((N, 24, 24), 128, np.uint8)


def accuracy(
    relief: np.ndarray, labels: np.ndarray = LABELS, below: np.ndarray = MIDDLING
) -> float:
    images = Relief(relief.astype(np.int8), below)
    p = mark_probabilities(images, labels, int(labels.max()) + 1, FOLDS)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    return float((p.argmax(axis=1) == labels).mean())


def noise() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 6, (N, 48, 48)).clip(-24, 24)


@pytest.mark.parametrize("strength", [4, 8])
def test_a_faint_mark_at_a_fixed_place_is_told(strength: int) -> None:
    relief = noise()
    relief[LABELS == 1, 40:46, 10:40] += strength * TEXT
    assert accuracy(relief) > 0.95


def test_a_mark_that_lightens_the_dark_and_darkens_the_bright_is_told() -> None:
    below = np.random.default_rng(2).choice([58, 198], N)
    relief = noise()
    toward_gray = np.sign(128 - below)[:, None, None]
    relief[:, 40:46, 10:40] += (LABELS == 1)[:, None, None] * toward_gray * 6 * TEXT
    below = np.full((N, 24, 24), below[:, None, None], np.uint8)
    assert accuracy(relief, below=below) > 0.95


def test_a_strong_mark_at_changing_places_is_not() -> None:
    relief, rng = noise(), np.random.default_rng(1)
    for image in relief[LABELS == 1]:
        top, left = rng.integers(0, [42, 18])
        image[top : top + 6, left : left + 30] += 12 * TEXT
    assert accuracy(relief) < 0.7


def test_images_without_a_mark_are_guessed() -> None:
    assert 0.35 < accuracy(noise()) < 0.65
    frequent = (np.arange(N) % 4 > 0).astype(int)
    assert accuracy(noise(), frequent) > 0.55


def test_images_alike_in_every_pixel_are_no_error() -> None:
    assert 0.4 < accuracy(np.zeros((N, 48, 48))) < 0.6


def test_images_in_no_fold_get_no_prediction() -> None:
    images = Relief(noise().astype(np.int8), MIDDLING)
    p = mark_probabilities(images, LABELS, 2, FOLDS[:2])
    held_out = np.concatenate([out for _, out in FOLDS[:2]])
    assert {*np.flatnonzero(p.sum(axis=1))} == {*held_out.tolist()}
