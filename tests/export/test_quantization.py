from __future__ import annotations

import numpy as np
import pytest

from tlearn.backend.litert import QUANTIZATIONS
from tlearn.data.sampling import representative
from tlearn.export.quantization import CALIBRATED, MODES, what_to_try

LABELS = np.array([0] * 50 + [1] * 5 + [2] * 20)
PIXELS = np.broadcast_to(np.arange(75, dtype=np.uint8)[:, None, None, None], (75, 4, 4, 3))


def chosen(limit: int, seed: int = 0) -> np.ndarray:
    return representative(PIXELS, LABELS, limit, seed)[:, 0, 0, 0]


def test_modes_are_what_the_converter_knows() -> None:
    assert set(MODES) == {*QUANTIZATIONS, "int8_float"}
    assert set(CALIBRATED) < set(MODES)


@pytest.mark.parametrize(
    ("mode", "note", "n_images", "words"),
    [
        ("none", "", 0, []),
        ("float16", "", 0, []),
        ("dynamic", "swish", 0, ["float16"]),
        ("int8", "", 200, ["dynamic"]),
        ("int8", "swish", 200, ["dynamic", "swish"]),
        ("int8_float", "", 37, ["dynamic", "only 37"]),
    ],
)
def test_what_to_try(mode: str, note: str, n_images: int, words: list[str]) -> None:
    ways = what_to_try(mode, note, n_images)
    assert len(ways) == len(words)
    assert all(word in way for word, way in zip(words, ways, strict=True))


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
    images = representative(PIXELS, LABELS, 10)
    assert images.dtype == np.uint8
    assert images.shape == (10, 4, 4, 3)
