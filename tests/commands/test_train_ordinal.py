"""Classes in order are trained, scored, answered and exported as steps of a scale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tlearn import api
from tlearn.artifacts.contract_file import read_contract
from tlearn.errors import DataError
from tlearn.runs.trained_run import TrainedRun

Flags = dict[str, Any]


def draw_grades(root: Path, names: tuple[str, ...], per_class: int = 24, first: int = 0) -> Path:
    """Draw noise that is brighter from class to class, with some overlap."""
    for grade, name in enumerate(names):
        (root / name).mkdir(parents=True)
        for n in range(first, first + per_class):
            rng = np.random.default_rng(1000 * grade + n)
            pixels = rng.integers(0, 60, (48, 48, 3)) + 40 * grade + rng.integers(0, 60)
            Image.fromarray(pixels.astype(np.uint8)).save(root / name / f"{n}.png")
    return root


@pytest.fixture
def grades(tmp_path: Path) -> Path:
    return draw_grades(tmp_path / "images", ("none", "mild", "severe"))


@pytest.fixture
def flags(tiny_backbone_flags: Flags) -> Flags:
    return tiny_backbone_flags | {"order": "none,mild,severe", "policy": "linear_head"}


@pytest.mark.parametrize("policy", [{}, {"policy": "deep", "epochs": 1}])
def test_a_run_on_a_scale_answers_as_it_was_scored_and_so_does_its_file(
    grades: Path, flags: Flags, policy: Flags, tmp_path: Path
) -> None:
    result = api.finetune(grades, flags=flags | policy, out=tmp_path / "run")
    run, steps = tmp_path / "run", result.reports["test"].steps
    assert result.plan.split.classes == ("none", "mild", "severe")
    assert steps is not None and steps.mae < steps.mae_of_median
    evaluated = api.evaluate(run)
    assert isinstance(evaluated, api.EvaluateResult)
    assert evaluated.scores.report.steps == steps
    (artifact,) = api.export(run, [("tflite", "none")])
    assert artifact.passed
    contract, _ = read_contract(artifact.path)
    assert contract.confidence is not None and contract.confidence.ordered
    assert "Steps off" in (run / "report.html").read_text()


def test_names_with_numbers_need_no_order(tiny_backbone_flags: Flags, tmp_path: Path) -> None:
    images = draw_grades(tmp_path / "images", ("grade 2", "10", "grade 1"), 8)
    planned = api.finetune(images, flags=tiny_backbone_flags | {"task": "ordinal"}, dry_run=True)
    assert planned.plan.split.classes == ("grade 1", "grade 2", "10")


def test_an_update_keeps_the_scale_and_takes_no_new_step(
    grades: Path, flags: Flags, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    api.finetune(grades, flags=flags, out=run)
    more = draw_grades(tmp_path / "more", ("mild",), 8, 50)
    result = api.update(run, more)
    assert result.plan.split.classes == ("none", "mild", "severe") and result.plan.ordered
    assert result.reports["test"].steps is not None
    assert result.run is not None and TrainedRun.open(result.run.path).confidence.ordered
    new = draw_grades(tmp_path / "new", ("deadly",), 8, 90)
    with pytest.raises(DataError, match="'deadly' would be a new step"):
        api.update(run, new)
