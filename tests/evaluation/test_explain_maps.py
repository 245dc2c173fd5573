"""A map is warm where the answer comes from, and its test tells a true map from a wrong one."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.evaluation.explain_maps import (
    PASSES,
    WARM_SHARE,
    blur,
    explain_image,
    lead,
    odds,
    of_label,
    of_number,
    random_tenths,
    warmest,
)

SIDE = 80
OBJECT = (slice(48, 68), slice(12, 32))


def scene(seed: int = 0) -> np.ndarray:
    """Noise of low contrast with a patch of stripes."""
    image = np.random.default_rng(seed).integers(110, 140, (SIDE, SIDE, 3)).astype(np.uint8)
    image[OBJECT] = np.where(np.arange(20) % 4 < 2, 20, 235)[:, np.newaxis]
    return image


def stripes(images: np.ndarray) -> np.ndarray:
    """Say "stripes" (class 1 of 3) the more, the more fine contrast an image has."""
    gray = np.asarray(images, float).mean(axis=-1)
    contrast = np.abs(np.diff(gray, axis=2)).mean(axis=(1, 2))
    logits = np.stack([np.full_like(contrast, 1.0), contrast, np.zeros_like(contrast)], axis=1)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def test_the_warmest_place_is_the_one_that_the_answer_rests_on() -> None:
    found = explain_image(stripes, scene())
    y, x = np.unravel_index(found.warmth.argmax(), found.warmth.shape)
    assert found.answer == 1
    assert OBJECT[0].start <= y < OBJECT[0].stop and OBJECT[1].start <= x < OBJECT[1].stop
    assert found.drop_warm > 4 * abs(found.drop_random)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_number_is_explained_by_what_moves_it_up_or_down(sign: int) -> None:
    def number(images: np.ndarray) -> np.ndarray:
        return sign * np.log(stripes(images)[:, 1:2])

    found = explain_image(number, scene(), measures=of_number(0))
    y, x = np.unravel_index(found.warmth.argmax(), found.warmth.shape)
    assert ("up", "down")[found.measure] == ("up" if sign > 0 else "down")
    assert OBJECT[0].start <= y < OBJECT[0].stop and OBJECT[1].start <= x < OBJECT[1].stop
    assert found.confirmed and found.drop_warm > 0


def test_a_label_is_explained_whatever_is_more_probable() -> None:
    def labels(images: np.ndarray) -> np.ndarray:
        striped = stripes(images)[:, 1]
        return np.stack([np.full_like(striped, 0.99999), striped], axis=1)

    found = explain_image(labels, scene(), measures=of_label(1))
    y, x = np.unravel_index(found.warmth.argmax(), found.warmth.shape)
    assert OBJECT[0].start <= y < OBJECT[0].stop and OBJECT[1].start <= x < OBJECT[1].stop
    assert not explain_image(labels, scene(), measures=of_label(0)).confirmed


def test_the_test_of_a_map_fails_where_the_map_is_wrong() -> None:
    image = scene()
    cold = warmest(-explain_image(stripes, image).warmth)
    images = np.stack([image, *blur(image, [cold, *random_tenths(cold)])])
    before, warm, *random = stripes(images)[:, 1]
    assert before - warm < before - np.mean(random)


def test_a_model_that_looks_nowhere_has_no_confirmed_map() -> None:
    def blind(images: np.ndarray) -> np.ndarray:
        return np.tile([0.2, 0.5, 0.3], (len(images), 1))

    found = explain_image(blind, scene())
    assert explain_image(stripes, scene()).confirmed
    assert not found.confirmed and found.drop_warm == found.drop_random == 0


def test_random_tenths_are_as_large_as_the_warm_one_and_elsewhere() -> None:
    warm = np.zeros((50, 50), bool)
    warm[:10, :25] = True
    places = random_tenths(warm)
    assert all(place.sum() == 250 for place in places)
    assert np.mean([(place & warm).sum() for place in places]) < 125


def test_as_many_images_are_answered_as_it_says() -> None:
    answered = 0

    def counted(images: np.ndarray) -> np.ndarray:
        nonlocal answered
        answered += len(images)
        return stripes(images)

    explain_image(counted, scene())
    assert answered == PASSES


def test_the_same_image_gets_the_same_map() -> None:
    first, second = (explain_image(stripes, scene(), seed=3) for _ in range(2))
    assert np.array_equal(first.warmth, second.warmth)
    assert (first.drop_warm, first.drop_random) == (second.drop_warm, second.drop_random)


def test_a_lead_is_that_of_the_logit_over_the_mean_of_the_others() -> None:
    logits = np.array([2.0, -1.0, 0.5])
    probabilities = np.exp(logits) / np.exp(logits).sum()
    assert np.isclose(lead(probabilities, 0), 2.0 - (-1.0 + 0.5) / 2)
    assert np.isfinite(lead(np.array([1.0, 0.0, 0.0]), 0))


def test_odds_are_those_of_the_answer_against_all_others() -> None:
    assert np.isclose(odds(np.array([0.7, 0.2, 0.1]), 0), np.log(0.7 / 0.3))
    assert np.isfinite(odds(np.array([1.0, 0.0, 0.0]), 0))


def test_exactly_a_tenth_is_the_warmest_even_where_all_is_equal() -> None:
    for warmth in (np.zeros((40, 40)), np.random.default_rng(0).normal(size=(40, 40))):
        assert warmest(warmth).sum() == WARM_SHARE * 1600


def test_blurring_leaves_all_else_as_it_is() -> None:
    image = scene()
    mask = np.zeros((SIDE, SIDE), bool)
    mask[:20] = True
    (blurred,) = blur(image, [mask])
    assert np.array_equal(blurred[30:], image[30:])
    assert blurred[:15].std() < 0.5 * image[:15].std()
