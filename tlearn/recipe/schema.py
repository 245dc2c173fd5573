"""What a person may ask for: one flat table of keys, each with its range and its meaning."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

AUTO: Final = "auto"
"""A key with this value counts as not set; the plan settles it."""

Auto = Literal["auto"]
Policy = Literal["linear_head", "top_stages", "deep", "from_scratch"]
POLICIES: tuple[str, ...] = get_args(Policy)

LAST, BEST, LAST3 = "last", "best", "last3"
"""What `head_stages` may say beside numbers of stages; the last two are measured."""

RENAMED_KEYS = {
    "head_on": "head_stages",
    "head_penalty": "solved_head_l2",
    "head_l2": "trained_head_l2",
    "mirror": "horizontal_flip",
}
"""Keys of the first version to those of today; recipes, flags and plans may still have them."""

_RENAMED_VALUES = {"head_stages": {"several": LAST3}}

Fraction = Annotated[float, Field(ge=0, le=0.5)]
Strength = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=1)]


class Recipe(BaseModel):
    """What was asked. Every key has a default, so an empty recipe is a whole one."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    policy: Auto | Policy = Field(
        AUTO,
        description="How much is trained: linear_head solves a new head on the frozen backbone, "
        "top_stages also tunes the last stages, deep tunes every stage, from_scratch starts "
        "without pretrained weights.",
    )
    backbone: str = Field(
        AUTO, min_length=1, description="Pretrained network by name, or a .keras file of your own."
    )
    weights: str | None = Field(
        None,
        min_length=1,
        description="File with the backbone's weights; null looks in the weights folder and the "
        "cache, then downloads.",
    )
    image_size: Auto | Annotated[int, Field(ge=32, le=1024)] = Field(
        AUTO,
        description="Side of the square the network sees, in pixels. Larger shows finer detail "
        "and costs time with the square of it; auto is the size the backbone was trained at.",
    )
    resize: Literal["squash", "crop", "pad"] = Field(
        "squash",
        description="How a picture becomes a square: squash keeps all of it and bends its shape, "
        "crop keeps the shape and loses the edges, pad keeps both and adds a border.",
    )
    seed: int = Field(
        0, ge=0, lt=2**32, description="Start of every random choice; the same seed, the same run."
    )
    horizontal_flip: bool = Field(
        True,
        description="Let augmentation flip pictures left to right. Turn it off where the side "
        "matters: text, left or right hands, maps.",
    )
    strict: bool = Field(
        False,
        description="Stop at an unreadable picture, where otherwise it is left out and named.",
    )
    keep_samples: bool = Field(
        True,
        description="Keep a hundred or so pictures inside the run, so that it can be exported and "
        "checked where its folder is not. Turn it off where pictures are private: the report shows "
        "none then.",
    )
    val_fraction: Fraction = Field(
        0.15, description="Share of the pictures that choose the best epoch; never trained on."
    )
    test_fraction: Fraction = Field(
        0.15, description="Share of the pictures kept for the final report; used once."
    )
    augmentation: Literal["auto", "none", "light", "medium", "strong"] = Field(
        AUTO,
        description="How far training pictures are turned, zoomed, shifted and recoloured, so "
        "that a few pictures teach more than their pixels.",
    )
    views: Auto | Annotated[int, Field(ge=0, le=64)] = Field(
        AUTO,
        description="Versions of each training picture that go through the frozen stages once and "
        "are kept: the picture itself and augmented ones. More views resist overfitting and take "
        "more disk; 0 keeps none and augments anew each epoch.",
    )
    class_weights: bool = Field(
        False, description="Count every class the same, however many pictures it has."
    )
    solved_head_l2: Auto | Annotated[float, Field(gt=0)] = Field(
        AUTO,
        description="L2 penalty of the solved head, on features of mean variance one; auto "
        "chooses it by cross-validation.",
    )
    head_dropout: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="Share of the embedding hidden from the head at each training step."
    )
    head_l1: Strength = Field(
        0.0, description="L1 penalty on the head's weights while it is trained; pushes them to 0."
    )
    trained_head_l2: Strength = Field(
        0.0, description="L2 penalty on the head's weights while it is trained by steps."
    )
    head_max_norm: Strength = Field(
        0.0, description="Longest allowed weight vector of a class in the head; 0 sets no limit."
    )
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0,
        description="Share of each target spread over all classes; 0.1 tempers overconfidence "
        "and forgives a few wrong labels.",
    )
    head_stages: Annotated[
        str, Field(pattern=rf"^({AUTO}|{LAST}|{BEST}|{LAST3}|[1-9]\d*(,[1-9]\d*)*)$")
    ] = Field(
        AUTO,
        title="auto, last, best, last3 or numbers of stages as in 2,4",
        description="Stages whose features the head reads, as in 3 or 2,4; what follows the last "
        "of them is cut off, which makes the file smaller and faster. best measures which one "
        "stage says most, last3 takes the last three together; auto is the last one.",
    )
    tuned_stages: Auto | Count = Field(
        AUTO,
        description="How many stages are tuned, counted from the output; the head is not "
        "counted. Stages before them stay frozen.",
    )
    optimizer: Literal["adam", "adamw", "sgd", "rmsprop", "adagrad"] = Field(
        "adam", description="Rule that turns gradients into steps."
    )
    learning_rate: Auto | Annotated[float, Field(gt=0, lt=10)] = Field(
        AUTO,
        description="Size of the head's steps at the schedule's peak; stages get it times "
        "layer_decay. Too high forgets the pretrained weights, too low learns nothing new.",
    )
    layer_decay: Auto | Annotated[float, Field(gt=0, le=1)] = Field(
        AUTO,
        description="Each stage away from the head learns at this times the rate of the next "
        "one: early stages see edges and colours and need little change. 1 treats all alike.",
    )
    weight_decay: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="Pull of the weights towards 0 at each step; adamw wants about 0.01."
    )
    momentum: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.9, description="Share of the last step that sgd repeats in the next one."
    )
    clip_norm: Strength = Field(
        1.0, description="Longest allowed gradient, over all weights together; 0 sets no limit."
    )
    schedule: Literal["cosine", "plateau", "constant"] = Field(
        "cosine",
        description="How the rate falls: cosine glides to 0 over all epochs, plateau drops when "
        "the validation loss stands still, constant stays.",
    )
    warmup_epochs: Auto | Strength = Field(
        AUTO, description="Epochs over which the rate rises from 0; may be a fraction."
    )
    epochs: Auto | Annotated[int, Field(ge=0, le=10_000)] = Field(
        AUTO, description="Times every training picture is seen; 0 keeps the solved head."
    )
    batch_size: Auto | Annotated[int, Field(ge=1, le=4096)] = Field(
        AUTO, description="Pictures in one step; half of it needs about half the memory."
    )
    patience: Count = Field(
        10,
        description="Epochs without a better validation score before training stops.",
    )
    batch_norm: Literal["auto", "frozen", "trained"] = Field(
        AUTO,
        description="Whether batch normalisation learns anew. Frozen is safe in a fine-tune, "
        "where small batches would spoil its statistics; from_scratch has to train it.",
    )
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = Field(
        "float32", description="Numbers used in training; mixed is faster on an accelerator only."
    )

    @field_validator("policy", mode="before")
    @classmethod
    def _underscores(cls, value: Any) -> Any:
        return plain(value) if isinstance(value, str) else value

    @field_validator("head_stages", mode="before")
    @classmethod
    def _numbers_of_stages(cls, value: Any) -> Any:
        """3 and [2, 4] as YAML has them."""
        if isinstance(value, list):
            return ",".join(map(str, value))
        return str(value) if type(value) is int else value

    @model_validator(mode="after")
    def _something_to_train_on(self) -> Recipe:
        held_out = self.val_fraction + self.test_fraction
        if held_out > 0.8:
            raise ValueError(
                f"val_fraction and test_fraction take {held_out:g} of the pictures together; "
                "at most 0.8 leaves enough to train on"
            )
        return self


