"""A head on several kinds of features does not care on which scale each is."""

from __future__ import annotations

import numpy as np

from tlearn.features.linear_head import cross_validate, solve_head


def test_a_block_counts_the_same_on_every_scale() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(120) % 3
    one = rng.normal(size=(120, 6)).astype(np.float32)
    other = (rng.normal(size=(120, 4)) + labels[:, None]).astype(np.float32)
    rows = np.concatenate([one, other], axis=1)
    shrunk = np.concatenate([one, other / 1000], axis=1)
    answers = [
        solve_head(x, labels, 3, 0.1, blocks=[6, 4]).probabilities(x) for x in (rows, shrunk)
    ]
    np.testing.assert_allclose(*answers, atol=1e-3)
    alone = solve_head(shrunk, labels, 3, 0.1).probabilities(shrunk)
    assert abs(alone - answers[1]).max() > 0.1
    folds = [(np.arange(60), np.arange(60, 120)), (np.arange(60, 120), np.arange(60))]
    found = [cross_validate(x, labels, 3, folds, blocks=[6, 4]).accuracy for x in (rows, shrunk)]
    assert found[0] == found[1]
