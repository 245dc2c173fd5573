"""Keys, ranges and the text that explains them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tlearn.recipe.key_errors import allowed_values
from tlearn.recipe.schema import POLICIES, Recipe
from tlearn.suggestion.matrix import Policy


def test_an_empty_recipe_is_complete() -> None:
    assert Recipe().policy == "auto"
    assert Recipe().horizontal_flip == "auto"


def test_every_key_explains_itself() -> None:
    for key, field in Recipe.model_fields.items():
        assert len(field.description or "") > 20, key
        assert allowed_values(key), key


def test_policies_are_those_of_the_matrix() -> None:
    assert list(POLICIES) == [policy.value for policy in Policy]


@pytest.mark.parametrize(
    ("key", "good", "bad"),
    [
        ("learning_rate", [1e-6, 1, 9.99, "auto"], [0, -1, 10, "fast", float("nan"), True]),
        ("val_fraction", [0, 0.5], [-0.01, 0.51, "auto"]),
        ("label_smoothing", [0, 0.99], [1, -0.1]),
        ("layer_decay", [0.01, 1, "auto"], [0, 1.01]),
        ("epochs", [0, 10_000, "auto"], [-1, 10_001, 1.5, "ten", True, None]),
        ("batch_size", [1, 4096, "auto"], [0, 4097, "32"]),
        ("tuned_stages", [1, "auto"], [0, "all"]),
        ("views", [0, 1, 64, "auto"], [-1, 65]),
        ("image_size", [32, 1024, "auto"], [31, 1025, 96.5]),
        ("seed", [0, 2**32 - 1], [-1, 2**32]),
        ("patience", [1], [0]),
        ("warmup_epochs", [0, 0.5, 3, "auto"], [-1, float("inf")]),
        ("solved_head_l2", [1e-9, "auto"], [0, float("inf")]),
        ("head_dropout", [0, 0.9], [1]),
        ("momentum", [0, 0.99], [1]),
        ("horizontal_flip", [True, False, "auto"], [1, "yes"]),
        ("policy", ["deep", "linear-head", "auto", Policy.DEEP], ["depp", 3]),
        ("augmentation", ["none", "strong", "auto"], ["heavy", False]),
        ("weights", [None, "w.h5"], ["", 3]),
        ("optimizer", ["sgd"], ["auto", "lion"]),
        ("batch_norm", ["auto", "frozen"], [True]),
    ],
)
def test_values_outside_of_their_range_are_refused(
    key: str, good: list[Any], bad: list[Any]
) -> None:
    for value in good:
        Recipe.model_validate({key: value})
    for value in bad:
        with pytest.raises(ValidationError):
            Recipe.model_validate({key: value})


def test_fractions_must_leave_images_to_train_on() -> None:
    Recipe(val_fraction=0.4, test_fraction=0.4)
    with pytest.raises(ValidationError, match="leaves enough images to train on"):
        Recipe(val_fraction=0.5, test_fraction=0.4)


def test_a_time_alone_asks_for_the_best_that_fits() -> None:
    assert Recipe().prefer == "balanced"
    assert Recipe(seconds=60).prefer == "accurate"
    assert Recipe(seconds=60, prefer="balanced").prefer == "balanced"


def test_a_recipe_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        Recipe().epochs = 3  # type: ignore[misc]
