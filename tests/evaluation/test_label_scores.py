"""Scores of several labels an image against scikit-learn, and thresholds of few images."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tlearn.evaluation.label_scores import choose_label_thresholds, label_shares, score_labels

NAMES = ("a", "b", "c", "d")


def draw(n: int, seed: int = 0, spread: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """Draw true probabilities of four labels, of rising frequency, and what came of them."""
    rng = np.random.default_rng(seed)
    logits = spread * rng.normal(size=(n, 4)) + np.linspace(-3, 0, 4)
    p = 1 / (1 + np.exp(-logits))
    return p, (rng.random(p.shape) < p) * 1.0


def test_scores_are_those_of_scikit_learn() -> None:
    from sklearn.metrics import average_precision_score, f1_score

    p, y = draw(200)
    said = p >= 0.3
    report = score_labels(p, y, NAMES, "test", np.full(4, 0.3))
    expected = average_precision_score(y, p, average="macro")
    assert report.mean_average_precision == pytest.approx(expected)
    assert report.f1_micro == pytest.approx(f1_score(y, said, average="micro"))
    assert report.f1_macro == pytest.approx(f1_score(y, said, average="macro"))
    assert report.exact_match == pytest.approx((said == y).all(axis=1).mean())
    assert [row["n"] for row in report.per_label] == y.sum(axis=0).tolist()


def test_targets_that_nobody_knows_are_left_out() -> None:
    p, y = draw(100)
    y[:50, 1] = np.nan
    report = score_labels(p, y, NAMES, "test", np.full(4, 0.3))
    alone = score_labels(p[50:, [1]], y[50:, [1]], ["b"], "test", np.array([0.3]))
    assert report.per_label[1] == alone.per_label[0]
    assert report.per_label[1]["n_known"] == 50
    y[0] = np.nan
    right = ((p >= 0.3) == y)[1:] | np.isnan(y)[1:]
    again = score_labels(p, y, NAMES, "test", np.full(4, 0.3))
    assert again.exact_match == pytest.approx(right.all(axis=1).mean())


def test_a_label_that_no_image_has_is_left_out_of_the_means() -> None:
    p, y = draw(100)
    y[:, 0] = 0
    report = score_labels(p, y, NAMES, "test", np.full(4, 0.3))
    without = score_labels(p[:, 1:], y[:, 1:], NAMES[1:], "test", np.full(3, 0.3))
    assert report.per_label[0]["average_precision"] is None
    assert report.mean_average_precision == pytest.approx(without.mean_average_precision)
    assert report.f1_macro == pytest.approx(without.f1_macro)
    json.dumps(report.to_json(), allow_nan=False)


def test_intervals_hold_the_scores_and_are_wider_of_groups() -> None:
    p, y = draw(80)
    single = score_labels(p, y, NAMES, "test", np.full(4, 0.3))
    groups = [*np.repeat(np.arange(80).astype(str), 8)]
    many = np.repeat(p, 8, axis=0), np.repeat(y, 8, axis=0)
    apart = score_labels(*many, NAMES, "test", np.full(4, 0.3))
    grouped = score_labels(*many, NAMES, "test", np.full(4, 0.3), groups)
    assert grouped.n_groups == 80
    for name, (low, high) in single.intervals.items():
        assert low < getattr(single, name) < high
        wide, narrow = (np.ptp(r.intervals[name]) for r in (grouped, apart))
        assert wide == pytest.approx(high - low, rel=0.15) and narrow < 0.6 * wide


def test_answers_that_are_all_right_are_no_proof_of_perfection() -> None:
    _, y = draw(60)
    report = score_labels(y, y, NAMES, "test", np.full(4, 0.5))
    for name, (low, high) in report.intervals.items():
        assert getattr(report, name) == high == 1
        assert 0.5 < low < 0.97
    assert score_labels(y, y, NAMES, "test", np.full(4, 0.5), ["one"] * 60).intervals == {}


def test_the_baseline_is_the_best_answer_that_is_always_the_same() -> None:
    _, y = draw(2000)
    shares = label_shares(y)
    useless = np.broadcast_to(shares, y.shape)
    report = score_labels(useless, y, NAMES, "test", np.zeros(4), shares=shares)
    best = max(
        score_labels(useless, y, NAMES, "test", np.where(shares >= least, 0, 1)).f1_micro
        for least in shares
    )
    assert report.baseline["mean_average_precision"] == pytest.approx(shares.mean())
    assert report.baseline["f1_micro"] == pytest.approx(best)
    assert report.baseline["f1_macro"] == pytest.approx(report.f1_macro)


def test_thresholds_of_few_images_come_near_the_best() -> None:
    from sklearn.metrics import f1_score

    new, came = draw(20_000, seed=99)
    grid = np.linspace(0.02, 0.9, 45)
    best = np.mean([max(f1_score(came[:, i], new[:, i] >= t) for t in grid) for i in range(4)])
    found = []
    for seed in range(20):
        p, y = draw(60, seed)
        found.append(f1_score(came, new >= choose_label_thresholds(p, y), average="macro"))
    assert np.mean(found) > best - 0.03


def test_thresholds_follow_answers_that_are_too_sure_or_balanced() -> None:
    from sklearn.metrics import f1_score

    p, y = draw(4000)
    new, came = draw(4000, seed=1)
    honest = f1_score(came, new >= choose_label_thresholds(p, y), average="macro")

    def distorted(q: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-3 * np.log(q / (1 - q)) - 2))

    said = distorted(new) >= choose_label_thresholds(distorted(p), y)
    assert f1_score(came, said, average="macro") > honest - 0.02


def test_a_label_without_images_has_a_threshold_of_one_half() -> None:
    p, y = draw(50)
    y[:, 0] = 0
    y[:, 1] = np.nan
    y[:, 2] = 1
    thresholds = choose_label_thresholds(p, y)
    assert thresholds[:2].tolist() == [0.5, 0.5]
    assert 0 < thresholds[2] < p[:, 2].min()


def test_shapes_that_disagree_are_an_error() -> None:
    p, y = draw(10)
    with pytest.raises(ValueError, match="expected targets"):
        score_labels(p, y[:5], NAMES, "test", np.full(4, 0.5))
    with pytest.raises(ValueError, match="finite"):
        score_labels(p * np.nan, y, NAMES, "test", np.full(4, 0.5))
