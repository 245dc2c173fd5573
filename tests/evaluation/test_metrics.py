from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tlearn.evaluation.metrics import (
    Report,
    most_confused,
    score,
)


def sure(predicted: list[int], n_classes: int, confidence: float = 1.0) -> np.ndarray:
    """Rows that give `confidence` to the predicted class and share the rest."""
    rows = np.full((len(predicted), n_classes), (1 - confidence) / (n_classes - 1))
    rows[np.arange(len(predicted)), predicted] = confidence
    return rows


def report(labels: list[int], predicted: list[int], classes: str = "abc") -> Report:
    return score(sure(predicted, len(classes), 0.8), np.array(labels), tuple(classes), "test")


def test_counts_by_hand() -> None:
    result = report([0, 0, 0, 1, 1, 2], [0, 0, 1, 1, 1, 0])
    assert result.n == 6 and result.accuracy == pytest.approx(4 / 6)
    assert result.confusion == [[2, 1, 0], [0, 2, 0], [1, 0, 0]]
    a, b, c = result.per_class
    assert a == {
        "name": "a",
        "n": 3,
        "precision": pytest.approx(2 / 3),
        "recall": pytest.approx(2 / 3),
        "f1": pytest.approx(2 / 3),
        "average_precision": pytest.approx(a["average_precision"]),
    }
    assert b["f1"] == pytest.approx(0.8) and c["f1"] == 0
    assert result.balanced_accuracy == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert result.macro_f1 == pytest.approx((2 / 3 + 0.8 + 0) / 3)
    assert result.log_loss == pytest.approx(-(4 * np.log(0.8) + 2 * np.log(0.1)) / 6)
    assert result.calibration_error == pytest.approx(0.8 - 4 / 6)


def test_an_absent_class_counts_in_no_mean() -> None:
    result = report([0, 0, 1], [0, 2, 1])
    assert result.per_class[2] == {
        **{"name": "c", "n": 0, "precision": 0, "recall": 0, "f1": 0},
        "average_precision": None,
    }
    assert result.balanced_accuracy == pytest.approx((0.5 + 1) / 2)
    assert result.macro_f1 == pytest.approx((2 / 3 + 1) / 2)


@pytest.mark.parametrize(("n_classes", "ks"), [(2, [1]), (3, [1]), (4, [1, 3]), (6, [1, 3, 5])])
def test_top_k_stays_below_the_number_of_classes(n_classes: int, ks: list[int]) -> None:
    rows = np.tile(np.linspace(1, 0.1, n_classes), (n_classes, 1))
    result = score(rows, np.arange(n_classes), "abcdefgh"[:n_classes], "test")
    assert list(result.top_k) == ks
    assert all(result.top_k[k] == pytest.approx(k / n_classes) for k in ks)


def test_ties_go_to_the_first_class_as_argmax_does() -> None:
    result = score(np.full((4, 4), 0.25), np.array([0, 1, 2, 3]), "abcd", "test")
    assert result.accuracy == 0.25 and result.top_k[3] == 0.75
    assert [row[0] for row in result.confusion] == [1, 1, 1, 1]


def test_log_loss_of_a_certain_mistake_is_finite() -> None:
    result = score(sure([1], 2), np.array([0]), "ab", "test")
    assert result.log_loss == pytest.approx(-np.log(1e-7))


def test_the_accuracy_is_put_in_words() -> None:
    seen = report([0] * 189, [0] * 166 + [1] * 23)
    assert seen.n_correct == 166
    assert seen.in_words() == "right on 166 of 189 images it had not seen (87.8%, 82.4 to 91.8)"
    assert replace(seen, split="val").in_words().startswith("right on 166 of 189 validation images")
    assert " images of meadow (" in replace(seen, split="meadow").in_words()


def test_a_calibrated_model_has_no_calibration_error() -> None:
    predicted, labels = [0] * 100, np.array([0] * 80 + [1] * 20)
    assert score(sure(predicted, 2, 0.8), labels, "ab", "test").calibration_error < 1e-9
    assert score(sure(predicted, 2, 1.0), labels, "ab", "test").calibration_error == (
        pytest.approx(0.2)
    )


def test_most_confused_is_sorted_and_off_the_diagonal() -> None:
    result = report([0, 0, 1, 1, 1, 2], [1, 0, 2, 2, 1, 2])
    assert most_confused(result, 5) == [("b", "c", 2), ("a", "b", 1)]
    assert most_confused(result, 1) == [("b", "c", 2)]
    assert most_confused(report([0, 1], [0, 1]), 5) == []


def test_json_is_plain_python() -> None:
    result = report([0, 0, 1, 2], [0, 1, 1, 2], "abcd").to_json()
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert result["top_k"].keys() == {"1", "3"} and result["classes"] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("rows", "labels"),
    [
        (np.array([[0.5, np.nan]]), [0]),
        (np.array([[0.5, -0.5]]), [0]),
        (np.array([[0.5, 0.5]]), [2]),
        (np.array([[0.5, 0.5]]), [-1]),
        (np.array([[0.5, 0.5]]), [0, 1]),
        (np.array([[0.2, 0.3, 0.5]]), [0]),
        (np.empty((0, 2)), []),
    ],
)
def test_what_cannot_be_scored_is_a_bug(rows: np.ndarray, labels: list[int]) -> None:
    with pytest.raises(ValueError):
        score(rows, np.array(labels, int), "ab", "test")
