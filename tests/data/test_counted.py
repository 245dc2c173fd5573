"""Numbers of things in sentences."""

from __future__ import annotations

from tlearn.data.counted import are, count, first, them


def test_one_is_not_many() -> None:
    assert (count(1, "image"), count(2, "image")) == ("1 image", "2 images")
    assert count(2, "spare copy", "spare copies") == "2 spare copies"
    assert [f"{are(items)} {them(items)}" for items in ("a", "ab")] == ["is it", "are them"]


def test_a_long_list_is_cut_and_the_rest_counted() -> None:
    assert first(["a", "b", "c"]) == "a, b, c"
    assert first(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
