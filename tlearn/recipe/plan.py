"""What will run: every value resolved, grouped by what it governs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Protocol, TypeVar

from tlearn.errors import RecipeError
from tlearn.recipe.auto import find_contradictions, settle
from tlearn.recipe.loading import Resolved
from tlearn.recipe.schema import AUTO, LAST, Recipe

HEAD = "head"
_STRICT: dict[str, Any] = {"extra": "forbid", "allow_inf_nan": False}
_Group = TypeVar("_Group")


@dataclass(frozen=True)
class BackboneInfo:
    """What a backbone says to the plan; `image_size` is the one it prefers, `reason` why it."""

    name: str
    image_size: int
    fingerprint: str
    reason: str = ""


class StageInfo(Protocol):
    """What a stage says to the plan; `tlearn.models.stages.Stage` is one."""

    @property
    def name(self) -> str: ...
    @property
    def parameters(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def params_after_cut(self) -> int: ...


@dataclass(frozen=True)
class SplitCounts:
    """What a split says to the plan; `folds` is 0, or k without a validation split."""

    classes: tuple[str, ...]
    n_train: int
    n_val: int
    n_test: int
    folds: int = 0


@dataclass(frozen=True)
class BackbonePlan:
    """The pretrained network: its name or file, its weights, and what it computes."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    name: str
    weights: str | None
    fingerprint: str


@dataclass(frozen=True)
class ImagesPlan:
    """How an image becomes an input, and how training varies it."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    image_size: int
    resize: str
    horizontal_flip: bool
    augmentation: str
    views: int
    strict: bool
    keep_samples: bool = True  # runs made before there were any say nothing of it


@dataclass(frozen=True)
class SplitPlan:
    """Classes, and the images that train, choose and judge; `folds` as in `SplitCounts`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    classes: tuple[str, ...]
    n_train: int
    n_val: int
    n_test: int
    folds: int
    val_fraction: float
    test_fraction: float


@dataclass(frozen=True)
class HeadPlan:
    """The classifier on top.

    Attributes:
        stages: Numbers from 1 of the stages whose features it reads, ascending.
        solved_l2: L2 penalty of the solved head; None is chosen by cross-validation.
        trained_l2: L2 penalty while it is trained by gradient.
        l1: L1 penalty while it is trained by gradient.
        dropout: Share of the embedding that is hidden at each step.
        max_norm: Longest weight vector of a class; 0 sets no limit.
        class_weights: Whether every class counts the same.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    stages: tuple[int, ...]
    solved_l2: float | None
    trained_l2: float
    l1: float
    dropout: float
    max_norm: float
    class_weights: bool


@dataclass(frozen=True)
class TrainingPlan:
    """How gradient steps are taken.

    Attributes:
        tuned_stages: Stages tuned, counted from the output.
        first_trained_stage: Index into `Plan.stages` of the first stage tuned; None tunes none.
        steps_per_epoch: Batches that show every training image once.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    tuned_stages: int
    first_trained_stage: int | None
    epochs: int
    batch_size: int
    steps_per_epoch: int
    optimizer: str
    learning_rate: float
    layer_decay: float
    weight_decay: float
    momentum: float
    clip_norm: float
    label_smoothing: float
    schedule: str
    warmup_epochs: float
    patience: int
    batch_norm: str
    precision: str


@dataclass(frozen=True)
class StagePlan:
    """A stage and the peak of its learning rate; 0 keeps it as it is."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    name: str
    parameters: int
    learning_rate: float


@dataclass(frozen=True)
class Plan:
    """What will run; nothing in it is left open.

    Attributes:
        policy: How much is trained.
        recipe: Name of the recipe file, None without one.
        seed: Of the split and of training.
        backbone: The pretrained network.
        images: How an image becomes an input.
        split: Classes and counts.
        head: The classifier on top.
        training: How gradient steps are taken.
        stages: Input to output, the head last; stages after those the head reads are cut off.
        origins: Who set each recipe key: "default", "suggestion", "recipe" or "flag".
        reasons: Why each key left open became what it is.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    policy: str
    recipe: str | None
    seed: int
    backbone: BackbonePlan
    images: ImagesPlan
    split: SplitPlan
    head: HeadPlan
    training: TrainingPlan
    stages: tuple[StagePlan, ...]
    origins: dict[str, str]
    reasons: dict[str, str]

    def value(self, key: str) -> Any:
        """Return what a key of the recipe was resolved to."""
        if key == "head_stages":
            return ",".join(map(str, self.head.stages))
        group, name = PLACES[key]
        return getattr(getattr(self, group), name) if group else getattr(self, name)

    def flat(self) -> dict[str, Any]:
        """Return every value under its flat name, without the groups."""
        return {key: self.value(key) for key in PLACES}


def _places() -> dict[str, tuple[str, str]]:
    groups = {
        "backbone": BackbonePlan,
        "images": ImagesPlan,
        "split": SplitPlan,
        "head": HeadPlan,
        "training": TrainingPlan,
    }
    named = {"head": {"class_weights": "class_weights", "solved_l2": "solved_head_l2"}}
    named["head"]["trained_l2"] = "trained_head_l2"
    named["backbone"] = {"name": "backbone", "weights": "weights", "fingerprint": "fingerprint"}
    places = {key: ("", key) for key in ("policy", "recipe", "seed")}
    for group, record in groups.items():
        prefix = "head_" if group == "head" else ""
        for field in fields(record):
            key = named.get(group, {}).get(field.name, prefix + field.name)
            places[key] = (group, field.name)
    return places


