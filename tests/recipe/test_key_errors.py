"""What is wrong with a recipe, in sentences."""

from __future__ import annotations

import pytest

from tlearn.recipe.key_errors import allowed_values, find_errors


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("epochs", "auto, or a whole number >= 0 and <= 10000"),
        ("learning_rate", "auto, or a number > 0 and < 10"),
        ("resize", "one of squash, crop, pad"),
        ("policy", "one of auto, linear-head, top-stages, deep, from-scratch"),
        ("horizontal_flip", "auto, or true or false"),
        ("class_weights", "true or false"),
        ("weights", "text, or null"),
        ("seed", "a whole number >= 0 and < 4294967296"),
    ],
)
def test_allowed_values_are_described_in_words(key: str, text: str) -> None:
    assert allowed_values(key) == text


def test_errors_name_the_nearest_key_or_value_in_the_order_given() -> None:
    values = {
        "epoch": 3,
        "lr": 0.1,
        "policy": "linearhead",
        "augmentation": "meduim",
        "seed": 1,
        "batch_size": None,
        "patience": True,
        "zzz": 1,
    }
    assert find_errors(values, lambda key: f"{key}: ") == [
        "epoch: no such key; did you mean 'epochs'?",
        "lr: no such key; did you mean 'learning_rate'?",
        "policy: 'linearhead' is not allowed; did you mean 'linear-head'?",
        "augmentation: 'meduim' is not allowed; did you mean 'medium'?",
        "batch_size: has no value; expected auto, or a whole number >= 1 and <= 4096",
        "patience: true is not allowed; expected a whole number >= 1",
        "zzz: no such key",
    ]
