"""The matrix, cell by cell and on both sides of each threshold."""

from __future__ import annotations

import pytest

from tlearn.suggestion.strategy import (
    LITTLE_PER_CLASS,
    SOLVED,
    Evidence,
    Policy,
    suggest_policy,
)


@pytest.mark.parametrize(
    ("per_class", "similar", "size", "policy"),
    [
        (LITTLE_PER_CLASS - 1, True, "little", Policy.LINEAR_HEAD),
        (LITTLE_PER_CLASS - 1, False, "little", Policy.TOP_STAGES),
        (LITTLE_PER_CLASS, True, "lot", Policy.TOP_STAGES),
        (LITTLE_PER_CLASS, False, "lot", Policy.DEEP),
    ],
)
def test_the_textbook_cell(per_class: int, similar: bool, size: str, policy: Policy) -> None:
    found = suggest_policy(Evidence(per_class * 4, 4, similar))
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
    assert "80 training pictures a class" in reasons
    assert "80.0%" in reasons
    assert "different" in reasons
