"""Classes that are steps of a scale are put in order, and the middle one is answered."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tlearn.data.image_folder import ImageFolder, scan
from tlearn.data.order import in_order, middle
from tlearn.errors import DataError


def folder_of(root: Path, *classes: str) -> ImageFolder:
    for n, name in enumerate(classes, start=1):
        (root / name).mkdir()
        for number in range(n):
            (root / name / f"{number}.png").touch()
    return scan(root)


@pytest.mark.parametrize(
    ("classes", "order", "expected"),
    [
        (("10", "2", "-1"), "numbers", ("-1", "2", "10")),
        (("grade 3", "1 mild", "grade-2.5"), "numbers", ("1 mild", "grade-2.5", "grade 3")),
        (("T -3", "T 0", "T -1"), "numbers", ("T -3", "T -1", "T 0")),
        (("500", "1,000,000", "2,000"), "numbers", ("500", "2,000", "1,000,000")),
        (("1,5", "0,75", "2"), "numbers", ("0,75", "1,5", "2")),
        (("high", "low", "medium"), "low, medium,high", ("low", "medium", "high")),
        (("a, b", "c"), 'c, "a, b"', ("c", "a, b")),
    ],
)
def test_images_keep_their_classes_and_classes_get_in_order(
    tmp_path: Path, classes: tuple[str, ...], order: str, expected: tuple[str, ...]
) -> None:
    before = folder_of(tmp_path, *classes)
    after = in_order(before, order)
    assert after.classes == expected
    named = [Counter(of.classes[i.label] for i in of.images) for of in (before, after)]
    assert named[0] == named[1]
    assert [image.label for image in after.images] == sorted(i.label for i in after.images)


@pytest.mark.parametrize(
    ("classes", "order", "unclear"),
    [
        (("1", "bad"), "numbers", "'bad'"),
        (("1", "1 b"), "numbers", "'1', '1 b'"),
        (("1", "2 of 3"), "numbers", "'2 of 3'"),
        (("500", "1,000"), "numbers", "'1,000'"),
        (("a", "b", "c"), "a,b", "'c'"),
        (("a", "b"), "a,b,d", "'d'"),
        (("a", "b"), "a,b,a", "'a'"),
    ],
)
def test_an_order_that_leaves_something_open_is_refused(
    tmp_path: Path, classes: tuple[str, ...], order: str, unclear: str
) -> None:
    with pytest.raises(DataError, match=f"no order of the classes {unclear}: ") as error:
        in_order(folder_of(tmp_path, *classes), order)
    assert "--set" in (error.value.hint or "")


def test_a_hint_can_be_pasted_and_is_short(tmp_path: Path) -> None:
    with pytest.raises(DataError) as few:
        in_order(folder_of(tmp_path, "a, b", "c"), "numbers")
    assert few.value.hint == """name all, the lowest first: --set 'order="a, b",c'"""
    with pytest.raises(DataError) as many:
        in_order(folder_of(tmp_path / "", *(f"{n} of 30" for n in range(30))), "numbers")
    assert len(many.value.hint) < 80


def test_no_answer_is_expected_nearer_to_the_truth_than_the_middle() -> None:
    p = np.random.default_rng(0).dirichlet([0.5] * 6, 200)
    distance = np.abs(np.arange(6)[:, None] - np.arange(6))
    expected = p @ distance
    np.testing.assert_allclose(expected[np.arange(200), middle(p)], expected.min(axis=1))
