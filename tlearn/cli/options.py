"""Options that several commands share, each explained once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

_BACKBONE = "Backbone"
_TRAINING = "Training"
_IMAGES = "Dataset"
_BUDGET = "Budget"


def option(text: str, metavar: str | None = None, panel: str | None = None) -> Any:
    """An option that takes a value."""
    return typer.Option(help=text, metavar=metavar, rich_help_panel=panel, show_default=False)


def switch(text: str, names: str, panel: str | None = None) -> Any:
    """An option that takes none."""
    return typer.Option(names, help=text, metavar="", rich_help_panel=panel, show_default=False)


Data = Annotated[Path | None, option("Where the run's pictures are now, if they moved.", "FOLDER")]

Folder = Annotated[
    Path,
    typer.Argument(
        metavar="FOLDER",
        help="Pictures: one sub-folder per class, or train/val/test folders of such, or a CSV "
        "with the columns path,label.",
        show_default=False,
    ),
]
Run = Annotated[
    Path | None,
    typer.Argument(
        metavar="RUN",
        help="Directory of a finished run. Left out: the newest under runs/.",
        show_default=False,
    ),
]
Json = Annotated[bool, switch("Print one JSON document instead of tables, for scripts.", "--json")]
NoCache = Annotated[
    bool, switch("Keep no decoded pictures and features for the next command.", "--no-cache")
]
Backbone = Annotated[
    str | None,
    option(
        "Pretrained network by name (`tlearn models` lists them), or your own .keras file.",
        "NAME",
        _BACKBONE,
    ),
]
Weights = Annotated[
    str | None,
    option(
        "File with the backbone's weights. Left out: the folder TLEARN_WEIGHTS names, the "
        "cache, then a download.",
        "FILE",
        _BACKBONE,
    ),
]
ImageSize = Annotated[
    int | None,
    option(
        "Side of the square the network sees. Larger shows finer detail; time grows with its "
        "square.",
        "PIXELS",
        _BACKBONE,
    ),
]
Resize = Annotated[
    str | None,
    option(
        "How a picture becomes a square: squash bends its shape, crop loses the edges, pad adds "
        "a border.",
        "RULE",
        _IMAGES,
    ),
]
Seed = Annotated[
    int | None,
    option("Start of every random choice; the same seed, the same split.", "N", _IMAGES),
]
Strict = Annotated[
    bool | None,
    switch("Stop at an unreadable picture, where otherwise it is left out.", "--strict", _IMAGES),
]
KeepSamples = Annotated[
    bool | None,
    switch(
        "Keep a few pictures in the run, to export and check it where the folder is not. Say "
        "--no-samples where they are private; the report shows none then.",
        "--samples/--no-samples",
        _IMAGES,
    ),
]
Recipe = Annotated[
    str | None,
    option("Recipe by name (`tlearn recipes`) or a YAML file of your own.", "NAME", _TRAINING),
]
Policy = Annotated[
    str | None,
    option(
        "What is trained: linear-head, top-stages, deep, from-scratch; auto (the default) "
        "measures the pictures and decides.",
        "POLICY",
        _TRAINING,
    ),
]
Epochs = Annotated[int | None, option("Times every training picture is seen.", "N", _TRAINING)]
BatchSize = Annotated[
    int | None, option("Pictures in one step; fewer need less memory.", "N", _TRAINING)
]
LearningRate = Annotated[
    float | None,
    option("Peak step size of the head; earlier stages get less.", "RATE", _TRAINING),
]
Augmentation = Annotated[
    str | None,
    typer.Option(
        "--augment",
        help="How far training pictures are turned, zoomed and recoloured: none, light, medium, "
        "strong.",
        metavar="POLICY",
        rich_help_panel=_TRAINING,
        show_default=False,
    ),
]
HorizontalFlip = Annotated[
    bool | None,
    switch(
        "Whether a mirrored image keeps its class. Turn off for text, hands, maps.",
        "--horizontal-flip/--no-horizontal-flip",
        _TRAINING,
    ),
]
ClassWeights = Annotated[
    bool | None,
    switch(
        "Count every class the same, however few pictures it has.", "--class-weights", _TRAINING
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Any other key of a recipe, as key=value; may be repeated. "
        "`tlearn recipes auto` explains the keys.",
        metavar="KEY=VALUE",
        rich_help_panel=_TRAINING,
        show_default=False,
    ),
]
MaxSize = Annotated[
    str | None,
    option(
        "Keep only the best LiteRT file of at most this size; every mode is tried where "
        "--quantize names none.",
        "SIZE",
        _BUDGET,
    ),
]
MaxLatency = Annotated[
    str | None,
    option(
        "The same for the time of one picture, on one thread of this machine, as in 30ms.",
        "TIME",
        _BUDGET,
    ),
]
Snippet = Annotated[
    list[str] | None,
    option(
        "Also write a short program around each LiteRT file: python, android, ios or web. Implies "
        "--tflite; may be repeated.",
        "PLATFORM",
    ),
]


def collect_overrides(
    parameters: Mapping[str, Any], assignments: Sequence[str] = ()
) -> dict[str, Any]:
    """Recipe keys that were given: by flags of their own, and by --set.

    Args:
        parameters: What a command was called with; those named as a recipe key count, and None
            says that the flag was left out.
        assignments: What stood after each --set.

    Raises:
        RecipeError: An assignment is malformed, or names a key that a flag sets too.
    """
    from tlearn.errors import RecipeError
    from tlearn.recipe.loading import parse_assignments
    from tlearn.recipe.schema import Recipe

    flags = {
        key: value
        for key, value in parameters.items()
        if key in Recipe.model_fields and value is not None
    }
    assigned = parse_assignments(assignments)
    twice = sorted(flags.keys() & assigned.keys())
    if twice:
        errors = [f"{key} is set by a flag of its own and by --set" for key in twice]
        raise RecipeError(errors, "Say it once.")
    return flags | assigned


def as_flags(flags: Mapping[str, Any]) -> list[str]:
    """Recipe keys as words of a command line that has a flag for each."""
    return [
        word for key, value in flags.items() for word in (f"--{key.replace('_', '-')}", str(value))
    ]


def is_run(path: Path) -> bool:
    """Whether a path is meant as a run: a directory that `tlearn finetune` made."""
    from tlearn.runs.directory import MARKER

    return path.is_dir() and ((path / "plan.yaml").exists() or (path / MARKER).exists())
