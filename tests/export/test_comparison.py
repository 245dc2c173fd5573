from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tlearn.artifacts.contract import Preprocessing
from tlearn.confidence.answers import Answers
from tlearn.export.comparison import ChangedPrediction, ClassChange, compare, gate
from tlearn.export.inputs import ExportInputs
from tlearn.runs.run_images import SplitImages

BEFORE = [0, 1, 2, 0, 1]
TRUTH = [0, 1, 2, 0, 2]


def one_hot(answers: list[int]) -> Answers:
    return Answers(np.eye(3, dtype=np.float32)[answers])


def reference(before: list[int], truth: list[int]) -> ExportInputs:
    check = SplitImages(
        pixels=np.zeros((len(truth), 8, 8, 3), np.uint8),
        labels=np.array(truth),
        names=tuple(f"{n}.jpg" for n in range(len(truth))),
        source="val",
    )
    model: Any = None
    preprocessing = Preprocessing.of(8, "squash")
    return ExportInputs(model, ("a", "b", "c"), check, one_hot(before), preprocessing, {})


@pytest.mark.parametrize(
    ("answers", "max_drop", "agreement", "accuracy", "drop", "passes"),
    [
        ([0, 1, 2, 0, 1], 0.0, 1.0, 0.8, 0.0, True),
        ([0, 1, 2, 2, 1], 0.2, 0.8, 0.6, 0.2, True),
        ([0, 1, 2, 2, 1], 0.199, 0.8, 0.6, 0.2, False),
        ([0, 1, 2, 0, 2], 0.0, 0.8, 1.0, -0.2, True),
        ([1, 2, 0, 1, 0], 0.79, 0.0, 0.0, 0.8, False),
    ],
)
def test_a_drop_beyond_the_gate_fails(
    answers: list[int],
    max_drop: float,
    agreement: float,
    accuracy: float,
    drop: float,
    passes: bool,
) -> None:
    model_answers = reference(BEFORE, TRUTH)
    result = compare(model_answers, one_hot(answers))
    assert (result.agreement, result.accuracy, result.accuracy_drop) == pytest.approx(
        (agreement, accuracy, drop)
    )
    assert (gate(result, max_drop) == "") is passes
    low, high = result.drop_interval
    assert low < result.accuracy_drop < high


def test_with_a_prior_an_error_counts_as_much_as_its_class_is_frequent() -> None:
    inputs = replace(reference([0, 1, 2, 0], [0, 1, 2, 0]), prior=[0.9, 0.05, 0.05])
    rare, frequent = (compare(inputs, one_hot(answers)) for answers in ([0, 1, 1, 0], [0, 1, 2, 1]))
    assert (rare.accuracy, rare.accuracy_drop) == pytest.approx((0.95, 0.05))
    assert (frequent.accuracy, frequent.accuracy_drop) == pytest.approx((0.55, 0.45))
    assert gate(rare, 0.06) == "" and gate(frequent, 0.06)
    assert frequent.drop_interval[0] < 0.45 < frequent.drop_interval[1]


def test_gate_names_the_numbers() -> None:
    model_answers = reference([0] * 100, [0] * 100)
    result = compare(model_answers, one_hot([1] * 10 + [0] * 90))
    assert gate(result, 0.01) == (
        "accuracy fell from 100.0% to 90.0% on 100 images: 10.0 points (95% interval 5.5 to 17.4), "
        "where 1 is allowed"
    )


def test_images_and_classes_that_changed() -> None:
    result = compare(reference(BEFORE, TRUTH), one_hot([0, 2, 2, 0, 2]))
    assert result.changed_predictions == (
        ChangedPrediction("1.jpg", "b", "b", "c"),
        ChangedPrediction("4.jpg", "c", "b", "c"),
    )
    assert result.changed_classes == (ClassChange("b", 1, 1.0, 0.0), ClassChange("c", 2, 0.5, 1.0))
    assert result.largest_difference == 1.0


def test_a_class_without_images_did_not_change() -> None:
    result = compare(reference([0, 1], [0, 0]), one_hot([0, 0]))
    assert [change.name for change in result.changed_classes] == ["a"]


def test_small_differences_change_no_answer() -> None:
    model_answers = reference(BEFORE, TRUTH)
    result = compare(model_answers, Answers(model_answers.expected.probabilities * 0.75))
    assert (result.agreement, result.accuracy_drop, result.changed_predictions) == (1.0, 0.0, ())
    assert result.largest_difference == pytest.approx(0.25)


def test_a_file_of_a_scale_that_is_further_off_fails() -> None:
    inputs = reference([0, 1, 2, 1, 1, 1], [0, 1, 2, 0, 2, 1])
    further = one_hot([0, 1, 2, 2, 0, 1])
    assert gate(compare(inputs, further), max_drop=0.01) == ""
    scale = replace(inputs, confidence=replace(inputs.confidence, ordered=True))
    result = compare(scale, further)
    assert result.accuracy_drop == 0 and result.steps_drop == pytest.approx(2 / 4)
    assert "further off on 6 images, by 50.0%" in gate(result, max_drop=0.01)
    assert gate(result, max_drop=0.5) == ""


def test_a_file_of_a_scale_is_judged_by_its_middle_answers() -> None:
    inputs = reference([0, 1], [0, 1])
    scale = replace(inputs, confidence=replace(inputs.confidence, ordered=True))
    tilted = Answers(np.array([[0.9, 0.1, 0], [0.4, 0.25, 0.35]], np.float32))
    assert compare(scale, tilted).agreement == 1 and compare(inputs, tilted).agreement == 0.5


def test_values_that_are_not_finite_fail_at_any_drop() -> None:
    model_answers, broken = reference(BEFORE, TRUTH), one_hot(BEFORE)
    broken.probabilities[0] = np.nan
    result = compare(model_answers, broken)
    assert "1 of 5 images" in gate(result, max_drop=1.0)
    assert result.accuracy == pytest.approx(0.6)
    assert result.largest_difference == 1.0
    assert result.changed_predictions[0].after == "no number"
    assert gate(replace(result, unusable=0), max_drop=1.0) == ""


def test_a_drop_on_images_of_one_group_says_less() -> None:
    inputs = reference([0] * 60, [0] * 60)
    answers = one_hot([1] * 5 + [0] * 55)
    groups = tuple(f"video{n // 5}" for n in range(60))
    grouped = compare(replace(inputs, check=replace(inputs.check, groups=groups)), answers)
    single = compare(inputs, answers)
    assert grouped.accuracy_drop == single.accuracy_drop
    assert grouped.drop_interval[0] < 0 < single.drop_interval[0]
    assert grouped.drop_interval[1] > single.drop_interval[1] + 0.05
