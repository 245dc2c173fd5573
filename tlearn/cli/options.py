"""Options that several commands share, each explained once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

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
        metavar="[RUN]",
        help="Directory of a finished run. Left out: the newest under runs/.",
        show_default=False,
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document instead of tables, for scripts.")
]
NoCache = Annotated[
    bool,
    typer.Option("--no-cache", help="Keep no decoded pictures and features for the next command."),
]

_BACKBONE = "Backbone"
_TRAINING = "Training"
_DATA = "Pictures"


def _option(panel: str, text: str, metavar: str | None = None) -> Any:
    return typer.Option(help=text, metavar=metavar, rich_help_panel=panel, show_default=False)


def _switch(panel: str, text: str, names: str) -> Any:
    return typer.Option(names, help=text, rich_help_panel=panel, show_default=False)


Backbone = Annotated[
    str | None,
    _option(
        _BACKBONE,
        "Pretrained network by name (`tlearn models` lists them), or your own .keras file.",
        "NAME",
    ),
]
Weights = Annotated[
    str | None,
    _option(
        _BACKBONE,
        "File with the backbone's weights. Left out: the folder TLEARN_WEIGHTS names, the "
        "cache, then a download.",
        "FILE",
    ),
]
ImageSize = Annotated[
    int | None,
    _option(
        _BACKBONE,
        "Side of the square the network sees. Larger shows finer detail; time grows with its "
        "square.",
        "PIXELS",
    ),
]
Resize = Annotated[
    str | None,
    _option(
        _DATA,
        "How a picture becomes a square: squash bends its shape, crop loses the edges, pad adds "
        "a border.",
        "RULE",
    ),
]
Seed = Annotated[
    int | None,
    _option(_DATA, "Start of every random choice; the same seed, the same split.", "N"),
]
Strict = Annotated[
    bool | None,
    _switch(_DATA, "Stop at an unreadable picture, where otherwise it is left out.", "--strict"),
]
Recipe = Annotated[
    str | None,
    _option(_TRAINING, "Recipe by name (`tlearn recipes`) or a YAML file of your own.", "NAME"),
]
Policy = Annotated[
    str | None,
    _option(
        _TRAINING,
        "What is trained: linear-head, top-stages, deep, from-scratch; auto (the default) "
        "measures the pictures and decides.",
        "POLICY",
    ),
]
Epochs = Annotated[int | None, _option(_TRAINING, "Times every training picture is seen.", "N")]
BatchSize = Annotated[
    int | None, _option(_TRAINING, "Pictures in one step; fewer need less memory.", "N")
]
LearningRate = Annotated[
    float | None,
    _option(_TRAINING, "Peak step size of the head; earlier stages get less.", "RATE"),
]
Augment = Annotated[
    str | None,
    _option(
        _TRAINING,
        "How far training pictures are turned, zoomed and recoloured: none, light, medium, strong.",
        "POLICY",
    ),
]
Mirror = Annotated[
    bool | None,
    _switch(
        _TRAINING,
        "Whether a mirrored picture keeps its class. Say --no-mirror for text, hands, maps.",
        "--mirror/--no-mirror",
    ),
]
ClassWeights = Annotated[
    bool | None,
    _switch(
        _TRAINING,
        "Count every class the same, however few pictures it has.",
        "--class-weights/--no-class-weights",
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


def gather(named: Mapping[str, Any], assignments: Sequence[str] = ()) -> dict[str, Any]:
    """Recipe keys that were given: by flags of their own, and by --set.

    Args:
        named: Recipe key to the value of its flag; None where it was left out.
        assignments: What stood after each --set.

    Raises:
        RecipeError: An assignment is malformed, or names a key that a flag sets too.
    """
    from tlearn.errors import RecipeError
    from tlearn.recipe.loading import parse_assignments

    flags = {key: value for key, value in named.items() if value is not None}
    assigned = parse_assignments(assignments)
    twice = sorted(flags.keys() & assigned.keys())
    if twice:
        faults = [f"{key} is set by a flag of its own and by --set" for key in twice]
        raise RecipeError(faults, "Say it once.")
    return flags | assigned


def is_run(path: Path) -> bool:
    """Whether a path is meant as a run: a directory that `tlearn finetune` made."""
    from tlearn.run_directory import MARKER

    return path.is_dir() and ((path / "plan.yaml").exists() or (path / MARKER).exists())
