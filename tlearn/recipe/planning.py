"""From a recipe to a plan: every key that was left open gets a value."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from tlearn.data.high_depth import GrayRange, format_range
from tlearn.data.manifest import SplitManifest
from tlearn.data.targets import CLASSES, ONE_CLASS
from tlearn.errors import RecipeError
from tlearn.recipe.auto import find_contradictions, resolve_auto
from tlearn.recipe.loading import Resolved
from tlearn.recipe.plan import (
    FLAT_KEYS,
    READ_ON,
    BackbonePlan,
    HeadPlan,
    ImagesPlan,
    Plan,
    SplitPlan,
    StagePlan,
    TrainingPlan,
)
from tlearn.recipe.schema import AUTO, LAST, Recipe

if TYPE_CHECKING:
    from tlearn.features.extractor import StageInfo

HEAD = "head"
_Group = TypeVar("_Group")


@dataclass(frozen=True)
class BackboneInfo:
    """What a plan needs to know of a backbone.

    Attributes:
        name: Name in the catalog, or a file.
        image_size: Side of the images it is best at, in pixels.
        fingerprint: Identifies what it computes.
        reason: Why it was chosen, where nobody named it.
    """

    name: str
    image_size: int
    fingerprint: str
    reason: str = ""


@dataclass(frozen=True)
class SplitCounts:
    """What a plan needs to know of a split.

    Attributes:
        classes: Names of what the model answers: classes, labels, or that of a number.
        n_train: Training images.
        n_val: Validation images.
        n_test: Test images.
        folds: Number of folds where cross-validation replaces the validation split; otherwise 0.
        gray_range: Values that became black and white in images of more than 8 bits; None where
            there are none, or each has its own.
        task: What is learned of an image, see `targets`.
    """

    classes: tuple[str, ...]
    n_train: int
    n_val: int
    n_test: int
    folds: int = 0
    gray_range: str | None = None
    task: str = CLASSES

    @classmethod
    def of(
        cls,
        manifest: SplitManifest,
        gray_range: GrayRange | None,
        outputs: Sequence[str] = (),
        task: str = CLASSES,
    ) -> SplitCounts:
        """Count the images of a split."""
        n_train, n_val, n_test = (manifest.count(split) for split in ("train", "val", "test"))
        shown = format_range(gray_range) if gray_range else None
        names = tuple(outputs) or manifest.classes
        return cls(names, n_train, n_val, n_test, manifest.folds, shown, task)


def make_plan(
    resolved: Resolved, data: SplitCounts, backbone: BackboneInfo, stages: Sequence[StageInfo]
) -> Plan:
    """Return the plan of a recipe, with a value for every key that is still open.

    Args:
        resolved: The recipe and where its values came from.
        data: Classes and counts of the split.
        backbone: Name, preferred size and fingerprint of the backbone.
        stages: Its stages, input to output, without a head.

    Raises:
        RecipeError: With all keys that contradict each other or the backbone.
    """
    recipe = resolved.recipe
    joined = stages[0].joined
    if data.task == ONE_CLASS and recipe.policy != "linear_head":
        raise RecipeError(
            f"policy {recipe.policy}: what good images are like is measured on a frozen network",
            "leave it open, or: --policy linear-head",
        )
    numbers = _stage_numbers(recipe.head_stages, len(stages), joined)
    kept_stages = stages[: numbers[-1]]
    automatic, reasons = resolve_auto(recipe, data.n_train, len(data.classes), len(kept_stages))
    if errors := find_contradictions(automatic, recipe, len(kept_stages), joined):
        other = (
            "name a single backbone: --backbone" if joined else "choose another policy: --policy"
        )
        anew = "leave these keys out, have them chosen anew (--set KEY=auto)"
        raise RecipeError(errors, f"{anew}, or {other} NAME")
    tuned = automatic["tuned_stages"]
    values = recipe.model_dump() | automatic
    values |= {
        "head_stages": numbers,
        "backbone": backbone.name,
        "fingerprint": _fingerprint(backbone, numbers, len(stages)),
        "image_size": image_size_for(recipe, backbone.image_size),
        "first_trained_stage": len(kept_stages) - tuned if tuned else None,
        "steps_per_epoch": math.ceil(data.n_train / automatic["batch_size"]),
        "classes": tuple(data.classes),
        "gray_range": data.gray_range,
        "order": recipe.class_order,
    }
    values |= {name: int(getattr(data, name)) for name in ("n_train", "n_val", "n_test", "folds")}
    widths = [int(stages[number - 1].width) for number in numbers]
    return Plan(
        policy=values["policy"],
        recipe=resolved.path.name if resolved.path else None,
        seed=values["seed"],
        prefer=values["prefer"],
        task=data.task,
        backbone=_group("backbone", BackbonePlan, values),
        images=_group("images", ImagesPlan, values),
        split=_group("split", SplitPlan, values),
        head=_group("head", HeadPlan, values),
        training=_group("training", TrainingPlan, values),
        stages=_plan_stages(kept_stages, values, (sum(widths) + 1) * len(data.classes)),
        origins=dict(resolved.origins),
        reasons=reasons | _reasons(recipe, backbone, data, joined),
    )


def plan_for_split(plan: Plan, data: SplitCounts, seed: int) -> Plan:
    """Return the same plan for another split of the same images, and another seed."""
    counts = {name: getattr(data, name) for name in ("n_train", "n_val", "n_test", "folds")}
    steps = math.ceil(data.n_train / plan.training.batch_size)
    return replace(
        plan,
        seed=seed,
        split=replace(plan.split, **counts),
        training=replace(plan.training, steps_per_epoch=steps),
    )


def image_size_for(recipe: Recipe, preferred: int) -> int:
    """Return the side of the images; the backbone is loaded at it, before there is a plan."""
    return preferred if recipe.image_size == AUTO else recipe.image_size


def stage_rates(
    learning_rate: float, layer_decay: float, n_stages: int, tuned: int
) -> tuple[float, ...]:
    """Return the peak learning rate of each stage, input to output, and of the head.

        rate = learning_rate * layer_decay ** distance

    The head is at distance 0, the last stage at 1; stages before the `tuned` last ones get 0.
    """
    tuned_rates = [learning_rate * layer_decay**distance for distance in range(tuned, -1, -1)]
    return (*[0.0] * (n_stages - tuned), *tuned_rates)


def _group(name: str, record: type[_Group], values: Mapping[str, Any]) -> _Group:
    keys = {field: key for key, (group, field) in FLAT_KEYS.items() if group == name}
    return record(**{field: values[key] for field, key in keys.items()})


def _fingerprint(backbone: BackboneInfo, numbers: tuple[int, ...], n_stages: int) -> str:
    """Return the fingerprint; a head that reads other stages makes another function of it."""
    if numbers == (n_stages,):
        return backbone.fingerprint
    return backbone.fingerprint + READ_ON + "-".join(map(str, numbers))


def _reasons(
    recipe: Recipe, backbone: BackboneInfo, data: SplitCounts, joined: bool
) -> dict[str, str]:
    reasons = {
        "head_stages": "the last stages of each network"
        if joined
        else "the last stage, whose pooled features are the embedding",
        "image_size": f"the size that {backbone.name} is best at",
        "backbone": backbone.reason,
    }
    if data.gray_range:
        reasons["gray_range"] = "what images of more than 8 bits use in this folder"
    return {key: reasons[key] for key in reasons if getattr(recipe, key) in (AUTO, LAST)}


def _plan_stages(
    stages: Sequence[StageInfo], values: Mapping[str, Any], head_parameters: int
) -> tuple[StagePlan, ...]:
    """Return the stages and the head, with the peak learning rate of each."""
    peak = values["learning_rate"] if values["epochs"] else 0.0
    rates = stage_rates(peak, values["layer_decay"], len(stages), values["tuned_stages"])
    sizes = [int(stage.parameters) for stage in stages]
    sizes[-1] += int(stages[-1].params_after_cut)
    names = [stage.name for stage in stages]
    return tuple(
        StagePlan(name, size, float(f"{rate:.6g}"))
        for name, size, rate in zip([*names, HEAD], [*sizes, head_parameters], rates, strict=True)
    )


def _stage_numbers(head_stages: str, n_stages: int, joined: bool) -> tuple[int, ...]:
    """Return the numbers of the stages that the head reads, ascending."""
    every = tuple(range(1, n_stages + 1))
    if joined and head_stages not in (AUTO, ",".join(map(str, every))):
        raise RecipeError(
            f"head_stages {head_stages}: one head reads the last stages of all networks",
            "leave it out, or name a single backbone: --backbone NAME",
        )
    if joined:
        return every
    if head_stages in (AUTO, LAST):
        return (n_stages,)
    numbers = tuple(sorted({int(number) for number in head_stages.split(",")}))
    if numbers[-1] > n_stages:
        raise RecipeError(
            f"head_stages {head_stages}: this backbone has {n_stages} stages",
            "see how well a head does on each stage: tlearn suggest FOLDER",
        )
    return numbers
