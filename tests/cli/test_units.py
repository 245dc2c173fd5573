from __future__ import annotations

import pytest

from tlearn.cli.units import parse_size
from tlearn.errors import RecipeError


@pytest.mark.parametrize(
    ("words", "size"), [("4MB", 4e6), ("900 kB", 9e5), ("1.5 gb", 1.5e9), ("12", 12)]
)
def test_sizes(words: str, size: float) -> None:
    assert parse_size(words, "--max-size") == size


@pytest.mark.parametrize("words", ["", "much", "-4MB", "0", "4 TB"])
def test_no_sizes(words: str) -> None:
    with pytest.raises(RecipeError, match="not a size"):
        parse_size(words, "--max-size")