def allowed_values(key: str) -> str:
    """What a key accepts, in words: "auto, or a whole number >= 1"."""
    return ", or ".join(_words(form) for form in _forms(key))


def find_errors(values: Mapping[str, Any], place: Callable[[str], str]) -> list[str]:
    """One sentence for each key that does not exist or whose value is not allowed.

    Args:
        values: Keys and values as they were read.
        place: Where a key was set, as the beginning of its sentence.
    """
    wrong = {key for key in values if key not in Recipe.model_fields}
    try:
        Recipe.model_validate({key: value for key, value in values.items() if key not in wrong})
    except ValidationError as error:
        wrong |= {str(problem["loc"][0]) for problem in error.errors() if problem["loc"]}
    return [place(key) + _refusal(key, values[key]) for key in values if key in wrong]


def current_names(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with today's names for keys, and for words, of the first version."""
    keys = {key: RENAMED_KEYS.get(plain(key), key) for key in values}
    words = {key: _RENAMED_VALUES.get(new, {}) for key, new in keys.items()}
    return {
        new: words[key].get(values[key], values[key])
        if isinstance(values[key], str)
        else values[key]
        for key, new in keys.items()
    }


def plain(name: str) -> str:
    """A name without differences of case, or of hyphens and underscores."""
    return name.lower().replace("-", "_")


def nearest(name: str, names: Iterable[str]) -> str:
    """ "; did you mean ...?" for the name nearest to `name`, or nothing."""
    near = difflib.get_close_matches(plain(name), list(names), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _refusal(key: str, value: Any) -> str:
    if key not in Recipe.model_fields:
        return f"no such key{nearest(key, Recipe.model_fields)}"
    found = "has no value" if value is None else f"{reprlib.repr(value)} is not allowed"
    words = [word for form in _forms(key) for word in _named(form)]
    near = nearest(value, words) if isinstance(value, str) else ""
    return found + (near or f"; expected {allowed_values(key)}")


def _forms(key: str) -> list[dict[str, Any]]:
    field = Recipe.model_json_schema()["properties"][key]
    forms = field.get("anyOf", [field])
    # Words of several Literals read better as one list.
    named = [word for form in forms for word in _named(form)]
    rest = [form for form in forms if not _named(form)]
    return [{"enum": named}, *rest] if named else rest


def _named(form: dict[str, Any]) -> list[str]:
    return form.get("enum", [form["const"]] if "const" in form else [])


def _words(form: dict[str, Any]) -> str:
    if "pattern" in form:
        return str(form["title"])
    if "enum" in form:
        words = form["enum"]
        return f"one of {', '.join(words)}" if len(words) > 1 else words[0]
    kinds = {"boolean": "true or false", "null": "null", "string": "text"}
    kinds |= {"integer": "a whole number", "number": "a number"}
    limits = {"exclusiveMinimum": ">", "minimum": ">=", "exclusiveMaximum": "<", "maximum": "<="}
    bounds = [f"{sign} {form[name]:.10g}" for name, sign in limits.items() if name in form]
    return " ".join([kinds[form["type"]], " and ".join(bounds)]).strip()
