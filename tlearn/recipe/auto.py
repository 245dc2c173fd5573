"""What `auto` becomes: one table of policies and pure functions of the data's size.

In the manner of BiT-HyperRule: few pictures get more epochs and many get fewer, so that the number
of steps stays alike.

References:
    Kolesnikov et al. 2020, Big Transfer (arXiv 1912.11370). We use Adam, a cosine and lower rates
    for earlier stages, where they use SGD, three drops and one rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from tlearn.recipe.schema import AUTO, Recipe
from tlearn.suggestion.matrix import Evidence, textbook_policy


@dataclass(frozen=True)
class Rule:
    """How a policy trains when the recipe leaves it open.

    Attributes:
        tuned_stages: Stages tuned, from the output; None tunes all.
        learning_rate: Peak rate of the head under Adam.
        layer_decay: Factor on the rate for each stage away from the head.
        images_seen: Pictures shown in the whole training; an epoch shows each once.
        epochs: Fewest and most epochs, whatever `images_seen` says.
        augmentation: Name of the augmentation policy.
    """

    tuned_stages: int | None
    learning_rate: float
    layer_decay: float
    images_seen: int
    epochs: tuple[int, int]
    augmentation: str


RULES = {
    "linear_head": Rule(0, 1e-3, 1.0, 0, (0, 0), "none"),
    "top_stages": Rule(2, 5e-4, 0.7, 12_000, (5, 10), "light"),
    "deep": Rule(None, 5e-4, 0.75, 12_000, (5, 10), "light"),
    "from_scratch": Rule(None, 1e-3, 1.0, 100_000, (30, 60), "medium"),
}
VIEWS_BY_SIZE = ((2_000, 4), (math.inf, 2))
"""Stored views of a picture, by training pictures: up to, and without, each limit."""

GRADIENT_ONLY = ("head_dropout", "head_l1", "trained_head_l2", "head_max_norm", "label_smoothing")
"""What the convex solver cannot do: a head that asks for it is trained by steps once solved."""

STEPWISE_EPOCHS = 20
FULL_BATCH = 32
WARMUP_SHARE = 0.1
# The steps of Adam and its kin do not shrink with the gradient, those of sgd and adagrad do.
RATE_FACTOR = {"adam": 1.0, "adamw": 1.0, "rmsprop": 1.0, "sgd": 10.0, "adagrad": 10.0}


def settle(
    recipe: Recipe, n_train: int, n_classes: int, n_stages: int
) -> tuple[dict[str, Any], dict[str, str]]:
    """Settle every key that depends on the policy and on the size of the data.

    Args:
        recipe: What was asked.
        n_train: Training pictures.
        n_classes: Classes.
        n_stages: Stages of the backbone.

    Returns:
        The settled values, and the reason for each that was open.
    """
    values: dict[str, Any] = {}
    reasons: dict[str, str] = {}

    def resolve(key: str, rule: Any, reason: str) -> Any:
        values[key] = getattr(recipe, key)
        if values[key] == AUTO:
            values[key], reasons[key] = rule, reason
        return values[key]

    size = f"{n_train} training pictures"
    policy = resolve("policy", *_policy(n_train, n_classes))
    rule, scratch = RULES[policy], policy == "from_scratch"
    most = n_stages if rule.tuned_stages is None else min(rule.tuned_stages, n_stages)
    tuned = resolve("tuned_stages", most, f"{policy}, on a backbone of {n_stages} stages")
    epochs = resolve("epochs", *_epochs(recipe, policy, n_train))
    rate = rule.learning_rate * RATE_FACTOR[recipe.optimizer] if epochs else 0.0
    resolve("learning_rate", rate, f"{policy} with {recipe.optimizer}" if epochs else "no steps")
    resolve("layer_decay", rule.layer_decay, policy)
    resolve("warmup_epochs", epochs * WARMUP_SHARE, f"{WARMUP_SHARE:.0%} of the epochs")
    resolve("batch_size", batch_size_for(n_train), size)
    augmented = resolve("augmentation", rule.augmentation, policy) != "none"
    if augmented and tuned < n_stages:
        resolve("views", views_for(n_train), f"{size}, stored once for all epochs")
    elif augmented:
        resolve("views", 0, "augmented anew each epoch")
    else:
        resolve("views", 1, "no augmentation")
    resolve("batch_norm", "trained" if scratch else "frozen", policy)
    resolve("solved_head_l2", None, "no solved head" if scratch else "chosen by cross-validation")
    return values, reasons


def epochs_for(rule: Rule, n_train: int) -> int:
    """Epochs that show about `rule.images_seen` pictures, within the rule's limits."""
    fewest, most = rule.epochs
    return min(max(math.ceil(rule.images_seen / n_train), fewest), most)


