"""Sets of answers hold the truth as often as they promise."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.confidence.answer_sets import AnswerSets, in_set, measure_coverage, promise_sets
from tlearn.confidence.rank_promise import chance_of_so_few, promised_rank
from tlearn.features.logistic_regression import softmax

BY_LEVEL = {0.9: 0, 0.95: 1}


def answers(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a poor model's answers: its probabilities are too sure by far."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 5, n)
    logits = rng.normal(0, 1, (n, 5)) + np.eye(5)[labels]
    return softmax(4 * logits), labels


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_over_many_folders_the_truth_is_in_the_set_as_often_as_promised(level: float) -> None:
    kept = []
    for seed in range(200):
        sets = promise_sets(*answers(60, seed))[BY_LEVEL[level]]
        kept.append(measure_coverage(sets, *answers(100, seed + 1000)).coverage)
    assert np.mean(kept) == pytest.approx(level + 0.5 / 60, abs=0.012)


def test_a_promise_that_holds_is_seldom_called_broken() -> None:
    broken = 0
    for seed in range(300):
        sets = promise_sets(*answers(60, seed))[0]
        broken += not measure_coverage(sets, *answers(80, seed + 1000)).holds
    assert broken <= 9


def test_a_promise_for_other_shares_of_the_classes_holds_there() -> None:
    """The first class is hard to tell, and nine of ten images in use show it."""
    expected, seen = (0.9, 0.1), (0.3, 0.7)

    def of(shares: tuple[float, float], n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(seed)
        labels = rng.choice(2, n, p=shares)
        logits = rng.normal(0, 1, (n, 2)) + np.array([[0.2, 0], [0, 3]])[labels]
        return softmax(logits), labels

    kept, broken, unaware = [], 0, []
    for seed in range(200):
        held_out, new = of(seen, 200, seed), of(expected, 200, seed + 1000)
        coverage = measure_coverage(promise_sets(*held_out, expected)[0], *new)
        kept.append(coverage.coverage)
        broken += not coverage.holds
        unaware.append(measure_coverage(promise_sets(*held_out)[0], *new).coverage)
    assert np.mean(unaware) < 0.86
    assert 0.9 <= np.mean(kept) < 0.93
    assert broken <= 6


def test_images_that_count_much_are_worth_fewer_and_promise_less() -> None:
    """Twenty images, of which two count for nine tenths."""
    probabilities, labels = softmax(np.eye(2)[[0, 1] * 10] * 0.5), np.repeat([0, 1], [2, 18])
    assert len(promise_sets(probabilities, labels)) == 2
    assert promise_sets(probabilities, labels, (0.9, 0.1)) == ()


def test_shares_as_among_the_images_change_no_promise() -> None:
    probabilities, labels = answers(60, 1)
    shares = np.bincount(labels) / len(labels)
    assert promise_sets(probabilities, labels, shares) == promise_sets(probabilities, labels)


def test_nothing_is_promised_of_a_class_without_images() -> None:
    probabilities, labels = answers(60, 1)
    assert promise_sets(probabilities, np.minimum(labels, 3), (0.2,) * 5) == ()


def test_a_promise_is_called_broken_where_labels_are_wrong() -> None:
    probabilities, labels = answers(100, 1)
    kept = measure_coverage(promise_sets(*answers(100, 0))[0], probabilities, (labels + 1) % 5)
    assert not kept.holds
    assert kept.coverage < 0.7


def test_too_few_images_promise_nothing() -> None:
    assert promise_sets(*answers(8, 0)) == ()
    assert [sets.level for sets in promise_sets(*answers(9, 0))] == [0.9]
    assert [sets.level for sets in promise_sets(*answers(19, 0))] == [0.9, 0.95]


def test_the_most_probable_class_is_always_in_the_set() -> None:
    probabilities = np.array([[0.6, 0.4], [0.5, 0.5]])
    assert in_set(probabilities, 0.99).tolist() == [[True, False], [True, False]]
    assert in_set(probabilities, 0.4).all()


def test_coverage_counts_hits_and_sizes() -> None:
    kept = measure_coverage(
        AnswerSets(0.9, 0.3, 50), np.array([[0.6, 0.4], [0.9, 0.1]]), np.array([1, 1])
    )
    assert (kept.coverage, kept.mean_size, kept.n) == (0.5, 1.5, 2)


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_sets_are_those_of_an_independent_library(level: float) -> None:
    from mapie.classification import SplitConformalClassifier
    from sklearn.base import BaseEstimator, ClassifierMixin

    class Answered(ClassifierMixin, BaseEstimator):
        """Takes probabilities for features, and gives them back."""

        def fit(self, x: np.ndarray, y: np.ndarray) -> Answered:
            self.classes_, self.fitted_ = np.arange(x.shape[1]), True
            return self

        def predict_proba(self, x: np.ndarray) -> np.ndarray:
            return x

        def predict(self, x: np.ndarray) -> np.ndarray:
            return x.argmax(axis=1)

    held_out, labels = answers(150, 0)
    new, _ = answers(80, 1)
    theirs = SplitConformalClassifier(
        Answered().fit(held_out, labels), level, conformity_score="lac", prefit=True
    )
    theirs.conformalize(held_out, labels)
    sets = theirs.predict_set(new)[1][:, :, 0]
    sets[np.arange(len(new)), new.argmax(axis=1)] = True  # theirs may be empty
    ours = promise_sets(held_out, labels)[BY_LEVEL[level]]
    np.testing.assert_array_equal(in_set(new, ours.threshold), sets)


@pytest.mark.parametrize(("hits", "m", "n"), [(0, 3, 40), (31, 40, 40), (880, 1000, 200)])
def test_the_chance_of_so_few_hits_is_beta_binomial(hits: int, m: int, n: int) -> None:
    from scipy.stats import betabinom

    k = promised_rank(n, 0.9)
    expected = betabinom.cdf(hits, m, n + 1 - k, k)
    assert chance_of_so_few(hits, m, n, 0.9) == pytest.approx(expected, rel=1e-9)
    assert chance_of_so_few(m, m, n, 0.9) == pytest.approx(1)
