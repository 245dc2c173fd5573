"""What will run: every value settled, and a file that repeats it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Protocol

from tlearn.errors import RecipeError
from tlearn.recipe.auto import find_contradictions, settle
from tlearn.recipe.loading import Resolved, dump_yaml, read_yaml
from tlearn.recipe.schema import AUTO, LAST, Recipe, nearest

MAX_PLAN_BYTES = 50_000_000  # every class name stands in it
HEAD = "head"


@dataclass(frozen=True)
class SplitCounts:
    """What a split says to the plan; `folds` is 0, or k without a validation part."""

    classes: tuple[str, ...]
    n_train: int
    n_val: int
    n_test: int
    folds: int = 0


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
    def beyond(self) -> int: ...


@dataclass(frozen=True)
class StagePlan:
    """A stage and the peak of its learning rate; 0 keeps it as it is."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    name: str
    parameters: int
    learning_rate: float


@dataclass(frozen=True)
class Plan:
    """What will run.

    The keys of `Recipe` stand here under the same names, settled. A `head_penalty` of None is
    chosen by cross-validation while the head is solved.

    Attributes:
        recipe: Name of the recipe file, None without one.
        fingerprint: Of the backbone and its weights.
        stages: Input to output, the head last; stages after those in `head_on` are cut off.
        first_trained_stage: Index into `stages` of the first stage tuned; None tunes none.
        steps_per_epoch: Batches that show every training picture once.
        origins: Who set each recipe key: "default", "suggestion", "recipe" or "flag".
        reasons: Why each key left open became what it is.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "allow_inf_nan": False}

    policy: str
    recipe: str | None
    backbone: str
    weights: str | None
    fingerprint: str
    image_size: int
    resize: str
    mirror: bool
    strict: bool
    seed: int
    val_fraction: float
    test_fraction: float
    n_train: int
    n_val: int
    n_test: int
    folds: int
    augmentation: str
    views: int
    class_weights: bool
    head_penalty: float | None
    head_dropout: float
    head_l1: float
    head_l2: float
    head_max_norm: float
    label_smoothing: float
    head_on: str
    tuned_stages: int
    first_trained_stage: int | None
    optimizer: str
    learning_rate: float
    layer_decay: float
    weight_decay: float
    momentum: float
    clip_norm: float
    schedule: str
    warmup_epochs: float
    epochs: int
    batch_size: int
    steps_per_epoch: int
    patience: int
    batch_norm: str
    precision: str
    stages: tuple[StagePlan, ...]
    classes: tuple[str, ...]
    origins: dict[str, str]
    reasons: dict[str, str]
    keep_samples: bool = True  # runs made before there were any say nothing of it

    @property
    def head_stages(self) -> tuple[int, ...]:
        """Numbers from 1 of the stages whose features the head reads, ascending."""
        return tuple(int(number) for number in self.head_on.split(","))


def make_plan(
    resolved: Resolved, data: SplitCounts, backbone: BackboneInfo, stages: Sequence[StageInfo]
) -> Plan:
    """Settle every key that is still open.

    Args:
        resolved: The recipe and where its values came from.
        data: Classes and counts of the split.
        backbone: Name, preferred size and fingerprint of the backbone.
        stages: Its stages, input to output, without a head.

    Raises:
        RecipeError: Every pair of keys that contradict each other or the backbone.
    """
    recipe = resolved.recipe
    numbers = _head_stages(recipe.head_on, len(stages))
    widths = [int(stages[number - 1].width) for number in numbers]
    whole, stages = len(stages), stages[: numbers[-1]]
    settled, reasons = settle(recipe, data.n_train, len(data.classes), len(stages))
    settled["head_on"] = ",".join(map(str, numbers))
    if recipe.head_on in (AUTO, LAST):
        reasons["head_on"] = "the embedding, which the last stage gives"
    if errors := find_contradictions(settled, recipe, len(stages)):
        raise RecipeError(errors, "Leave these keys out, or choose another policy with --policy.")
    if recipe.image_size == AUTO:
        reasons["image_size"] = f"the size {backbone.name} is best at"
    if recipe.backbone == AUTO:
        reasons["backbone"] = backbone.reason
    values = recipe.model_dump() | settled
    values |= {name: int(getattr(data, name)) for name in ("n_train", "n_val", "n_test", "folds")}
    values |= {
        "recipe": resolved.path.name if resolved.path else None,
        "classes": tuple(data.classes),
    }
    fingerprint = backbone.fingerprint
    if numbers != [whole]:  # another function than that of the whole backbone
        fingerprint += "-on-" + "-".join(map(str, numbers))
    values |= {"backbone": backbone.name, "fingerprint": fingerprint}
    values |= {"image_size": image_size_for(recipe, backbone.image_size)}
    peak = values["learning_rate"] if values["epochs"] else 0.0
    tuned = values["tuned_stages"]
    rates = stage_rates(peak, values["layer_decay"], len(stages), tuned)
    head = (sum(widths) + 1) * len(data.classes)
    parts = [(stage.name, int(stage.parameters)) for stage in stages] + [(HEAD, head)]
    parts[-2] = (stages[-1].name, int(stages[-1].parameters + stages[-1].beyond))
    return Plan(
        **values,
        first_trained_stage=len(stages) - tuned if tuned else None,
        steps_per_epoch=math.ceil(data.n_train / values["batch_size"]),
        stages=tuple(
            StagePlan(*part, float(f"{rate:.6g}")) for part, rate in zip(parts, rates, strict=True)
        ),
        origins=dict(resolved.origins),
        reasons=reasons,
    )


def _head_stages(head_on: str, n_stages: int) -> list[int]:
    if head_on in (AUTO, LAST):
        return [n_stages]
    numbers = sorted({int(number) for number in head_on.split(",")})
    if numbers[-1] > n_stages:
        raise RecipeError(
            f"head_on {head_on}: this backbone has {n_stages} stages",
            "`tlearn suggest FOLDER` shows them, and how well a head does on each.",
        )
    return numbers


def image_size_for(recipe: Recipe, preferred: int) -> int:
    """Side of the pictures; known before the plan, since the backbone is loaded at that size."""
    return preferred if recipe.image_size == AUTO else recipe.image_size


def stage_rates(
    learning_rate: float, layer_decay: float, n_stages: int, tuned: int
) -> tuple[float, ...]:
    """Peak rate of each stage, input to output, and of the head.

        rate = learning_rate * layer_decay ** distance

    The head is at distance 0, the last stage at 1; stages before the `tuned` last ones get 0.
    """
    tuned_rates = [learning_rate * layer_decay**distance for distance in range(tuned, -1, -1)]
    return (*[0.0] * (n_stages - tuned), *tuned_rates)


def write_plan(plan: Plan, path: Path) -> None:
    """Write a plan as YAML that a person can read and `read_plan` reads back exactly."""
    values = asdict(plan)
    values |= {"stages": [asdict(stage) for stage in plan.stages], "classes": list(plan.classes)}
    text = "# What this run does; nothing is left open.\n" + dump_yaml(values)
    path.write_bytes(text.encode())


def read_plan(path: Path) -> Plan:
    """The plan in a file.

    Raises:
        RecipeError: The file is not a plan: keys missing or unknown, values of another type.
        HostError: It cannot be read.
    """
    from pydantic import TypeAdapter, ValidationError

    hint = "A plan is written by: tlearn finetune FOLDER"
    try:
        document = read_yaml(path, MAX_PLAN_BYTES)
        errors = list(document.errors)
        plan = TypeAdapter(Plan).validate_python(document.values)
    except RecipeError as error:
        raise RecipeError(error.errors, hint) from None
    except ValidationError as error:
        errors += [_plan_error(path, problem) for problem in error.errors()]
    if errors:
        raise RecipeError(errors, hint)
    return plan


def _plan_error(path: Path, problem: Any) -> str:
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "missing":
        return f"{path}: {key} is missing"
    if problem["type"] == "unexpected_keyword_argument":
        return f"{path}: {key}: no such key{nearest(key, [f.name for f in fields(Plan)])}"
    return f"{path}: {key}: {problem['msg']}"
