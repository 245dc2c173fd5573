"""Which of two classes is looked for is guessed by their names."""

from __future__ import annotations

import pytest

from tlearn.evaluation.positive_class import guess_positive


@pytest.mark.parametrize(
    ("positive", "other"),
    [
        ("PNEUMONIA", "NORMAL"),
        ("defective", "ok"),
        ("scratch", "no_scratch"),
        ("with_mask", "without_mask"),
        ("Parasitized", "Uninfected"),
        ("malignant", "benign"),
        ("not ok", "ok"),
        ("NotOk", "Ok"),
        ("hotdog", "non-hotdog"),
        ("tumor", "tissue"),
        ("abnormal", "normal"),
        ("yes", "no"),
    ],
)
def test_names_tell_whichever_comes_first(positive: str, other: str) -> None:
    for classes in ((positive, other), (other, positive)):
        guess = guess_positive(classes)
        assert (guess.name, guess.why) == (positive, "names")


@pytest.mark.parametrize("classes", [("ants", "bees"), ("0", "1"), ("螞蟻", "蜜蜂")])
def test_where_names_tell_nothing_it_is_the_second(classes: tuple[str, str]) -> None:
    guess = guess_positive(classes)
    assert (guess.name, guess.why) == (classes[1], "order")
