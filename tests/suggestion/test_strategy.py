"""The matrix, cell by cell and on both sides of each threshold."""

from __future__ import annotations

import pytest

from tlearn.suggestion.strategy import (
    LITTLE,
    LITTLE_PER_CLASS,
    SOLVED,
    Evidence,
    Policy,
    suggest_policy,
)

MANY = 50


@pytest.mark.parametrize(
    ("n_train", "n_classes", "similar", "size", "policy"),
    [
        (LITTLE - 1, 4, True, "little", Policy.LINEAR_HEAD),
        (LITTLE - 1, 4, False, "little", Policy.TOP_STAGES),
        (LITTLE, 4, True, "lot", Policy.TOP_STAGES),
        (LITTLE, 4, False, "lot", Policy.DEEP),
        (MANY * LITTLE_PER_CLASS - 1, MANY, True, "little", Policy.LINEAR_HEAD),
        (MANY * LITTLE_PER_CLASS, MANY, True, "lot", Policy.TOP_STAGES),
    ],
)
def test_the_textbook_cell(
    n_train: int, n_classes: int, similar: bool, size: str, policy: Policy
) -> None:
    found = suggest_policy(Evidence(n_train, n_classes, similar))
    assert (found.size, found.policy) == (size, policy)
    assert found.similarity == ("similar" if similar else "different")


@pytest.mark.parametrize("similar", [True, False])
@pytest.mark.parametrize("per_class", [20, 500])
def test_a_solved_folder_needs_no_tuning(per_class: int, similar: bool) -> None:
    found = suggest_policy(Evidence(per_class * 3, 3, similar, head_accuracy=SOLVED))
    assert found.policy is Policy.LINEAR_HEAD
    below = suggest_policy(Evidence(per_class * 3, 3, similar, head_accuracy=SOLVED - 0.001))
    textbook = suggest_policy(Evidence(per_class * 3, 3, similar))
    assert below.policy is textbook.policy


def test_reasons_name_the_numbers() -> None:
    reasons = " ".join(suggest_policy(Evidence(400, 5, False, 0.8)).reasons)
    assert "400 training pictures, 80 a class" in reasons
    assert "80.0%" in reasons
    assert "different" in reasons
