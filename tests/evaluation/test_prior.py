"""Shares of classes in use: completed from those that were named, refused where they cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from tests.written_run import make_manifest, plan_of
from tlearn.data.manifest import SplitManifest
from tlearn.errors import RecipeError
from tlearn.evaluation.prior import expected_shares, learned_shares, with_prior

CLASSES, TRAINED_ON = ("cats", "dogs", "owls"), np.array([0.5, 0.3, 0.2])


@pytest.mark.parametrize(
    ("named", "shares"),
    [
        ({"cats": 0.9}, [0.9, 0.06, 0.04]),
        ({"owls": 0.5, "cats": 0.1}, [0.1, 0.4, 0.5]),
        ({"cats": 0.33, "dogs": 0.33, "owls": 0.33}, [1 / 3, 1 / 3, 1 / 3]),
    ],
)
def test_classes_that_are_not_named_divide_the_rest_as_in_training(
    named: dict[str, float], shares: list[float]
) -> None:
    np.testing.assert_allclose(expected_shares(named, CLASSES, TRAINED_ON, "export"), shares)


@pytest.mark.parametrize(
    ("class_weights", "learned"), [(False, [0.5, 0.25, 0.25]), (True, [1 / 3, 1 / 3, 1 / 3])]
)
def test_a_model_learned_the_shares_of_train_and_equal_ones_by_weights(
    class_weights: bool, learned: list[float]
) -> None:
    names = tuple("abcdefgh")
    splits = ("train",) * 4 + ("val",) * 4
    labels = np.array([0, 0, 1, 2, 2, 2, 2, 1])
    manifest = SplitManifest(CLASSES, names, labels, splits, names, "val", 0)
    plan = plan_of(make_manifest(), "linear_head", {"class_weights": class_weights})
    np.testing.assert_allclose(learned_shares(manifest, plan), learned)


@pytest.mark.parametrize(
    ("named", "message", "hint"),
    [
        ({"cat": 0.9}, "did you mean 'cats'", "tlearn export --prior cats=0.9"),
        ({"cats": 0.7, "dogs": 0.6}, "sum to 1.3", "--prior cats=0.1"),
        ({"cats": 0.7, "dogs": 0.3}, "leave nothing for 'owls'", "--prior cats=0.1"),
        ({"cats": 0.3, "dogs": 0.3, "owls": 0.1}, "sum to 0.7, not to 1", "--prior cats=0.1"),
        ({"cats": 0.0}, "a share of 0 for class 'cats'", "--prior cats=0.01"),
        ({"cats": -0.2}, "a share of -0.2 for class 'cats'", "--prior cats=0.01"),
        ({"cats": float("nan")}, "a share of nan for class 'cats'", "--prior cats=0.01"),
    ],
)
def test_shares_that_cannot_be_are_refused(
    named: dict[str, float], message: str, hint: str
) -> None:
    with pytest.raises(RecipeError) as error:
        expected_shares(named, CLASSES, TRAINED_ON, "export")
    assert message in error.value.message
    assert error.value.hint.endswith(hint)


def test_a_rare_class_is_answered_less_often_where_it_is_rare() -> None:
    even = np.array([[0.5, 0.5]])
    shares = with_prior(even, np.array([0.5, 0.5]), np.array([0.9, 0.1]))
    assert shares == pytest.approx(np.array([[0.9, 0.1]]))
