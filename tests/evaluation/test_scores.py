"""Images that a model learned from are counted, and scored apart."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.evaluation.scores import score_apart

LABELS = np.array([0, 1, 0, 1])
ANSWERS = np.eye(2)[[0, 1, 1, 1]]
"""Wrong on the third."""


@pytest.mark.parametrize(
    ("trained_on", "count", "accuracy"),
    [
        ([True, True, False, False], 2, 0.5),
        ([False] * 4, 0, None),
        ([True] * 4, 4, None),
        (None, None, None),
    ],
)
def test_the_others_have_scores_of_their_own(
    trained_on: list[bool] | None, count: int | None, accuracy: float | None
) -> None:
    known = None if trained_on is None else np.array(trained_on)
    scores = score_apart(ANSWERS, LABELS, ("a", "b"), "digits", known)
    assert scores.report.accuracy == 0.75 and scores.trained_on == count
    assert (scores.unseen.accuracy if scores.unseen else None) == accuracy
    document = scores.to_json()
    assert document["accuracy"] == 0.75 and document["trained_on"] == count
    assert (document["unseen"] is None) == (accuracy is None)