PLACES = _places()
"""Flat name of a value, which a key of the recipe has, to its group and its name there."""


def make_plan(
    resolved: Resolved, data: SplitCounts, backbone: BackboneInfo, stages: Sequence[StageInfo]
) -> Plan:
    """Resolve every key that is still open.

    Args:
        resolved: The recipe and where its values came from.
        data: Classes and counts of the split.
        backbone: Name, preferred size and fingerprint of the backbone.
        stages: Its stages, input to output, without a head.

    Raises:
        RecipeError: Every pair of keys that contradict each other or the backbone.
    """
    recipe = resolved.recipe
    numbers = _head_stages(recipe.head_stages, len(stages))
    fingerprint = backbone.fingerprint
    if numbers != (len(stages),):  # another function than that of the whole backbone
        fingerprint += "-on-" + "-".join(map(str, numbers))
    left = stages[: numbers[-1]]
    settled, reasons = settle(recipe, data.n_train, len(data.classes), len(left))
    if errors := find_contradictions(settled, recipe, len(left)):
        raise RecipeError(errors, "Leave these keys out, or choose another policy with --policy.")
    reasons |= _reasons(recipe, backbone)
    tuned = settled["tuned_stages"]
    values = recipe.model_dump() | settled
    values |= {
        "head_stages": numbers,
        "backbone": backbone.name,
        "fingerprint": fingerprint,
        "image_size": image_size_for(recipe, backbone.image_size),
        "first_trained_stage": len(left) - tuned if tuned else None,
        "steps_per_epoch": math.ceil(data.n_train / settled["batch_size"]),
        "classes": tuple(data.classes),
    }
    values |= {name: int(getattr(data, name)) for name in ("n_train", "n_val", "n_test", "folds")}
    widths = [int(stages[number - 1].width) for number in numbers]
    return Plan(
        policy=values["policy"],
        recipe=resolved.path.name if resolved.path else None,
        seed=values["seed"],
        backbone=_group("backbone", BackbonePlan, values),
        images=_group("images", ImagesPlan, values),
        split=_group("split", SplitPlan, values),
        head=_group("head", HeadPlan, values),
        training=_group("training", TrainingPlan, values),
        stages=_stages(left, values, (sum(widths) + 1) * len(data.classes)),
        origins=dict(resolved.origins),
        reasons=reasons,
    )


def _group(name: str, record: type[_Group], values: Mapping[str, Any]) -> _Group:
    of_group = {place[1]: key for key, place in PLACES.items() if place[0] == name}
    return record(**{field: values[key] for field, key in of_group.items()})


def _reasons(recipe: Recipe, backbone: BackboneInfo) -> dict[str, str]:
    reasons = {
        "head_stages": "the embedding, which the last stage gives",
        "image_size": f"the size {backbone.name} is best at",
        "backbone": backbone.reason,
    }
    return {key: reasons[key] for key in reasons if getattr(recipe, key) in (AUTO, LAST)}


def _stages(
    stages: Sequence[StageInfo], values: Mapping[str, Any], head_parameters: int
) -> tuple[StagePlan, ...]:
    """Return the stages that are left and the head, with the peak rate of each."""
    peak = values["learning_rate"] if values["epochs"] else 0.0
    rates = stage_rates(peak, values["layer_decay"], len(stages), values["tuned_stages"])
    sizes = [int(stage.parameters) for stage in stages]
    sizes[-1] += int(stages[-1].params_after_cut)
    names = [stage.name for stage in stages]
    return tuple(
        StagePlan(name, size, float(f"{rate:.6g}"))
        for name, size, rate in zip([*names, HEAD], [*sizes, head_parameters], rates, strict=True)
    )


def _head_stages(head_stages: str, n_stages: int) -> tuple[int, ...]:
    if head_stages in (AUTO, LAST):
        return (n_stages,)
    numbers = tuple(sorted({int(number) for number in head_stages.split(",")}))
    if numbers[-1] > n_stages:
        raise RecipeError(
            f"head_stages {head_stages}: this backbone has {n_stages} stages",
            "`tlearn suggest FOLDER` shows them, and how well a head does on each.",
        )
    return numbers


def image_size_for(recipe: Recipe, preferred: int) -> int:
    """Return the side of the images; known before the plan, for the backbone is loaded at it."""
    return preferred if recipe.image_size == AUTO else recipe.image_size


def stage_rates(
    learning_rate: float, layer_decay: float, n_stages: int, tuned: int
) -> tuple[float, ...]:
    """Return the peak rate of each stage, input to output, and of the head.

        rate = learning_rate * layer_decay ** distance

    The head is at distance 0, the last stage at 1; stages before the `tuned` last ones get 0.
    """
    tuned_rates = [learning_rate * layer_decay**distance for distance in range(tuned, -1, -1)]
    return (*[0.0] * (n_stages - tuned), *tuned_rates)
