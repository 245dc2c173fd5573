"""The matrix, cell by cell and on both sides of each threshold."""

from __future__ import annotations

import pytest

from tlearn.suggestion.matrix import LITTLE, LITTLE_PER_CLASS, Evidence, Policy, textbook_policy

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
    found = textbook_policy(Evidence(n_train, n_classes, float(similar)))
    assert (found.size, found.policy, found.head_stages) == (size, policy, "last")
    assert found.similarity == ("similar" if similar else "different")


def test_reasons_name_the_numbers() -> None:
    reasons = " ".join(textbook_policy(Evidence(400, 5, 0.2)).reasons)
    assert "400 training pictures, 80 a class" in reasons
    assert "different" in reasons
