from __future__ import annotations

import pytest

from tlearn import api


@pytest.mark.parametrize(
    ("n_images", "similar", "policy"), [(50, True, "linear_head"), (50_000, False, "deep")]
)
def test_the_cell_for_counts_and_a_stated_similarity(
    n_images: int, similar: bool, policy: str
) -> None:
    advice = api.matrix(n_images, 5, similar)
    assert advice.suggestion.policy == policy
    assert advice.profile is None and advice.dataset is None
