"""Strangers have a low `known`, and one's own images rarely do."""

import numpy as np
import pytest
from scipy.stats import norm

from tlearn.confidence.answers import logits_of
from tlearn.confidence.novelty import (
    Novelty,
    count_axes,
    fit_novelty,
    fit_subspace,
    level,
    low_quantile,
    margins,
)

WIDTHS = (40, 24)


def own(n: int, seed: int) -> np.ndarray:
    """Return embeddings of two stages that lie near a plane of five axes."""
    axes = np.random.default_rng(0).normal(size=(5, sum(WIDTHS)))
    rng = np.random.default_rng(seed)
    return 3 + rng.normal(size=(n, 5)) @ axes + 0.3 * rng.normal(size=(n, sum(WIDTHS)))


def strangers(n: int) -> np.ndarray:
    return 3 + 2 * np.random.default_rng(99).normal(size=(n, sum(WIDTHS)))


def logits(n: int, spread: float, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, spread, (n, 4))


@pytest.fixture(scope="module")
def novelty() -> Novelty:
    subspace = fit_subspace(own(200, 1), WIDTHS, 5)
    return fit_novelty(
        subspace, margins(logits(300, 2, 2)), subspace.residuals(own(300, 3)), "out-of-fold"
    )


def test_about_five_percent_of_ones_own_are_below_five_percent(novelty: Novelty) -> None:
    known = novelty.known(own(4000, 4), logits(4000, 2, 5))
    assert (known < 0.05).mean() == pytest.approx(0.05, abs=0.025)
    assert np.median(known) == pytest.approx(0.5, abs=0.06)


def test_the_share_that_is_refused_hangs_less_on_which_images_were_held_out() -> None:
    draws = np.random.default_rng(0).normal(size=(400, 200))
    shares = norm.cdf([low_quantile(draw, 0.05) for draw in draws])
    of_one_image = norm.cdf(np.quantile(draws, 0.05, axis=1, method="median_unbiased"))
    assert shares.mean() == pytest.approx(0.05, abs=0.01)
    assert shares.std() < 0.9 * of_one_image.std()


def test_features_of_another_kind_are_refused_whatever_the_head_says(novelty: Novelty) -> None:
    assert (novelty.known(strangers(100), logits(100, 4, 6)) < 0.05).all()


def test_a_head_without_conviction_counts_as_well(novelty: Novelty) -> None:
    embeddings = own(500, 7)
    sure = novelty.known(embeddings, logits(500, 2, 8))
    unsure = novelty.known(embeddings, logits(500, 0.1, 8))
    assert unsure.mean() < sure.mean() - 0.2


def test_strangers_that_teach_have_those_of_their_kind_refused_but_not_ones_own() -> None:
    held_out = own(300, 3)

    def fitted(taught: np.ndarray | None) -> Novelty:
        subspace = fit_subspace(own(200, 1), WIDTHS, 5, taught)
        margin, residual = margins(logits(300, 2, 2)), subspace.residuals(held_out)
        return fit_novelty(subspace, margin, residual, "out-of-fold")

    def odd(n: int, seed: int) -> np.ndarray:
        # One feature in eight is a little farther from the plane: hardly seen in the mean of all.
        noise = np.random.default_rng(seed).normal(size=(n, sum(WIDTHS)))
        return own(n, seed) + 0.6 * noise * (np.arange(sum(WIDTHS)) % 8 == 0)

    plain, taught = fitted(None), fitted(odd(40, 10))
    strangers, probe, answers = odd(200, 11), own(2000, 4), logits(2000, 2, 5)
    shares = [
        (novelty.known(strangers, answers[:200]) < 0.05).mean() for novelty in (plain, taught)
    ]
    assert shares[1] > shares[0] + 0.2
    assert (taught.known(probe, answers) < 0.05).mean() == pytest.approx(0.05, abs=0.025)


def test_quantiles_of_ones_own_ascend_between_zero_and_one(novelty: Novelty) -> None:
    assert list(novelty.own) == sorted(novelty.own)
    assert 0 <= novelty.own[0] < 0.05 < 0.95 < novelty.own[-1] <= 1


def test_a_stage_counts_as_much_as_another_whatever_its_scale() -> None:
    plain = fit_subspace(own(100, 1), WIDTHS, 3)
    scaled = fit_subspace(own(100, 1) * np.repeat([1, 1000], WIDTHS), WIDTHS, 3)
    probe = own(20, 2)
    assert scaled.residuals(probe * np.repeat([1, 1000], WIDTHS)) == pytest.approx(
        plain.residuals(probe), rel=1e-3
    )


def test_how_strong_the_features_of_a_stage_are_together_does_not_count() -> None:
    plain, strengths = own(10, 1), np.random.default_rng(0).uniform(0.2, 5, (10, 2))
    louder = plain * np.repeat(strengths, WIDTHS, axis=1)
    assert level(louder, WIDTHS) == pytest.approx(level(plain, WIDTHS), rel=1e-4)


def test_features_that_are_all_zero_stay_zero() -> None:
    assert (level(np.zeros((2, sum(WIDTHS))), WIDTHS) == 0).all()


def test_few_images_give_few_axes_and_the_others_are_zero() -> None:
    axes = fit_subspace(own(8, 1), WIDTHS, 5).axes
    assert axes.shape == (64, 5)
    assert np.linalg.norm(axes, axis=0) == pytest.approx([1, 1, 0, 0, 0], abs=1e-5)


def test_images_that_are_all_alike_have_a_scale() -> None:
    same = np.ones((20, sum(WIDTHS)))
    subspace = fit_subspace(same, WIDTHS, 5)
    found = fit_novelty(subspace, np.zeros(20), subspace.residuals(same), "val")
    assert np.isfinite(found.known(same, np.zeros((20, 4)))).all()


@pytest.mark.parametrize(
    ("width", "parameters", "axes"),
    [(2048, 2_260_000, 8), (1664, 706_000, 4), (512, 1_000, 1)],
)
def test_axes_take_little_of_a_network(width: int, parameters: int, axes: int) -> None:
    assert count_axes(width, parameters) == axes


def test_margins_of_probabilities_are_those_of_their_logits() -> None:
    given = logits(10, 2, 0)
    probabilities = np.exp(given) / np.exp(given).sum(axis=1, keepdims=True)
    assert margins(logits_of(probabilities)) == pytest.approx(margins(given))
