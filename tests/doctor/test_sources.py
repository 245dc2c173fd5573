"""Accuracy on whole sources held out, where a head reads the source instead of the subject."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.data.image_info import ImageInfo
from tlearn.doctor.sources import accuracy_across_sources, known_sources
from tlearn.features.linear_head import cross_validate

N = 240
RNG = np.random.default_rng(0)
LABELS = np.arange(N) % 2
SOURCES = [f"camera {n // 2 % 6}" for n in range(N)]
FOLD_OF = RNG.permutation(N) % 5
FOLDS = [(np.flatnonzero(f != FOLD_OF), np.flatnonzero(f == FOLD_OF)) for f in range(5)]


def features(subject: float, source: float) -> np.ndarray:
    """Features of the subject, and of each source's own look of each class."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(N, 40))
    x[:, 0] += subject * LABELS
    of_source = rng.normal(size=(6, 2, 40))
    cameras = np.array([int(name[-1]) for name in SOURCES])
    return (x + source * of_source[cameras, LABELS]).astype(np.float32)


def measured(x: np.ndarray, sources: list[str] = SOURCES) -> tuple[float, float]:
    real = cross_validate(x, LABELS, 2, FOLDS).probabilities
    result = accuracy_across_sources("camera", sources, x, LABELS, real)
    assert result is not None
    return result.accuracy, result.mixed_accuracy


def test_a_head_that_reads_the_source_fails_on_another() -> None:
    across, mixed = measured(features(0.0, 2.0))
    assert mixed > 0.95
    assert across < 0.8


def test_a_head_that_reads_the_subject_does_not() -> None:
    across, mixed = measured(features(6.0, 0.0))
    assert across == pytest.approx(mixed, abs=0.03)
    assert across > 0.95


def test_classes_from_one_source_alone_cannot_be_judged() -> None:
    x = features(6.0, 0.0)
    real = cross_validate(x, LABELS, 2, FOLDS).probabilities
    own = [f"place of {label}" for label in LABELS]
    assert accuracy_across_sources("place", own, x, LABELS, real) is None
    assert accuracy_across_sources("place", ["here"] * N, x, LABELS, real) is None


def test_only_images_whose_class_has_another_source_are_judged() -> None:
    x = features(6.0, 0.0)
    labels = LABELS.copy()
    labels[::24] = 2
    sources = ["zoo" if label == 2 else name for name, label in zip(SOURCES, labels, strict=True)]
    real = cross_validate(x, labels, 3, FOLDS).probabilities
    result = accuracy_across_sources("camera", sources, x, labels, real)
    assert result is not None
    assert (result.n_images, result.n_sources) == (N - 10, 7)


def info(camera: str, taken: str) -> ImageInfo:
    return ImageInfo("", 1, 1, "JPEG", False, camera=camera, taken=taken)


def test_sources_are_known_where_most_files_tell_and_not_all_the_same() -> None:
    files = [info(f"Canon {n % 2}", f"2024:05:{10 + n} 10:00:00") for n in range(10)]
    assert {*known_sources(files)} == {"camera", "day"}
    assert known_sources(files)["day"][0] == "2024:05:10"
    one_camera = [info("Canon", f"2024:05:17 10:00:{n}") for n in range(10)]
    assert known_sources(one_camera) == {}
    few_tell = [*files[:7], *[info("", "")] * 3]
    assert known_sources(few_tell) == {}
    assert {*known_sources([*files[:8], *[info("", "")] * 2])} == {"camera", "day"}
