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
def test_the_cell_depends_on_size_and_similarity(
    n_train: int, n_classes: int, similar: bool, size: str, policy: Policy
) -> None:
    suggestion = textbook_policy(Evidence(n_train, n_classes, float(similar)))
    assert (suggestion.size, suggestion.policy) == (size, policy)
    assert suggestion.head_stages == "last"
    assert suggestion.similarity == ("similar" if similar else "different")


def test_reasons_name_the_numbers_and_the_policy_as_people_write_it() -> None:
    size, similarity, policy = textbook_policy(Evidence(400, 5, 0.2)).reasons
    assert size.startswith("400 training images, 80 per class: a lot of data")
    assert similarity.startswith("different from the images the backbone was trained on")
    assert "deep" in policy
    assert "linear-head" in textbook_policy(Evidence(40, 5, 1.0)).reasons[-1]


def test_policies_have_a_label_with_hyphens() -> None:
    labels = [policy.label for policy in Policy]
    assert labels == ["linear-head", "top-stages", "deep", "from-scratch"]
