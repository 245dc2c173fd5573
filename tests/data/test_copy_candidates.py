"""Candidates for near-copies, in more images than are compared at once."""

from __future__ import annotations

import numpy as np

from tlearn.data.copy_candidates import find_candidates


def test_each_copy_is_a_candidate_wherever_it_stands_among_many() -> None:
    rng = np.random.default_rng(0)
    cells = rng.integers(0, 256, (290, 8, 8), dtype=np.uint8)
    cells[-10:-5] = cells[:5, :, ::-1]  # mirrored
    cells[-5:] = cells[100:105]
    images = np.kron(cells, np.ones((1, 4, 4), np.uint8))
    found = find_candidates(images, 3, 0.95)
    pairs = {(*sorted((a, b)),) for a, b in zip(found.part, found.whole, strict=True)}
    assert pairs == {(k, 280 + k) for k in range(5)} | {(100 + k, 285 + k) for k in range(5)}
    areas = np.linalg.det(found.place[:, :, :2]).round(3)
    assert sorted(areas.tolist()) == [-1] * 5 + [1] * 5
