"""What is printed of labels and numbers."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from tlearn.cli import target_view
from tlearn.cli.display.formats import outputs_row
from tlearn.cli.display.progress import print_result
from tlearn.confidence.confidence import Confidence, NumberPromise
from tlearn.evaluation.good_scores import score_good
from tlearn.evaluation.number_scores import score_numbers
from tlearn.evaluation.target_predictions import TargetPrediction


def predicted(task: str, name: str, values: list[float]) -> list[TargetPrediction]:
    known = Confidence(number=NumberPromise(1000.0, 0.9, False, 40)) if task == "number" else None
    return [
        TargetPrediction.of(f"{n}.png", np.array([value]), [name], task, known or Confidence())
        for n, value in enumerate(values)
    ]


def test_a_single_label_that_an_image_lacks_is_no_number(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_result(*target_view.draw_predictions(predicted("labels", "smile", [0.9, 0.1])))
    printed = capsys.readouterr().out
    assert "9 of 10" not in printed and "none" in printed and "90%" in printed


def test_a_large_number_is_written_out(capsys: pytest.CaptureFixture[str]) -> None:
    print_result(*target_view.draw_predictions(predicted("number", "price", [250000.4])))
    assert "250,000   249,000 to 251,000" in capsys.readouterr().out


def test_the_table_of_numbers_has_their_intervals() -> None:
    text = target_view.to_csv(
        [*predicted("number", "price", [2500.0]), TargetPrediction("x.png", {}, problem="empty")]
    )
    first, unread = csv.DictReader(io.StringIO(text))
    assert (first["from"], first["to"]) == ("1500", "3500")
    assert unread["problem"] == "empty" and unread["to"] == ""


def test_a_model_that_explains_nothing_is_said_to(capsys: pytest.CaptureFixture[str]) -> None:
    y = np.arange(20.0)
    report = score_numbers(y[::-1], y, "age", "test", 9.5)
    print_result(*target_view.draw_target_scores({"test": report}))
    printed = capsys.readouterr().out
    assert "no better than answering the mean" in printed and "of the variance" not in printed


@pytest.mark.parametrize(
    ("task", "names", "row"),
    [
        ("labels", ["a", "b"], {"labels": "2: a, b"}),
        ("number", ["age"], {"number": "age"}),
        (None, ["a", "b"], {"classes": "2: a, b"}),
    ],
)
def test_what_a_model_answers_is_called_what_it_is(
    task: str | None, names: list[str], row: dict[str, str]
) -> None:
    assert outputs_row(task, names) == row


def test_a_share_of_an_answer_reaches_no_negative_price() -> None:
    known = Confidence(number=NumberPromise(3.0, 0.9, True, 40))
    answer = TargetPrediction.of("1.png", np.array([20.0]), ["price"], "number", known)
    assert answer.interval == (0.0, 80.0)


@pytest.mark.parametrize(("n_called", "told"), [(2, False), (30, True)])
def test_good_images_that_are_called_bad_too_often_are_told(
    n_called: int, told: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    anomaly = np.r_[np.ones(n_called), np.zeros(40 - n_called)]
    report = score_good(anomaly, np.zeros(40), "other", 0.95, 0.05)
    print_result(*target_view.draw_target_scores({"": report}))
    assert ("unlike those that were learned from" in capsys.readouterr().out) == told
