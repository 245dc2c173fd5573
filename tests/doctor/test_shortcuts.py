"""What is planted beside the subject is told; what shows the subject is not accused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tlearn.data.image_info import ImageInfo
from tlearn.doctor.shortcuts import (
    NEVER_THE_MATTER,
    SOME_CLASSES,
    Judged,
    Shortcut,
    find_shortcuts,
    judge,
)

N, CLASSES, SIDE = 240, 4, 64
LABELS = np.arange(N) % CLASSES
FOLD_OF = np.random.default_rng(9).permutation(N) % 5
FOLDS = [(np.flatnonzero(f != FOLD_OF), np.flatnonzero(f == FOLD_OF)) for f in range(5)]
Change = Callable[[np.ndarray, np.ndarray], np.ndarray]


def predictions(accuracy: float, seed: int = 0, n_classes: int = CLASSES) -> np.ndarray:
    """Held-out probabilities that are right for a share of the images, of every class alike."""
    rng = np.random.default_rng(seed)
    labels = np.arange(N) % n_classes
    right = np.arange(N) // n_classes < round(accuracy * N / n_classes)
    said = np.where(right, labels, (labels + rng.integers(1, n_classes, N)) % n_classes)
    return np.eye(n_classes)[said]


def photographs(seed: int = 0) -> np.ndarray:
    """Blobs of color on a gradient, the same for all classes."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(30, 220, (N, 6, 6, 3))
    fine = coarse.repeat(11, axis=1).repeat(11, axis=2)[:, 1 : SIDE + 1, 1 : SIDE + 1]
    for _ in range(3):
        fine = (fine + np.roll(fine, 1, 1) + np.roll(fine, 1, 2)) / 3
    return np.clip(fine + rng.normal(0, 6, fine.shape), 0, 255).astype(np.uint8)


def infos() -> list[ImageInfo]:
    rng = np.random.default_rng(5)
    sizes = rng.integers(300, 500, (N, 2)).tolist()
    return [
        ImageInfo(str(n), w, h, "JPEG", False, None, int(rng.integers(20_000, 60_000)))
        for n, (w, h) in enumerate(sizes)
    ]


def names(found: list[Shortcut]) -> set[str]:
    return {shortcut.name for shortcut in found if shortcut.suspicious}


def claimed(pixels: np.ndarray, files: list[ImageInfo] | None = None) -> set[str]:
    return names(find_shortcuts(files or infos(), pixels, LABELS, FOLDS, predictions(0.95)))


def border(pixels: np.ndarray, of: np.ndarray) -> np.ndarray:
    framed = pixels.copy()
    grays = (60 * LABELS[of] + 20).astype(np.uint8)[:, None, None, None]
    inside = framed[of][:, 3:-3, 3:-3]
    framed[of] = grays
    framed[of, 3:-3, 3:-3] = inside
    return framed


def watermark(pixels: np.ndarray, of: np.ndarray, gray: int = 255) -> np.ndarray:
    marked = pixels.astype(float)
    for row in np.flatnonzero(of):
        text = np.random.default_rng(LABELS[row]).integers(0, 2, (6, 24, 1)) * 0.4
        corner = marked[row, -8:-2, -26:-2]
        marked[row, -8:-2, -26:-2] = (1 - text) * corner + text * gray
    return marked.astype(np.uint8)


def gray_watermark(pixels: np.ndarray, of: np.ndarray) -> np.ndarray:
    return watermark(pixels, of, 125)


def brightness(pixels: np.ndarray, of: np.ndarray) -> np.ndarray:
    factors = np.where(of, 0.55 + 0.15 * LABELS, 1.0)[:, None, None, None]
    return np.clip(pixels * factors, 0, 255).astype(np.uint8)


def test_nothing_is_claimed_of_photographs_without_a_shortcut() -> None:
    found = find_shortcuts(infos(), photographs(), LABELS, FOLDS, predictions(0.95))
    assert not names(found)
    assert len(found) == 8
    assert all(s.interval[0] <= s.accuracy <= s.interval[1] for s in found)
    assert {round(s.guessing, 6) for s in found} == {0.25}
    assert {round(s.real_accuracy, 6) for s in found} == {0.95}


@pytest.mark.parametrize("only_first", [False, True])
@pytest.mark.parametrize(
    ("change", "name"),
    [
        (border, "border pixels"),
        (watermark, "marks at a fixed place"),
        (gray_watermark, "marks at a fixed place"),
        (brightness, "range of brightness"),
    ],
)
def test_what_is_drawn_on_a_class_is_claimed(change: Change, name: str, only_first: bool) -> None:
    of = LABELS == 0 if only_first else np.full(N, True)
    assert name in claimed(change(photographs(), of))


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ([{"width": 400, "height": 300}, {"width": 320, "height": 240}], "file facts"),
        ([{"quantization": "a"}, {"quantization": "b"}], "file facts"),
        ([{"camera": "Nikon D50"}, {"camera": "Canon 5D"}], "file facts"),
        ([{"taken": "2024:05:17 10:30:00"}, {"taken": "2024:06:01 09:00:00"}], "file facts"),
        ([{"size_bytes": 25_000}, {"size_bytes": 30_000}], "size in bytes"),
    ],
)
def test_what_a_file_says_of_its_class_is_claimed(changes: list[dict], name: str) -> None:
    files = [replace(info, **changes[n % 2]) for n, info in enumerate(infos())]
    assert claimed(photographs(), files) == {name}


