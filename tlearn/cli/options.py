"""Options that several commands share, each explained once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from tlearn.cli.units import parse_time

BACKBONE = "Backbone"
TRAINING = "Training"
IMAGES = "Images"
OUTPUT = "Output"
_POLICIES = ("auto", "linear-head", "top-stages", "deep", "from-scratch")


def option(
    text: str, metavar: str, panel: str | None = None, name: str = "", **settings: Any
) -> Any:
    """Return an option that takes a value; `settings` are those of `typer.Option`."""
    settings |= {"help": text, "metavar": metavar, "rich_help_panel": panel}
    return typer.Option(*name.split(), **{"show_default": False} | settings)


def switch(text: str, names: str, panel: str | None = None) -> Any:
    """Return an option that takes no value."""
    return typer.Option(
        *names.split(), help=text, metavar="", rich_help_panel=panel, show_default=False
    )


def argument(text: str, metavar: str) -> Any:
    """Return an argument."""
    return typer.Argument(metavar=metavar, help=text, show_default=False)


def _complete_backbone(incomplete: str) -> list[str]:
    from tlearn.models.catalog import CATALOG

    return [name for name in CATALOG if name.startswith(incomplete)]


def _complete_recipe(incomplete: str) -> list[str]:
    from tlearn.recipe.loading import list_recipes

    return [recipe.name for recipe in list_recipes() if recipe.name.startswith(incomplete)]


def _complete_policy(incomplete: str) -> list[str]:
    return [name for name in _POLICIES if name.startswith(incomplete)]


_FOLDER = argument(
    "Folder with one subfolder of images per class, or with train, val and test folders of "
    "such. A CSV with the columns path and label, or a zip or tar archive, works too.",
    "FOLDER",
)
Folder = Annotated[Path, _FOLDER]
FolderOrRun = Annotated[Path | None, _FOLDER]
Run = Annotated[
    Path | None, argument("Directory of a finished run. Default: the latest in runs/.", "RUN")
]
Data = Annotated[Path | None, option("Where the run's images are now, if they moved.", "FOLDER")]
Json = Annotated[bool, switch("Print one JSON document on stdout, for scripts.", "--json", OUTPUT)]
Quiet = Annotated[bool, switch("Show no progress.", "--quiet -q", OUTPUT)]
Verbose = Annotated[bool, switch("Show every step and every detail.", "--verbose -v", OUTPUT)]
NoCache = Annotated[
    bool,
    switch("Do not keep decoded images and features for the next command.", "--no-cache", OUTPUT),
]
Backbone = Annotated[
    str | None,
    option(
        "Pretrained network: a name (list them: tlearn models), a .keras file of your own, or "
        "hub:PRESET of KerasHub; two or three side by side: A+B. Default: mobilenet_v2.",
        "NAME",
        BACKBONE,
        autocompletion=_complete_backbone,
    ),
]
Weights = Annotated[
    str | None,
    option(
        "File with the backbone's weights. Default: looked for in the folder named by "
        "TLEARN_WEIGHTS and in the cache, else downloaded.",
        "FILE",
        BACKBONE,
    ),
]
ImageSize = Annotated[
    int | None,
    option(
        "Input resolution in pixels (images are square). Larger shows finer detail; time grows "
        "with the square. Default: the backbone's own.",
        "PIXELS",
        BACKBONE,
    ),
]
Resize = Annotated[
    str | None,
    option(
        "How an image becomes square: squash (distorts; the default), crop (loses the edges) or "
        "pad (adds a border).",
        "METHOD",
        IMAGES,
    ),
]
Seed = Annotated[
    int | None, option("Random seed; fixes the split and training. Default: 0.", "N", IMAGES)
]
GroupBy = Annotated[
    str | None,
    option(
        "Keep images in one split for whose paths this pattern (or what it has in parentheses) "
        "matches the same text, e.g. '(patient[0-9]+)_'.",
        "REGEX",
        IMAGES,
    ),
]
Groups = Annotated[
    str | None,
    option(
        "auto: also keep images in one split that belong together by their names, or by camera "
        "and day. off: ignore a group column, too. Default: given, by --group-by or a CSV.",
        "auto|off",
        IMAGES,
    ),
]
Strict = Annotated[
    bool | None,
    switch("Stop at an unreadable image instead of leaving it out.", "--strict", IMAGES),
]
KeepSamples = Annotated[
    bool | None,
    switch(
        "Keep about a hundred images in the run, so the run can be exported and checked on another "
        "machine. With --no-samples (private images) the report shows none either.",
        "--samples/--no-samples",
        IMAGES,
    ),
]
Recipe = Annotated[
    str | None,
    option(
        "Recipe: a name (list them: tlearn recipes) or a YAML file of your own.",
        "NAME",
        TRAINING,
        autocompletion=_complete_recipe,
    ),
]
Policy = Annotated[
    str | None,
    option(
        "How much is trained: linear-head, top-stages, deep or from-scratch. Default: auto, "
        "which measures your images and decides.",
        "POLICY",
        autocompletion=_complete_policy,
    ),
]
Task = Annotated[
    str | None,
    option(
        "What is learned: classes, ordinal (classes on a scale), labels (several an image), "
        "number, or one-class (good images alone). Default: what the table or the folder has.",
        "WHAT",
    ),
]
Prefer = Annotated[
    str | None,
    option(
        "What auto prefers: balanced (the cheapest way that cannot be told from the best), "
        "accurate, fast or small. Default: balanced.",
        "WHAT",
    ),
]
Epochs = Annotated[
    int | None,
    option("Number of passes over the training images. Default: by their number.", "N", TRAINING),
]
BatchSize = Annotated[
    int | None,
    option(
        "Images per step. Smaller batches use less memory. Default: 32, or fewer for few images.",
        "N",
        TRAINING,
    ),
]
TimeLimit = Annotated[
    float | None,
    option(
        "How long the whole command may take, e.g. 90s, 20m, 2h: auto takes the best that fits, "
        "and epochs and schedule end then.",
        "TIME",
        TRAINING,
        name="--for",
        parser=partial(parse_time, flag="--for"),
    ),
]
Deterministic = Annotated[
    bool | None,
    switch(
        "Use only operations that give the same bits every time; slower.",
        "--deterministic",
        TRAINING,
    ),
]
LearningRate = Annotated[
    float | None,
    option(
        "Peak learning rate of the head; earlier stages get less. Default: by policy.",
        "RATE",
        TRAINING,
    ),
]
Augmentation = Annotated[
    str | None,
    option(
        "How far training images are rotated, zoomed and recolored: none, light, medium or strong. "
        "Default: by policy and number of images.",
        "LEVEL",
        TRAINING,
        "--augment",
    ),
]
HorizontalFlip = Annotated[
    bool | None,
    switch(
        "Let augmentation mirror images, or not, as for text, hands or maps. finetune measures it.",
        "--horizontal-flip/--no-horizontal-flip",
        IMAGES,
    ),
]
ClassWeights = Annotated[
    bool | None,
    switch(
        "Give every class the same weight, however few images it has.", "--class-weights", TRAINING
    ),
]
Set = Annotated[
    list[str] | None,
    option(
        "Set any other key of a recipe, e.g. patience=5; repeatable. The keys: "
        "tlearn recipes show auto.",
        "KEY=VALUE",
        TRAINING,
        "--set",
    ),
]


def collect_overrides(
    parameters: Mapping[str, Any], assignments: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the recipe keys that were set by flags of their own and by --set.

    Args:
        parameters: What a command was called with; those named as a recipe key count, and None
            means that the flag was left out.
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
        raise RecipeError(errors, f"leave one of them out: --set {twice[0]}=VALUE")
    return flags | assigned


def as_flags(overrides: Mapping[str, Any]) -> list[str]:
    """Return recipe keys as words of a command line that has a flag for each."""
    return [
        word
        for key, value in overrides.items()
        for word in (f"--{key.replace('_', '-')}", str(value))
    ]


def is_run(path: Path) -> bool:
    """Return whether a path is a directory that `tlearn finetune` made."""
    from tlearn.runs.directory import MARKER

    return path.is_dir() and ((path / "plan.yaml").exists() or (path / MARKER).exists())
