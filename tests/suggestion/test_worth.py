"""Labels are worth most where answers are unsure, and where no label is near."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.suggestion import worth
from tlearn.suggestion.worth import choose, margins

UNSURE, SURE = 0.0, 1.0


def crowds(sizes: list[int], seed: int = 0) -> np.ndarray:
    """Embeddings around as many directions at right angles, close together in each."""
    rng = np.random.default_rng(seed)
    centers = np.repeat(np.eye(len(sizes), 16), sizes, axis=0)
    return (centers + 0.05 * rng.normal(size=centers.shape)).astype(np.float32)


def test_the_margin_is_between_the_first_two_classes() -> None:
    np.testing.assert_allclose(margins(np.array([[0.1, 0.7, 0.2], [0.5, 0.0, 0.5]])), [0.5, 0])


def test_images_of_every_region_are_chosen_before_a_second_of_any() -> None:
    x = crowds([6, 5, 4, 3])
    chosen, gains = choose(x, np.zeros(len(x)), x[:0], 4)
    region = np.repeat(np.arange(4), [6, 5, 4, 3])
    assert region[chosen].tolist() == [0, 1, 2, 3], "the region of most images comes first"
    assert (np.diff(gains) < 0).all()


def test_a_sure_answer_and_a_region_with_a_label_are_worth_little() -> None:
    x = crowds([4, 4, 4])
    margin = np.array([UNSURE] * 8 + [SURE] * 4)
    assert choose(x[4:], margin[4:], x[:4], 8)[0][0] < 4, "unsure, and no label near"
    everything, every_gain = choose(x, margin, crowds([4], seed=1), 12)
    assert everything[0] in range(4, 8)
    worth_of = dict(zip(everything.tolist(), every_gain.tolist(), strict=True))
    best = max(worth_of.values())
    assert all(worth_of[row] < best / 2 for row in (*range(4), *range(8, 12)))


def test_of_two_copies_the_second_is_worth_nothing() -> None:
    x = crowds([1, 1, 1])
    _, gains = choose(np.concatenate([x, x]), np.zeros(6), x[:0], 6)
    assert (gains[:3] > 0.5).all()
    np.testing.assert_allclose(gains[3:], 0, atol=1e-5)


def test_of_very_many_images_the_least_sure_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worth, "_MOST", 4)
    x = crowds([8, 4])
    margin = np.array([SURE] * 8 + [UNSURE] * 4)
    assert {*choose(x, margin, x[:0], 3)[0].tolist()} <= {8, 9, 10, 11}
    assert len({*choose(x, margin, x[:0], 12)[0].tolist()}) == 12


def test_choosing_one_by_one_is_the_greedy_choice() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(30, 4)).astype(np.float32)
    p = rng.dirichlet((1, 1, 1), 30)
    first, gains = choose(x, margins(p), x[:2], 10)
    assert first.tolist() == choose(x, margins(p), x[:2], 30)[0][:10].tolist()
    assert (np.diff(gains) <= 1e-6).all(), "gains only fall"
