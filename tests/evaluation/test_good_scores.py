"""Bad images found, and good ones called bad, are counted with their intervals."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.evaluation.good_scores import score_good

ANOMALY = np.array([0.1, 0.2, 0.3, 0.96, 0.94, 0.99, 0.97])
IS_BAD = np.array([0, 0, 0, 0, 1, 1, 1])


def test_shares_are_those_above_the_threshold() -> None:
    report = score_good(ANOMALY, IS_BAD, "test", 0.95, 0.05)
    assert (report.false_alarm_rate, report.found) == (0.25, pytest.approx(2 / 3))
    assert report.roc_auc == pytest.approx(11 / 12)
    assert report.found_interval is not None and report.found_interval[0] < 2 / 3
    assert "2 of 3 bad images" in report.in_words() and "1 of 4 good images" in report.in_words()


def test_without_bad_images_there_are_false_alarms_alone() -> None:
    report = score_good(ANOMALY[:4], IS_BAD[:4], "test", 0.95, 0.05)
    assert report.roc_auc is report.found is None
    assert report.headline() == ("25.0%", "of good images called bad")
