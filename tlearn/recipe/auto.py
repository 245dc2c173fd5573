"""The values that `auto` stands for: one table of policies, and functions of the size of the data.

As in BiT-HyperRule, few images get more epochs and many get fewer, so that the number of steps
stays about the same.

References:
    Kolesnikov et al. 2020, Big Transfer (arXiv 1912.11370). We use Adam, a cosine and lower rates
    for earlier stages, where they use SGD, three drops and one rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from tlearn.recipe.schema import AUTO, Recipe
from tlearn.suggestion.matrix import Evidence, Policy, textbook_policy


@dataclass(frozen=True)
class Rule:
    """How a policy trains where the recipe leaves it open.

    Attributes:
        tuned_stages: Stages tuned, counted from the output; None tunes all.
        learning_rate: Peak learning rate of the head under Adam.
        layer_decay: Factor on the learning rate for each stage away from the head.
        images_seen: Images seen in the whole training, counting repetitions.
        epochs: Fewest and most epochs, whatever `images_seen` implies.
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
"""Stored views of an image, by the number of training images: each up to and excluding a limit."""

GRADIENT_ONLY = ("head_dropout", "head_l1", "trained_head_l2", "head_max_norm", "label_smoothing")
"""Options that the solver does not support; such heads are trained by gradient after solving."""

GRADIENT_HEAD_EPOCHS = 20
FULL_BATCH = 32
WARMUP_SHARE = 0.1
# The steps of Adam and RMSprop do not shrink with the gradient, those of SGD and Adagrad do.
RATE_FACTOR = {"adam": 1.0, "adamw": 1.0, "rmsprop": 1.0, "sgd": 10.0, "adagrad": 10.0}


def resolve_auto(
    recipe: Recipe, n_train: int, n_classes: int, n_stages: int
) -> tuple[dict[str, Any], dict[str, str]]:
    """Resolve every key that depends on the policy and on the size of the data.

    Args:
        recipe: What was asked for.
        n_train: Training images.
        n_classes: Classes.
        n_stages: Stages of the backbone.

    Returns:
        The values of these keys, and the reason for each that was open.
    """
    values: dict[str, Any] = {}
    reasons: dict[str, str] = {}

    def resolve(key: str, default: Any, reason: str) -> Any:
        values[key] = getattr(recipe, key)
        if values[key] == AUTO:
            values[key], reasons[key] = default, reason
        return values[key]

    policy = resolve("policy", *_policy(n_train, n_classes))
    rule, scratch, name = RULES[policy], policy == "from_scratch", _label(policy)
    usual, size = f"usual for {name}", f"for {n_train} training images"
    most = n_stages if rule.tuned_stages is None else min(rule.tuned_stages, n_stages)
    tuned = resolve("tuned_stages", most, f"{usual}, on a backbone of {n_stages} stages")
    epochs = resolve("epochs", *_epochs(recipe, policy, n_train))
    rate = rule.learning_rate * RATE_FACTOR[recipe.optimizer] if epochs else 0.0
    rate_reason = f"{usual} with {recipe.optimizer}" if epochs else "no gradient steps"
    resolve("learning_rate", rate, rate_reason)
    resolve("layer_decay", rule.layer_decay, usual)
    resolve("warmup_epochs", epochs * WARMUP_SHARE, f"{WARMUP_SHARE:.0%} of the epochs")
    resolve("batch_size", batch_size_for(n_train), size)
    resolve("horizontal_flip", True, "usual: most mirror images show the same class")
    augmented = resolve("augmentation", rule.augmentation, usual) != "none"
    if augmented and tuned < n_stages:
        resolve("views", views_for(n_train), f"{size}, stored once for all epochs")
    elif augmented:
        resolve("views", 0, "nothing is frozen: augmented anew in each epoch")
    else:
        resolve("views", 1, "no augmentation")
    resolve("batch_norm", "trained" if scratch else "frozen", usual)
    resolve("solved_head_l2", None, "no solved head" if scratch else "chosen by cross-validation")
    return values, reasons


def epochs_for(rule: Rule, n_train: int) -> int:
    """Return the epochs that show about `rule.images_seen` images, within the rule's limits."""
    fewest, most = rule.epochs
    return min(max(math.ceil(rule.images_seen / n_train), fewest), most)


