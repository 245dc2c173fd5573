"""A student comes to agree with its teacher, goes on where it stopped, and is a backbone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlearn import api
from tlearn.errors import RunError
from tlearn.storage.text import read_json
from tlearn.training import distillation

pytestmark = pytest.mark.slow


class Ticks:
    """A clock by which every batch takes a second."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        self.now += 1
        return self.now


@pytest.fixture
def distill(
    image_folder: Callable[..., Path],
    small_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., api.DistillResult]:
    """Teach for a number of batches: `distill(30, student="mobilenet_050")`."""
    images = image_folder(classes=5, per_class=30)

    def run(batches: float, student: str = "mobilenet_050") -> api.DistillResult:
        monkeypatch.setattr(distillation, "time", Ticks())
        return api.distill(
            [images],
            "mobilenet_025",
            student,
            seconds=batches,
            out=tmp_path / "student",
            image_size=32,
            teacher_weights=small_weights,
            teacher_size=32,
            views=2,
        )

    return run


def test_a_student_comes_nearer_and_goes_on_where_it_stopped(
    distill: Callable[..., Any], image_folder: Callable[..., Path], tmp_path: Path
) -> None:
    folder = tmp_path / "student"
    first = distill(1)
    with np.load(folder / "checkpoint.npz") as kept:
        assert kept["spent"] == 1
    later = distill(120)
    with np.load(folder / "checkpoint.npz") as kept:
        assert kept["spent"] == 120
    assert later.embedding_correlation > first.embedding_correlation + 0.05

    card = read_json(folder / "distill.json")
    names = (card["teacher"], card["student"], card["image_size"])
    assert names == ("mobilenet_025", "mobilenet_050", 32)
    assert card["n_images"] == later.n_images == 147

    with pytest.raises(RunError, match="another student"):
        distill(121, student="mobilenet_025")

    flags = {"backbone": "mobilenet_050", "weights": str(later.weights), "image_size": 32}
    advice = api.suggest(image_folder(per_class=12, name="others"), flags=flags)
    assert advice.similarity is not None and advice.similarity.source_classes is not None


def test_a_student_of_the_teachers_family_starts_from_its_channels(
    distill: Callable[..., Any],
) -> None:
    twin = distill(0, student="mobilenet_025")
    assert twin.embedding_correlation > 0.8 and twin.agreement == 1.0
