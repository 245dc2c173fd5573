"""Keys and words of earlier versions are understood."""

from __future__ import annotations

from typing import Any

import pytest

from tlearn.recipe.names import current_names
from tlearn.recipe.schema import Recipe


def test_names_of_the_first_version_become_those_of_today() -> None:
    first = {"head_on": "several", "mirror": False, "head-penalty": 0.1, "seed": 1}
    assert current_names(first) == {
        "head_stages": "last3",
        "horizontal_flip": False,
        "solved_head_l2": 0.1,
        "seed": 1,
    }


@pytest.mark.parametrize(
    ("written", "value"),
    [("auto", "guessed"), ("off", "none"), (False, "none"), ("given", "given")],
)
def test_groups_may_be_called_auto_and_off_which_yaml_reads_as_false(
    written: Any, value: str
) -> None:
    assert Recipe.model_validate(current_names({"groups": written})).groups == value
