"""The rules behind `auto`, on both sides of each threshold."""

from __future__ import annotations

from typing import Any

import pytest

from tlearn.recipe.auto import (
    RULES,
    batch_size_for,
    epochs_for,
    find_contradictions,
    resolve_auto,
    views_for,
)
from tlearn.recipe.schema import POLICIES, Recipe
from tlearn.suggestion.matrix import LITTLE


def resolved(n_train: int = 500, n_stages: int = 5, n_classes: int = 2, **keys: Any) -> Any:
    return resolve_auto(Recipe(**keys), n_train, n_classes, n_stages)[0]


def test_every_policy_has_a_rule_with_a_known_augmentation() -> None:
    assert tuple(RULES) == POLICIES
    for rule in RULES.values():
        assert Recipe.model_validate({"augmentation": rule.augmentation}).augmentation != "auto"


@pytest.mark.parametrize(
    ("n_train", "size"),
    [(1, 1), (3, 1), (4, 2), (15, 4), (16, 8), (32, 16), (63, 16), (64, 32), (10**6, 32)],
)
def test_batch_size(n_train: int, size: int) -> None:
    assert batch_size_for(n_train) == size


@pytest.mark.parametrize("policy", ["top_stages", "deep", "from_scratch"])
def test_epochs_fall_with_the_number_of_images(policy: str) -> None:
    rule = RULES[policy]
    fewest, most = rule.epochs
    last_with_most = rule.images_seen // (most - 1)
    assert epochs_for(rule, 1) == epochs_for(rule, last_with_most - 1) == most
    assert epochs_for(rule, last_with_most + 1) == most - 1
    first_with_fewest = -(-rule.images_seen // fewest)
    assert epochs_for(rule, first_with_fewest) == epochs_for(rule, 10**7) == fewest
    assert epochs_for(rule, first_with_fewest - 1 - fewest) >= fewest


@pytest.mark.parametrize(("n_train", "views"), [(1, 4), (1_999, 4), (2_000, 2), (10**6, 2)])
def test_more_images_need_fewer_stored_views(n_train: int, views: int) -> None:
    assert views_for(n_train) == views
    assert resolved(n_train, policy="top_stages")["views"] == views


@pytest.mark.parametrize(
    ("keys", "views"),
    [
        ({"policy": "linear_head"}, 1),
        ({"policy": "linear_head", "augmentation": "light"}, 4),
        ({"policy": "top_stages", "augmentation": "none"}, 1),
        ({"policy": "top_stages", "views": 7}, 7),
        ({"policy": "deep"}, 0),
        ({"policy": "deep", "tuned_stages": 4}, 4),
        ({"policy": "top_stages", "tuned_stages": 5}, 0),
    ],
)
def test_views_are_stored_where_the_first_stages_are_frozen(
    keys: dict[str, Any], views: int
) -> None:
    assert resolved(**keys)["views"] == views


@pytest.mark.parametrize(
    ("policy", "n_stages", "tuned"),
    [
        ("linear_head", 5, 0),
        ("top_stages", 5, 2),
        ("top_stages", 1, 1),
        ("deep", 5, 5),
        ("from_scratch", 7, 7),
    ],
)
def test_tuned_stages(policy: str, n_stages: int, tuned: int) -> None:
    assert resolved(policy=policy, n_stages=n_stages)["tuned_stages"] == tuned


def test_only_from_scratch_trains_batch_norm_unasked() -> None:
    modes = {policy: resolved(policy=policy)["batch_norm"] for policy in POLICIES}
    assert [policy for policy in POLICIES if modes[policy] == "trained"] == ["from_scratch"]
    assert resolved(policy="deep", batch_norm="trained")["batch_norm"] == "trained"


def test_sgd_takes_larger_steps_than_adam() -> None:
    adam, sgd = (resolved(policy="deep", optimizer=o)["learning_rate"] for o in ("adam", "sgd"))
    assert sgd == pytest.approx(10 * adam)


@pytest.mark.parametrize("key", ["head_dropout", "head_l1", "trained_head_l2", "head_max_norm"])
def test_a_head_is_trained_by_gradient_only_for_what_the_solver_lacks(key: str) -> None:
    solved = resolved(policy="linear_head")
    assert (solved["epochs"], solved["learning_rate"]) == (0, 0.0)
    values, reasons = resolve_auto(Recipe(policy="linear_head", **{key: 0.5}), 500, 2, 5)
    assert values["epochs"] > 0 < values["learning_rate"]
    assert key in reasons["epochs"]


def test_without_policy_or_suggestion_the_matrix_decides() -> None:
    n = LITTLE
    assert resolved(n - 1, n_classes=3)["policy"] == "linear_head"
    assert resolved(n, n_classes=3)["policy"] == "top_stages"


def test_every_open_key_gets_a_reason_and_no_other() -> None:
    recipe = Recipe(policy="deep", epochs=3)
    values, reasons = resolve_auto(recipe, 500, 2, 5)
    left_open = {key for key in values if getattr(recipe, key) == "auto"}
    assert set(reasons) == left_open
    assert all(reasons.values())
    assert not any("_" in reason for reason in reasons.values())


@pytest.mark.parametrize(
    ("keys", "error"),
    [
        ({"policy": "linear_head", "tuned_stages": 1}, "tuned_stages 1: linear-head tunes none"),
        ({"policy": "deep", "tuned_stages": 6}, "tuned_stages 6: there are only 5 stages"),
        (
            {"policy": "from_scratch", "tuned_stages": 4},
            "tuned_stages 4: from-scratch trains all 5",
        ),
        ({"policy": "deep", "epochs": 0}, "epochs 0: deep needs at least 1"),
        (
            {"policy": "deep", "epochs": 4, "warmup_epochs": 4},
            "warmup_epochs 4: must be less than epochs, 4",
        ),
        (
            {"policy": "from_scratch", "batch_norm": "frozen"},
            "batch_norm frozen: from-scratch has no statistics to keep",
        ),
        ({"policy": "linear_head", "views": 0}, "views 0: a solved head needs stored views"),
        (
            {"policy": "from_scratch", "weights": "w.h5"},
            "weights: from-scratch starts without any",
        ),
    ],
)
def test_contradictions_are_named(keys: dict[str, Any], error: str) -> None:
    assert find_contradictions(resolved(**keys), Recipe(**keys), 5) == [error]


@pytest.mark.parametrize(
    "keys",
    [
        {"policy": "linear_head", "epochs": 0},
        {"policy": "linear_head", "warmup_epochs": 2},
        {"policy": "deep", "tuned_stages": 5, "epochs": 1},
        {"policy": "deep", "epochs": 4, "warmup_epochs": 3.9},
        {"policy": "from_scratch", "tuned_stages": 5},
    ],
)
def test_keys_that_do_not_contradict_each_other(keys: dict[str, Any]) -> None:
    assert find_contradictions(resolved(**keys), Recipe(**keys), 5) == []