def batch_size_for(n_train: int) -> int:
    """Return the full batch size, or the largest power of two that gives two steps an epoch."""
    return min(FULL_BATCH, 2 ** int(math.log2(max(n_train // 2, 1))))


def views_for(n_train: int) -> int:
    """Return the stored views per image: with many images fewer are needed, and disk is dearer."""
    return next(views for limit, views in VIEWS_BY_SIZE if n_train < limit)


def find_contradictions(
    values: dict[str, Any], recipe: Recipe, n_stages: int, joined: bool = False
) -> list[str]:
    """Return a sentence for each key that is allowed by itself but contradicts another.

    Args:
        values: From `resolve_auto`.
        recipe: The recipe they were resolved from.
        n_stages: Stages of the backbone.
        joined: Whether it is several networks side by side.
    """
    policy, tuned, epochs = (values[key] for key in ("policy", "tuned_stages", "epochs"))
    head_only, scratch, name = policy == "linear_head", policy == "from_scratch", _label(policy)
    warmup = values["warmup_epochs"]
    after_first = n_stages - _first_stage_read(recipe.head_stages, n_stages)
    if joined and (not head_only or tuned or epochs):
        asked = f"epochs {epochs}" if head_only else f"policy {name}"
        return [
            f"{asked}: networks side by side have no common stages to tune; their head is solved, "
            "and tlearn distill brings them down to one network"
        ]
    checks = (
        (head_only and tuned > 0, f"tuned_stages {tuned}: {name} tunes none"),
        (
            head_only and epochs > 0 and "," in recipe.head_stages,
            f"head_stages {recipe.head_stages}: a head that is trained by gradient reads one stage",
        ),
        (
            0 < tuned < after_first,
            f"tuned_stages {tuned}: all {after_first} stages after the first one that the head "
            "reads have to be tuned",
        ),
        (tuned > n_stages, f"tuned_stages {tuned}: there are only {n_stages} stages"),
        (scratch and tuned < n_stages, f"tuned_stages {tuned}: {name} trains all {n_stages}"),
        (not head_only and epochs == 0, f"epochs 0: {name} needs at least 1"),
        (
            recipe.seconds is not None and recipe.epochs != AUTO,
            "epochs (--epochs) and seconds (--for) are both set, and each decides how long to "
            "train: leave one out",
        ),
        (0 < epochs <= warmup, f"warmup_epochs {warmup:g}: must be less than epochs, {epochs}"),
        (
            scratch and values["batch_norm"] == "frozen",
            f"batch_norm frozen: {name} has no statistics to keep",
        ),
        (
            head_only and not epochs and not values["views"],
            "views 0: a solved head needs stored views",
        ),
        (scratch and recipe.weights is not None, f"weights: {name} starts without any"),
    )
    return [error for contradicted, error in checks if contradicted]


def _first_stage_read(head_stages: str, n_stages: int) -> int:
    return int(head_stages.split(",")[0]) if "," in head_stages else n_stages


def _label(policy: str) -> str:
    return Policy(policy).label


def _policy(n_train: int, n_classes: int) -> tuple[str, str]:
    """Return the matrix's policy for similar images, the cautious column, and why."""
    assumption = "assumed; to measure it: tlearn suggest FOLDER"
    suggestion = textbook_policy(Evidence(n_train, n_classes, 1.0, assumption))
    return str(suggestion.policy), "; ".join(suggestion.reasons)


def _epochs(recipe: Recipe, policy: str, n_train: int) -> tuple[int, str]:
    options = [key for key in GRADIENT_ONLY if getattr(recipe, key)]
    if policy == "linear_head" and options:
        return GRADIENT_HEAD_EPOCHS, f"the solver does not support {', '.join(options)}"
    if policy == "linear_head":
        return 0, "the head is solved, not trained"
    rule = RULES[policy]
    passes = f"{rule.images_seen:,} images are {rule.images_seen / n_train:.3g} epochs"
    return epochs_for(rule, n_train), f"{passes}, limited to {rule.epochs[0]} to {rule.epochs[1]}"
