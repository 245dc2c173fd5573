"""What will run: every value resolved, grouped by what it governs."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar

from tlearn.data.high_depth import GrayRange, parse_range
from tlearn.data.targets import CLASSES

_STRICT: dict[str, Any] = {"extra": "forbid", "allow_inf_nan": False}

GRADIENT_KEYS = {
    *("optimizer", "learning_rate", "layer_decay", "weight_decay", "momentum", "clip_norm"),
    *("schedule", "warmup_epochs", "epochs", "batch_size", "patience", "batch_norm", "precision"),
    *("tuned_stages", "label_smoothing", "head_dropout", "head_l1", "trained_head_l2"),
    *("head_max_norm", "seconds", "deterministic"),
}
"""Keys that matter only where gradient steps are taken."""


READ_ON = "-on-"
"""Stands before the stages, in the fingerprint of a plan whose head reads others than the last."""


@dataclass(frozen=True)
class BackbonePlan:
    """The pretrained network: its name or file, its weights, and what it computes for the head."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    name: str
    weights: str | None
    fingerprint: str

    @property
    def whole(self) -> str:
        """Return the fingerprint of the backbone, whichever of its stages the head reads."""
        return self.fingerprint.partition(READ_ON)[0]


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
    keep_samples: bool = True  # missing in runs made before there were samples
    gray_range: str | None = None  # missing in runs made before there were ranges

    @property
    def gray_values(self) -> GrayRange | None:
        """Return the range as the decoder takes it."""
        return parse_range(self.gray_range) if self.gray_range else None


@dataclass(frozen=True)
class SplitPlan:
    """Classes, and the number of images of each split; `folds` as in `SplitCounts`."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    classes: tuple[str, ...]
    n_train: int
    n_val: int
    n_test: int
    folds: int
    val_fraction: float
    test_fraction: float
    group_by: str | None = None  # these two are missing in runs made before there were groups
    groups: str = "given"
    unknown: str | None = None  # missing in runs made before strangers could teach
    order: str | None = None  # missing in runs made before classes could have one


@dataclass(frozen=True)
class HeadPlan:
    """The classifier on top.

    Attributes:
        stages: Numbers from 1 of the stages whose features it reads, ascending.
        solved_l2: L2 penalty of the solved head; None is chosen by cross-validation.
        trained_l2: L2 penalty while it is trained by gradient.
        l1: L1 penalty while it is trained by gradient.
        dropout: Dropout on the embedding while it is trained by gradient.
        max_norm: Largest norm of the weights for a class; 0 sets no limit.
        class_weights: Whether every class has the same weight in the loss.
        false_alarm_rate: Share of good images that may be called bad, where these are learned.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT

    stages: tuple[int, ...]
    solved_l2: float | None
    trained_l2: float
    l1: float
    dropout: float
    max_norm: float
    class_weights: bool
    false_alarm_rate: float = 0.05  # missing in runs made before good images could be learned


@dataclass(frozen=True)
class TrainingPlan:
    """How gradient steps are taken.

    Attributes:
        tuned_stages: Stages tuned, counted from the output.
        first_trained_stage: Index into `Plan.stages` of the first stage tuned; None tunes none.
        steps_per_epoch: Batches in a pass over the training images.
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
    seconds: float | None = None  # these two are missing in runs of the first version
    deterministic: bool = False


@dataclass(frozen=True)
class StagePlan:
    """A stage and its peak learning rate; 0 leaves it frozen."""

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
        origins: Recipe key to where its value came from: "default", "suggestion", "recipe" or
            "flag".
        reasons: Recipe key that was left open to the reason for its value.
        prefer: What was preferred where the recipe left a choice.
        task: What is learned of an image, see `targets`.
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
    prefer: str = "accurate"  # missing in runs made before there was a choice
    task: str = CLASSES  # missing in runs made before there were others

    @property
    def ordered(self) -> bool:
        """Return whether the classes are steps of a scale."""
        return self.split.order is not None

    def value(self, key: str) -> Any:
        """Return the value that a recipe key was resolved to."""
        if key == "head_stages":
            return ",".join(map(str, self.head.stages))
        group, name = FLAT_KEYS[key]
        return getattr(getattr(self, group), name) if group else getattr(self, name)

    def flat(self) -> dict[str, Any]:
        """Return every value under its flat name, without the groups."""
        return {key: self.value(key) for key in FLAT_KEYS}


_GROUPS = {
    "backbone": BackbonePlan,
    "images": ImagesPlan,
    "split": SplitPlan,
    "head": HeadPlan,
    "training": TrainingPlan,
}
_FLAT_NAMES = {
    ("backbone", "name"): "backbone",
    ("head", "stages"): "head_stages",
    ("head", "solved_l2"): "solved_head_l2",
    ("head", "trained_l2"): "trained_head_l2",
    ("head", "l1"): "head_l1",
    ("head", "dropout"): "head_dropout",
    ("head", "max_norm"): "head_max_norm",
}
FLAT_KEYS = {key: ("", key) for key in ("policy", "recipe", "seed", "prefer", "task")} | {
    _FLAT_NAMES.get((group, field.name), field.name): (group, field.name)
    for group, record in _GROUPS.items()
    for field in fields(record)
}
"""Flat name of a value, which for a recipe key is the key, to its group and its name there."""