def batch_size_for(n_train: int) -> int:
    """The full batch, or the largest power of two that makes two steps an epoch."""
    return min(FULL_BATCH, 2 ** int(math.log2(max(n_train // 2, 1))))


def views_for(n_train: int) -> int:
    """Stored views a picture: with many pictures fewer are needed, and they take more disk."""
    return next(views for limit, views in VIEWS_BY_SIZE if n_train < limit)


def _first_read(head_stages: str, n_stages: int) -> int:
    """Number of the first stage that a head reads."""
    return int(head_stages.split(",")[0]) if "," in head_stages else n_stages


def find_contradictions(values: dict[str, Any], asked: Recipe, n_stages: int) -> list[str]:
    """Keys that are each allowed and cannot hold together, one sentence each.

    Args:
        values: Settled values.
        asked: The recipe they were settled from.
        n_stages: Stages of the backbone.
    """
    policy, tuned, epochs = (values[key] for key in ("policy", "tuned_stages", "epochs"))
    head_only, scratch = policy == "linear_head", policy == "from_scratch"
    warmup = values["warmup_epochs"]
    checks = (
        (head_only and tuned > 0, f"tuned_stages {tuned}: linear_head tunes none"),
        (
            head_only and epochs > 0 and "," in asked.head_stages,
            f"head_stages {asked.head_stages}: a head that is trained by steps reads one stage",
        ),
        (
            0 < tuned < n_stages - _first_read(asked.head_stages, n_stages),
            f"tuned_stages {tuned}: begin after stage {_first_read(asked.head_stages, n_stages)}, "
            "which the head reads",
        ),
        (tuned > n_stages, f"tuned_stages {tuned}: this backbone has {n_stages} stages"),
        (scratch and tuned < n_stages, f"tuned_stages {tuned}: from_scratch trains {n_stages}"),
        (not head_only and epochs == 0, f"epochs 0: {policy} has to train"),
        (0 < epochs <= warmup, f"warmup_epochs {warmup:g}: longer than the {epochs} epochs"),
        (
            scratch and values["batch_norm"] == "frozen",
            "batch_norm frozen: from_scratch has no statistics to keep",
        ),
        (
            head_only and not epochs and not values["views"],
            "views 0: a solved head needs stored views",
        ),
        (scratch and asked.weights is not None, "weights: from_scratch starts without any"),
    )
    return [error for wrong, error in checks if wrong]


def _policy(n_train: int, n_classes: int) -> tuple[str, str]:
    """The matrix's answer for pictures like the source: the cautious column."""
    words = "assumed; tlearn suggest measures it"
    suggestion = textbook_policy(Evidence(n_train, n_classes, 1.0, words))
    return str(suggestion.policy), "; ".join(suggestion.reasons)


def _epochs(recipe: Recipe, policy: str, n_train: int) -> tuple[int, str]:
    trained_by_gradient = [key for key in GRADIENT_ONLY if getattr(recipe, key)]
    if policy == "linear_head" and trained_by_gradient:
        return (
            STEPWISE_EPOCHS,
            f"{', '.join(trained_by_gradient)}: only a head trained by steps has it",
        )
    if policy == "linear_head":
        return 0, "the head is solved, not trained"
    rule = RULES[policy]
    wanted = f"{rule.images_seen / n_train:.3g} epochs show {rule.images_seen:,} pictures"
    return epochs_for(rule, n_train), f"{wanted}; kept from {rule.epochs[0]} to {rule.epochs[1]}"
