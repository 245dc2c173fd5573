from __future__ import annotations

import numpy as np
import pytest

from tlearn.export.quantization import MODES, representative
from tlearn.models.litert import QUANTIZATIONS

LABELS = np.array([0] * 50 + [1] * 5 + [2] * 20)
PIXELS = np.broadcast_to(np.arange(75, dtype=np.uint8)[:, None, None, None], (75, 4, 4, 3))


def chosen(limit: int, seed: int = 0) -> np.ndarray:
    return representative(PIXELS, LABELS, limit, seed)[:, 0, 0, 0]


def test_modes_are_what_the_converter_knows() -> None:
    assert tuple(MODES) == QUANTIZATIONS


@pytest.mark.parametrize(
    ("limit", "counts"),
    [(3, [1, 1, 1]), (12, [4, 4, 4]), (25, [10, 5, 10]), (60, [35, 5, 20]), (200, [50, 5, 20])],
)
def test_classes_take_equal_parts(limit: int, counts: list[int]) -> None:
    rows = chosen(limit)
    assert np.bincount(LABELS[rows], minlength=3).tolist() == counts
    assert len(set(rows.tolist())) == len(rows)


def test_the_seed_decides() -> None:
    assert chosen(12, seed=1).tolist() == chosen(12, seed=1).tolist()
    assert chosen(12, seed=1).tolist() != chosen(12, seed=2).tolist()


def test_bytes_stay_bytes() -> None:
    pictures = representative(PIXELS, LABELS, 10)
    assert pictures.dtype == np.uint8
    assert pictures.shape == (10, 4, 4, 3)