def test_a_fact_of_middling_value_is_seen_too() -> None:
    files = [
        replace(info, size_bytes=[10_000, 30_000, 50_000, 30_000][n % 4] + 10 * (n % 7))
        for n, info in enumerate(infos())
    ]
    real = predictions(0.95, n_classes=2)
    found = find_shortcuts(files, photographs(), LABELS % 2, FOLDS, real)
    assert "size in bytes" in names(found)


def test_color_that_tells_classes_apart_is_reported_and_not_claimed() -> None:
    pixels = photographs().astype(float)
    reddish = LABELS % 2 == 0
    pixels[reddish, :, :, 0] += 18
    found = find_shortcuts(
        infos(),
        pixels.clip(0, 255).astype(np.uint8),
        LABELS % 2,
        FOLDS,
        predictions(0.95, n_classes=2),
    )
    color = next(s for s in found if s.name == "mean color")
    assert color.accuracy > 0.7
    assert not color.suspicious


@pytest.mark.parametrize(("more", "suspicious"), [(-0.02, False), (0.02, True)])
def test_half_of_the_way_to_the_real_accuracy_is_suspicious(more: float, suspicious: bool) -> None:
    judged = Judged(LABELS, FOLDS, predictions(0.95))
    # The lower end of the interval counts: 0.063 below an accuracy of 0.66.
    accuracy = 0.25 + NEVER_THE_MATTER * 0.7 + 0.063 + more
    found = judge("x", predictions(accuracy), judged, (NEVER_THE_MATTER, 2.0))
    assert found.suspicious is suspicious


@pytest.mark.parametrize(("recall", "suspicious"), [(0.8, False), (1.0, True)])
def test_one_class_told_from_the_others_is_enough(recall: float, suspicious: bool) -> None:
    judged = Judged(LABELS, FOLDS, predictions(0.95))
    seen = np.full((N, CLASSES), 1 / 3)
    seen[:, 2] = 0
    known = np.flatnonzero(LABELS == 2)
    seen[known[: round(recall * len(known))]] = np.eye(CLASSES)[2]
    found = judge("x", seen, judged, (NEVER_THE_MATTER, SOME_CLASSES))
    assert found.suspicious is suspicious
    assert found.classes == ((2,) if suspicious else ())
    assert found.guessing == pytest.approx(0.5 if suspicious else 0.25)


def test_several_classes_together_must_be_told_more_surely_than_one() -> None:
    judged = Judged(LABELS, FOLDS, predictions(0.95))
    # Classes 0 and 1 are taken for each other, and told from the others in 85 of 100.
    inside = np.where(np.arange(N) // 4 % 20 < 17, LABELS < 2, LABELS >= 2)
    said = np.where(inside[:, None], [0.49, 0.51, 0, 0], [0, 0, 0.49, 0.51])
    assert not judge("x", said, judged, (2.0, 0.6)).suspicious


def test_a_shortcut_must_tell_more_than_its_control() -> None:
    judged = Judged(LABELS, FOLDS, predictions(0.95))
    limits = (NEVER_THE_MATTER, SOME_CLASSES)
    assert judge("x", predictions(0.9), judged, limits, predictions(0.5)).suspicious
    assert not judge("x", predictions(0.9), judged, limits, predictions(0.9, 1)).suspicious


def test_groups_widen_the_interval() -> None:
    real = predictions(0.95)
    groups = np.arange(N) // 8
    plain = find_shortcuts(infos(), photographs(), LABELS, FOLDS, real)[0]
    grouped = find_shortcuts(infos(), photographs(), LABELS, FOLDS, real, groups)[0]
    low, high = plain.interval
    assert grouped.interval[0] < low < high < grouped.interval[1]


def test_of_unequal_classes_each_counts_the_same() -> None:
    labels = (np.arange(N) % 10 == 0).astype(int)
    judged = Judged(labels, FOLDS, np.eye(2)[labels])
    always_large = np.tile([0.9, 0.1], (N, 1))
    found = judge("x", always_large, judged, (NEVER_THE_MATTER, SOME_CLASSES))
    assert (found.accuracy, found.guessing) == (pytest.approx(0.5), pytest.approx(0.5))


def test_only_images_of_a_fold_are_looked_at() -> None:
    half = [(a[a < N // 2], b[b < N // 2]) for a, b in FOLDS]

    class Watched:
        def __getitem__(self, row: int) -> np.ndarray:
            assert row < N // 2
            return np.zeros((SIDE, SIDE, 3), np.uint8)

    found = find_shortcuts(infos(), Watched(), LABELS, half, predictions(0.95))  # type: ignore[arg-type]
    assert len(found) == 8
