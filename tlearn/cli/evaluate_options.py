"""Options of `tlearn evaluate` that choose thresholds and set limits."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tlearn.cli import options
from tlearn.cli.units import parse_ratio, parse_share
from tlearn.errors import RecipeError

if TYPE_CHECKING:
    from tlearn.evaluation.choice import Choice

_LIMITS, _THRESHOLDS = "Limits", "Thresholds"


def _share(text: str, name: str, panel: str) -> Any:
    """Return an option that takes a share from 0 to 1."""
    return options.option(text, "SHARE", panel, name=name, parser=partial(parse_share, flag=name))


Positive = Annotated[
    str | None,
    options.option(
        "Of two classes, the one that is looked for. Default: a guess by the names (normal, ok, "
        "no_defect are not), else the second.",
        "CLASS",
        _THRESHOLDS,
    ),
]
Cost = Annotated[
    str | None,
    options.option(
        "Of two classes: choose the threshold on validation images by what errors cost, one that "
        "is missed against a false alarm, e.g. 10:1.",
        "FN:FP",
        _THRESHOLDS,
    ),
]
MinSensitivity = Annotated[
    float | None,
    _share(
        "Of two classes: choose the threshold on validation images so that at least this share of "
        "the positive ones is found, e.g. 0.95.",
        "--min-sensitivity",
        _THRESHOLDS,
    ),
]
Thresholds = Annotated[
    bool,
    options.switch(
        "Choose a threshold for each class on validation images, the one with the best F1.",
        "--thresholds",
        _THRESHOLDS,
    ),
]
Keep = Annotated[
    bool,
    options.switch(
        "Have predict and export answer by the threshold that is chosen.", "--keep", _THRESHOLDS
    ),
]
Forget = Annotated[
    bool,
    options.switch(
        "Have them answer the more probable class again, as without --keep.",
        "--forget",
        _THRESHOLDS,
    ),
]
MinAccuracy = Annotated[
    float | None,
    _share("Fail (exit code 1) below this accuracy, e.g. 0.85.", "--min-accuracy", _LIMITS),
]
MinRecall = Annotated[
    list[str] | None,
    options.option(
        "Fail if less than this share of the images of a class is found, e.g. cats=0.9; "
        "repeatable.",
        "CLASS=SHARE",
        _LIMITS,
    ),
]
MaxEce = Annotated[
    float | None,
    _share(
        "Fail above this expected calibration error, e.g. 0.05 (5 points).", "--max-ece", _LIMITS
    ),
]
MinAuc = Annotated[
    float | None,
    _share("Fail below this area under the ROC curve, e.g. 0.9.", "--min-auc", _LIMITS),
]
Unknown = Annotated[
    Path | None,
    options.option("Images of none of the classes: say how many of them are refused.", "FOLDER"),
]


def read_choice(
    positive: str | None,
    cost: str | None,
    min_sensitivity: float | None,
    thresholds: bool = False,
    keep: bool = False,
    forget: bool = False,
) -> Choice:
    """Return what the flags choose.

    Raises:
        RecipeError: They contradict each other.
    """
    from tlearn.confidence.operating_point import Cost
    from tlearn.evaluation.choice import Choice

    if cost and min_sensitivity is not None:
        raise RecipeError(
            "--cost and --min-sensitivity each choose the threshold",
            "leave one of them out: --min-sensitivity 0.95",
        )
    if keep and forget:
        raise RecipeError(
            "--keep keeps a threshold, and --forget keeps none", "leave one of them out: --keep"
        )
    errors_cost = Cost(*parse_ratio(cost, "--cost")) if cost else None
    choice = Choice(positive, errors_cost, min_sensitivity, thresholds)
    if keep and not choice.has_point:
        kept = "the threshold of two classes, not --thresholds"
        raise RecipeError(
            f"--keep keeps {kept if thresholds else 'a threshold, and none is chosen'}",
            "choose one: --min-sensitivity 0.95 --keep",
        )
    return choice
