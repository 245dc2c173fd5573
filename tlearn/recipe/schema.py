"""The keys of a recipe: one flat table, each key with its range and its meaning."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from tlearn.data.high_depth import parse_range
from tlearn.data.targets import CLASSES, NUMBERS, ORDINAL
from tlearn.recipe.names import plain

AUTO: Final = "auto"
"""A key with this value counts as not set; the plan gets a value by rule or measurement."""

Auto = Literal["auto"]
Policy = Literal["linear_head", "top_stages", "deep", "from_scratch"]
POLICIES: tuple[str, ...] = get_args(Policy)

LAST, BEST, LAST3 = "last", "best", "last3"
"""Values of `head_stages` beside numbers of stages."""

NUMBER = r"-?\d+(\.\d*)?(e[+-]?\d+)?"
"""Of a range, in a pattern."""

Fraction = Annotated[float, Field(ge=0, le=0.5)]
Strength = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]


class Recipe(BaseModel):
    """What was asked for. Every key has a default, so an empty recipe is complete."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    task: Auto | Literal["classes", "ordinal", "labels", "number", "one_class"] = Field(
        AUTO,
        description="What is learned of an image: its class, (ordinal) its class on a scale such "
        "as grades, several labels, a number, or (one-class) whether it is like the good ones. "
        "auto takes classes of a folder, and of a table what its column label holds.",
    )
    order: str | None = Field(
        None,
        min_length=1,
        description="Order of the classes, the lowest first, as in low,medium,high; or numbers, "
        "where their names have one each, which is what ordinal means without it. null: none.",
    )
    false_alarm_rate: Annotated[float, Field(gt=0, le=0.5)] = Field(
        0.05, description="With one-class: share of good images that may be called bad."
    )
    policy: Auto | Policy = Field(
        AUTO,
        description="How much is trained: linear-head solves a new classifier on the frozen "
        "backbone, top-stages also tunes its last stages, deep tunes all of them, from-scratch "
        "trains without pretrained weights.",
    )
    prefer: Literal["balanced", "accurate", "fast", "small"] = Field(
        "balanced",
        description="What auto prefers: balanced takes the cheapest way whose expected accuracy "
        "cannot be told from the best, accurate the best at any price, fast a solved head, small "
        "the smallest network within one standard error of the best. With seconds, the default is "
        "accurate: the best that fits.",
    )
    backbone: str = Field(
        AUTO,
        min_length=1,
        description="Pretrained network: a name, a .keras file of your own, or hub:PRESET. Two or "
        "three with + between them stand side by side, and one solved head reads all of them.",
    )
    weights: str | None = Field(
        None,
        min_length=1,
        description="File with the backbone's weights. null looks in the weights folder and the "
        "cache, then downloads them.",
    )
    image_size: Auto | Annotated[int, Field(ge=32, le=1024)] = Field(
        AUTO,
        description="Input resolution in pixels (images are square). Larger shows finer detail; "
        "time grows with its square. auto is the size the backbone was trained at.",
    )
    resize: Literal["squash", "crop", "pad"] = Field(
        "squash",
        description="How an image becomes square: squash changes its proportions, crop cuts off "
        "the ends of the longer side, pad adds a border.",
    )
    gray_range: (
        Auto | Annotated[str, Field(pattern=rf"^{NUMBER},{NUMBER}$", title="LOW,HIGH")] | None
    ) = Field(
        AUTO,
        description="Values that become black and white in images of more than 8 bits, as in "
        "0,4095. auto takes what all images of the folder use; null takes 0,65535 for 16 bits, and "
        "each image's own range for 32 bits and floats.",
    )
    seed: int = Field(0, ge=0, lt=2**32, description="Random seed; fixes the split and training.")
    horizontal_flip: Auto | bool = Field(
        AUTO,
        description="Let augmentation flip images left to right. Turn it off where the direction "
        "matters: text, left and right hands, maps. auto turns it off where heads recognize mirror "
        "images clearly less often.",
    )
    strict: bool = Field(
        False, description="Stop at an unreadable image instead of leaving it out with a warning."
    )
    keep_samples: bool = Field(
        True,
        description="Store about a hundred images in the run, so that it can be exported and "
        "checked on another machine. Turn it off for private images; the report then shows none.",
    )
    group_by: str | None = Field(
        None,
        min_length=1,
        description="Regular expression on the path of an image in the folder. Images for which "
        "it (or its first group in parentheses) matches the same text stay in one split. null "
        "takes the column group of a CSV, if there is one.",
    )
    groups: Literal["given", "guessed", "none"] = Field(
        "given",
        description="Which images stay in one split besides copies: those given by group_by or a "
        "CSV; auto: also those that belong together by their names, or by camera and day, as "
        "images of one patient do (a plan says guessed); off: none.",
    )
    unknown: str | None = Field(
        None,
        min_length=1,
        description="Images that are none of the classes, to teach which images are refused: a "
        "class of the folder, which is then no class, or another folder.",
    )
    val_fraction: Fraction = Field(
        0.15,
        description="Fraction of the images for validation, which chooses the weights to keep; "
        "never trained on.",
    )
    test_fraction: Fraction = Field(
        0.15, description="Fraction of the images for the final test; used once."
    )
    augmentation: Literal["auto", "none", "light", "medium", "strong"] = Field(
        AUTO,
        description="How strongly training images are rotated, zoomed, shifted and recolored at "
        "random. It makes few images go further.",
    )
    views: Auto | Annotated[int, Field(ge=0, le=64)] = Field(
        AUTO,
        description="Versions of each training image (the original and augmented ones) that are "
        "stored. More reduce overfitting and use more disk; 0 augments anew in each epoch.",
    )
    class_weights: bool = Field(
        False, description="Give every class the same weight, however many images it has."
    )
    solved_head_l2: Auto | Annotated[float, Field(gt=0)] = Field(
        AUTO,
        description="L2 penalty of the solved head, on features scaled to a mean variance of 1. "
        "auto chooses it by cross-validation.",
    )
    head_dropout: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="Dropout on the embedding while the head is trained by gradient descent."
    )
    head_l1: Strength = Field(
        0.0, description="L1 penalty on the head's weights while it is trained by gradient descent."
    )
    trained_head_l2: Strength = Field(
        0.0, description="L2 penalty on the head's weights while it is trained by gradient descent."
    )
    head_max_norm: Strength = Field(
        0.0,
        description="Largest norm of the head's weights for a class (max-norm constraint); 0 sets "
        "no limit.",
    )
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0,
        description="Share of each target that is spread over all classes. 0.1 reduces "
        "overconfidence and the harm of a few wrong labels.",
    )
    head_stages: Annotated[
        str, Field(pattern=rf"^({AUTO}|{LAST}|{BEST}|{LAST3}|[1-9]\d*(,[1-9]\d*)*)$")
    ] = Field(
        AUTO,
        title="auto, last, best, last3 or numbers of stages as in 2,4",
        description="Stages whose features the head reads, as in 3 or 2,4. Stages after the last "
        "of them are cut off, which makes the file smaller and faster. best measures which single "
        "stage is best, last3 takes the last three together, auto takes the last one, or the last "
        "three of each network where they stand side by side.",
    )
    tuned_stages: Auto | Count = Field(
        AUTO,
        description="Number of stages that are tuned, counted from the output, without the head. "
        "Earlier stages stay frozen.",
    )
    optimizer: Literal["adam", "adamw", "sgd", "rmsprop", "adagrad"] = Field(
        "adam", description="Algorithm that turns gradients into updates."
    )
    learning_rate: Auto | Annotated[float, Field(gt=0, lt=10)] = Field(
        AUTO,
        description="Peak learning rate of the head; stages get it times layer_decay. Too high "
        "destroys the pretrained weights, too low learns nothing new.",
    )
    layer_decay: Auto | Annotated[float, Field(gt=0, le=1)] = Field(
        AUTO,
        description="Factor on the learning rate from one stage to the stage before it. Early "
        "stages detect edges and colors and need little change; 1 gives all the same rate.",
    )
    weight_decay: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="Decoupled weight decay; adamw is usually given about 0.01."
    )
    momentum: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.9, description="Momentum of sgd and rmsprop."
    )
    clip_norm: Strength = Field(
        1.0, description="Largest norm of the gradient of all weights together; 0 sets no limit."
    )
    schedule: Literal["cosine", "plateau", "constant"] = Field(
        "cosine",
        description="How the learning rate falls: cosine to 0 over all epochs, plateau each time "
        "the validation loss stops improving, constant not at all.",
    )
    warmup_epochs: Auto | Strength = Field(
        AUTO, description="Epochs in which the learning rate rises from 0; may be a fraction."
    )
    epochs: Auto | Annotated[int, Field(ge=0, le=10_000)] = Field(
        AUTO, description="Passes over the training images; 0 keeps the solved head."
    )
    batch_size: Auto | Annotated[int, Field(ge=1, le=4096)] = Field(
        AUTO, description="Images per step. Smaller batches use less memory."
    )
    patience: Count = Field(
        10, description="Epochs without a better validation score before training stops."
    )
    batch_norm: Literal["auto", "frozen", "trained"] = Field(
        AUTO, description="Whether batch normalization is trained; only from-scratch has to."
    )
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = Field(
        "float32", description="Number format in training; mixed is faster on accelerators only."
    )
    seconds: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Time for the whole command; the epochs are made to fit."
    )
    deterministic: bool = Field(False, description="Whether the same bits come out every time.")

    @field_validator("policy", "task", mode="before")
    @classmethod
    def _accept_hyphens(cls, value: Any) -> Any:
        return plain(value) if isinstance(value, str) else value

    @field_validator("head_stages", mode="before")
    @classmethod
    def _accept_numbers(cls, value: Any) -> Any:
        """Return 3 and [2, 4], which YAML reads as numbers, as text."""
        if isinstance(value, list):
            return ",".join(map(str, value))
        return str(value) if type(value) is int else value

    @field_validator("gray_range")
    @classmethod
    def _check_range(cls, value: str | None) -> str | None:
        """Return a range as it is; one that is empty is refused."""
        if value not in (None, AUTO):
            parse_range(value)
        return value

    @model_validator(mode="before")
    @classmethod
    def _prefer_the_best_that_fits(cls, values: Any) -> Any:
        """Return the values; who names a time, and no preference, wants the best for it."""
        if isinstance(values, dict) and values.get("seconds"):
            return {"prefer": "accurate"} | values
        return values

    @model_validator(mode="after")
    def _check_order(self) -> Recipe:
        if self.order and self.task not in (AUTO, "classes", ORDINAL):
            raise ValueError(f"order is about classes, and the task is {self.task}")
        return self

    @property
    def class_order(self) -> str | None:
        """Return the order of the classes, "numbers" or their names; None where they have none."""
        return self.order or (NUMBERS if self.task == ORDINAL else None)

    @property
    def scanned_task(self) -> str | None:
        """Return the task as images are read for it: None finds out."""
        if self.class_order:
            return CLASSES
        return None if self.task == AUTO else self.task

    @model_validator(mode="after")
    def _check_fractions(self) -> Recipe:
        held_out = self.val_fraction + self.test_fraction
        if held_out > 0.8:
            raise ValueError(
                f"val_fraction and test_fraction add up to {held_out:g}; at most 0.8 leaves enough "
                "images to train on"
            )
        return self
