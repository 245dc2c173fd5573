"""A student comes to agree with its teacher, goes on where it stopped, and is a backbone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlearn import api
from tlearn.errors import DataError, RunError


@pytest.fixture
def pile(image_folder: Callable[..., Path]) -> Path:
    return image_folder(classes=5, per_class=30)


@pytest.fixture
def distill(pile: Path, small_weights: Path, tmp_path: Path) -> Callable[..., Any]:
    def run(seconds: float, sources: list[Path] | None = None, **more: Any) -> Any:
        return api.distill(
            sources or [pile],
            "mobilenet_025",
            more.pop("student", "mobilenet_050"),
            seconds=seconds,
            out=tmp_path / "student",
            image_size=32,
            teacher_weights=small_weights,
            teacher_size=32,
            views=2,
            **more,
        )

    return run


@pytest.mark.slow
def test_teaching_brings_the_student_nearer_and_goes_on_where_it_stopped(
    distill: Callable[..., Any], tmp_path: Path
) -> None:
    first = distill(0.5)
    with np.load(tmp_path / "student" / "checkpoint.npz") as kept:
        assert 0.5 <= kept["spent"] < 5
    later = distill(8.0)
    with np.load(tmp_path / "student" / "checkpoint.npz") as kept:
        assert 8 <= kept["spent"] < 13
    assert later.embedding_correlation > first.embedding_correlation + 0.05
    card = json.loads((tmp_path / "student" / "distill.json").read_text())
    assert (card["teacher"], card["student"], card["image_size"]) == (
        "mobilenet_025",
        "mobilenet_050",
        32,
    )
    assert card["pictures"] == later.images == 147


@pytest.mark.slow
def test_a_relative_of_the_teacher_begins_as_the_teacher(distill: Callable[..., Any]) -> None:
    twin = distill(0.0, student="mobilenet_025")
    assert twin.embedding_correlation > 0.8 and twin.agreement == 1.0


@pytest.mark.slow
def test_what_is_kept_is_a_backbone_with_the_teachers_classes(
    distill: Callable[..., Any], image_folder: Callable[..., Path], tmp_path: Path
) -> None:
    weights = distill(0.5).weights
    flags = {"backbone": "mobilenet_050", "weights": str(weights), "image_size": 32}
    advice = api.suggest(image_folder(per_class=12, name="others"), flags=flags)
    assert advice.similarity is not None
    assert advice.similarity.source_classes is not None


@pytest.mark.slow
def test_another_students_checkpoint_is_refused(distill: Callable[..., Any]) -> None:
    distill(0.5)
    with pytest.raises(RunError, match="another student"):
        distill(1.0, student="mobilenet_025")


def test_too_few_pictures_are_refused(
    distill: Callable[..., Any], image_folder: Callable[..., Path]
) -> None:
    with pytest.raises(DataError, match="too few"):
        distill(1.0, [image_folder(per_class=3, name="few")])


@pytest.mark.slow
def test_a_run_becomes_a_smaller_run_with_its_labels(
    image_folder: Callable[..., Path], small_weights: Path, tmp_path: Path
) -> None:
    folder = image_folder(classes=4, per_class=40, name="labelled")
    flags = {"backbone": "mobilenet_025", "weights": str(small_weights), "image_size": 64}
    large = api.finetune(folder, flags=flags | {"policy": "linear_head"}, out=tmp_path / "large")
    taught = api.distill(
        [folder], str(tmp_path / "large"), "mobilenet_025", seconds=1, out=tmp_path / "s",
        image_size=32, views=1,
    )  # fmt: skip
    assert taught.shrunk is not None and taught.agreement is not None
    small = taught.shrunk
    assert small.accuracy[0] == large.reports["test"].accuracy
    _, report = api.evaluate(small.run.path)
    assert report.accuracy == pytest.approx(small.accuracy[1])
    assert small.run.read_labels() == large.plan.split.classes
    assert min(small.milliseconds) > 0
    split = (tmp_path / "large" / "split.csv").read_text()
    assert (small.run.path / "split.csv").read_text() == split
