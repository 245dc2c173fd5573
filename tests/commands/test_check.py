"""An exported file scores folders and answers for loose pictures, with its contract alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import SHAPES
from tlearn.artifacts.contract import Contract, Preprocessing, Tensor
from tlearn.commands.check import ask
from tlearn.errors import DataError
from tlearn.evaluation.metrics import Report

LABELS = tuple(list(SHAPES)[:3])
CONTRACT = Contract(
    version=1,
    tlearn="0",
    file=None,
    sha256=None,
    format="tflite",
    quantization="none",
    signature="serving_default",
    input=Tensor("image", (1, 16, 16, 3), "float32"),
    preprocessing=Preprocessing.of(16, "squash"),
    output=Tensor("probabilities", (1, 3), "float32"),
    labels=LABELS,
    provenance={},
    tolerance=0.001,
    golden=(),
)


def nearest_color(image: np.ndarray) -> np.ndarray:
    """A classifier of drawn shapes: each has a colour of its own."""
    assert image.shape == (16, 16, 3) and image.dtype == np.uint8
    colors = np.array([SHAPES[label] for label in LABELS])
    far = np.abs(image.mean((0, 1)) - 128 - (colors - 128) * 0.3).sum(1)
    return np.exp(-far) / np.exp(-far).sum()


def test_a_folder_of_classes_is_scored(image_folder: Callable[..., Path]) -> None:
    folder = image_folder(per_class=6)
    seen: list[tuple[Any, ...]] = []
    report = ask(nearest_color, CONTRACT, folder, lambda *told: seen.append(told))
    assert isinstance(report, Report)
    assert report.n == 18 and report.accuracy > 0.5 and report.classes == LABELS
    assert seen[-1][1:] == (18, 18)


def test_the_folder_that_one_stands_in_has_a_name(
    image_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = image_folder(per_class=2)
    monkeypatch.chdir(folder)
    report = ask(nearest_color, CONTRACT, Path(), lambda *_: None)
    assert isinstance(report, Report) and report.split == folder.name


def test_a_ready_made_test_part_is_what_counts(image_folder: Callable[..., Path]) -> None:
    folder = image_folder(splits=("train", "test"), per_class=4)
    report = ask(nearest_color, CONTRACT, folder, lambda *_: None)
    assert isinstance(report, Report) and report.n == 12


def test_loose_pictures_are_answered(image_folder: Callable[..., Path]) -> None:
    folder = image_folder(per_class=2) / "circle"
    (folder / "broken.png").write_bytes(b"")
    answers = ask(nearest_color, CONTRACT, folder, lambda *_: None)
    assert not isinstance(answers, Report)
    assert [bool(answer.problem) for answer in answers] == [True, False, False]
    assert {answer.label for answer in answers} <= {*LABELS, ""}
    one = ask(nearest_color, CONTRACT, folder / "circle_0.png", lambda *_: None)
    assert not isinstance(one, Report) and len(one) == 1


def test_classes_that_it_does_not_know(image_folder: Callable[..., Path], tmp_path: Path) -> None:
    folder = image_folder(classes=4, per_class=2)
    with pytest.raises(DataError, match="cross"):
        ask(nearest_color, CONTRACT, folder, lambda *_: None)
    with pytest.raises(DataError, match="does not exist"):
        ask(nearest_color, CONTRACT, tmp_path / "nowhere", lambda *_: None)
