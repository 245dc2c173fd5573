"""`tlearn suggest`: where a folder stands in the matrix, what was measured, what to do."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import RenderableType
from rich.text import Text

from tlearn.cli import options, render
from tlearn.cli import suggest_view as evidence
from tlearn.cli.progress import Display, print_json, print_result
from tlearn.cli.rank import rank_backbones
from tlearn.cli.render import DIM
from tlearn.cli.units import parse_time
from tlearn.errors import TlearnError
from tlearn.suggestion.accuracy_forecast import INTERVAL_COVERAGE, option_label
from tlearn.suggestion.learning_curve import SHARES
from tlearn.suggestion.matrix import Suggestion

if TYPE_CHECKING:
    from tlearn.api import Advice
    from tlearn.suggestion.learning_curve import LearningCurve


class Prefer(StrEnum):
    """What to choose between networks that are about as good."""

    ACCURATE = "accurate"
    SMALL = "small"


_Images = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Without a folder: how many training pictures."),
]
_Classes = Annotated[
    int | None, typer.Option(min=2, metavar="K", help="Without a folder: how many classes.")
]
_Similar = Annotated[
    bool | None,
    options.switch(
        "Without a folder: whether the pictures look like everyday photographs, which the "
        "backbone was trained on.",
        "--similar/--different",
    ),
]
_Prefer = Annotated[
    Prefer,
    typer.Option(
        help="small: the smallest network whose head is as good as the best, within an error.",
    ),
]
_Try = Annotated[
    str | None,
    typer.Option(
        "--try",
        metavar="TIME",
        help="Time for real trials of what the evidence cannot tell apart: 90s, 5m.",
        show_default=False,
    ),
]
_Save = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Keep the suggestion as a recipe.", show_default=False),
]
_Backbones = Annotated[
    str | None,
    typer.Option(
        metavar="A,B,...",
        help="Rank these backbones instead; all-available takes those with weights here.",
        show_default=False,
    ),
]
_MaxSize = Annotated[
    str | None,
    typer.Option(metavar="4MB", help="Rank only networks so small.", show_default=False),
]
_For = Annotated[
    Literal["tflite"] | None,
    typer.Option(
        "--for",
        help="tflite: measure what int8 would cost on these pictures (half a minute).",
        show_default=False,
    ),
]
_Folder = Annotated[
    Path | None,
    typer.Argument(
        metavar="FOLDER",
        help="Pictures: one sub-folder per class, train/val/test folders of such, or a CSV.",
        show_default=False,
    ),
]


def suggest(
    context: typer.Context,
    folder: _Folder = None,
    images: _Images = None,
    classes: _Classes = None,
    similar: _Similar = None,
    backbone: options.Backbone = None,
    weights: options.Weights = None,
    image_size: options.ImageSize = None,
    resize: options.Resize = None,
    seed: options.Seed = None,
    prefer: _Prefer = Prefer.ACCURATE,
    budget: _Try = None,
    save: _Save = None,
    backbones: _Backbones = None,
    max_size: _MaxSize = None,
    target: _For = None,
    no_cache: options.NoCache = False,
    as_json: options.Json = False,
) -> None:
    """Measure your pictures and advise what to train.

    Little or a lot of data, like or unlike what the backbone knows: the matrix
    shows where your folder stands, the measurements show why.

    Example: [cyan]tlearn suggest flowers/[/]
    Without pictures: [cyan]tlearn suggest --images 400 --classes 5 --similar[/]
    """
    flags = options.collect_overrides(context.params)
    small = prefer is Prefer.SMALL
    if budget and small:
        raise TlearnError("--try looks for accuracy, --prefer small for size", "give one of them")
    if (folder is None or backbones is not None) and (budget or save or small):
        raise TlearnError(
            "--try, --save and --prefer judge one backbone on pictures", "tlearn suggest FOLDER"
        )
    if folder is not None:
        _only_a_folder(folder, images, classes, similar)
    if backbones is not None:
        rank_backbones(folder, backbones, max_size, bool(target), flags, not no_cache, as_json)
        return
    if max_size is not None:
        raise TlearnError("--max-size bounds a ranking", "as in: --backbones A,B --max-size 4MB")
    if folder is None:
        if target:
            raise TlearnError("--for measures pictures", "tlearn suggest FOLDER --for tflite")
        advice = _without_images(images, classes, similar)
    else:
        from tlearn import api

        with Display(as_json) as display:
            advice = api.suggest(
                folder,
                flags=flags,
                prefer_small=small,
                save=save,
                trial_seconds=parse_time(budget, "--try") if budget else None,
                measure_int8=bool(target),
                keep_cache=not no_cache,
                progress=display,
            )
    command = next_command(folder, advice.suggestion, flags, save)
    if as_json:
        print_json(to_json(advice, command))
    else:
        print_result(*draw(advice, command))


def next_command(
    folder: Path | None, suggestion: Suggestion, flags: Mapping[str, Any], saved: Path | None
) -> str:
    """The command line that follows the advice, ready to be copied."""
    parts = ["tlearn", "finetune", str(folder) if folder else "FOLDER"]
    if saved:
        return shlex.join([*parts, "--recipe", str(saved)])
    parts += ["--policy", str(suggestion.policy)]
    if suggestion.head_stages != "last":
        parts += ["--set", f"head_stages={suggestion.head_stages}"]
    return shlex.join([*parts, *options.as_flags(flags)])


def to_json(advice: Advice, command: str) -> dict[str, Any]:
    """The document; what was not measured is null."""
    suggestion, similarity, profile = advice.suggestion, advice.similarity, advice.profile
    found = advice.dataset.issues if advice.dataset else ()
    return {
        "policy": str(suggestion.policy),
        "head_stages": suggestion.head_stages,
        "size": suggestion.size,
        "similarity": suggestion.similarity,
        "reasons": list(suggestion.reasons),
        "n_train": suggestion.n_train,
        "n_classes": suggestion.n_classes,
        "backbone": advice.backbone,
        "backbone_reason": advice.backbone_reason or None,
        "similarity_score": similarity.score if similarity else None,
        "effective_dimension": similarity.effective_dimension if similarity else None,
        "source_classes": similarity.source_classes if similarity else None,
        "head_accuracy": profile.last.accuracy if profile else None,
        "profile": dict(profile.accuracies) if profile else None,
        "guessing": profile.guessing if profile else None,
        "folds": profile.last.folds if profile else None,
        "seed": advice.dataset.seed if advice.dataset else None,
        "coverage": INTERVAL_COVERAGE,
        "options": [asdict(option) for option in advice.options],
        "int8": asdict(advice.int8) | {"passes_gate": advice.int8.passes_gate}
        if advice.int8
        else None,
        "more_images": _curve_to_json(advice.curve) if advice.curve else None,
        "nearest": {label: dict(found) for label, found in advice.nearest.items()},
        "issues": [asdict(issue) for issue in found],
        "seconds": dict(advice.seconds) if advice.seconds else None,
        "engines": advice.engines.used if advice.engines else None,
        "next": command,
    }


def _curve_to_json(curve: LearningCurve) -> dict[str, Any]:
    return {
        "shares": SHARES,
        "accuracies": curve.accuracies,
        "slope": curve.slope,
        "accuracy_with_twice": curve.accuracy_with(2),
        "images_for_two_points": curve.images_for(0.02),
        "helps": curve.helps if curve.drawn else None,
    }


def draw(advice: Advice, command: str) -> list[RenderableType]:
    """Everything, top to bottom."""
    suggestion, blocks = advice.suggestion, list[Any]()
    if advice.dataset:
        blocks += [
            Text(),
            render.images(advice.dataset),
            render.findings(advice.dataset.issues),
        ]
    blocks += [Text(), evidence.matrix(suggestion)]
    if advice.similarity and advice.profile and advice.engines and advice.dataset:
        engine = advice.engines.in_words()
        heading = f"Measured with {render.escape_control(advice.backbone)}" + f", {engine}" * bool(
            engine
        )
        blocks += [
            render.heading(heading),
            *([Text(f"  {advice.backbone_reason}", DIM)] if advice.backbone_reason else []),
            render.indented(evidence.similarity(advice.similarity)),
            *(
                [Text(), render.indented(evidence.nearest(advice.nearest))]
                if advice.nearest
                else []
            ),
            Text(),
            render.indented(evidence.profile(advice.profile, advice.dataset.seed)),
            Text(),
            render.indented(evidence.options(advice)),
        ]
    if advice.int8:
        blocks += [Text(), render.indented(evidence.int8(advice.int8))]
    if advice.curve:
        blocks += [Text(), render.indented(evidence.more_images(advice.curve, advice))]
    name = option_label(suggestion.policy, suggestion.head_stages)
    blocks += [
        Text.assemble("\n", ("Advice: ", "bold"), (name, render.ACCENT)),
        render.indented(render.bullets(suggestion.reasons)),
        render.next_step(command),
    ]
    return blocks


def _without_images(images: int | None, classes: int | None, similar: bool | None) -> Advice:
    from tlearn import api

    example = "tlearn suggest --images 400 --classes 5 --similar"
    if images is None and classes is None and similar is None:
        raise TlearnError(
            "nothing to judge: neither a folder nor counts were given",
            f"tlearn suggest FOLDER measures pictures; without pictures: {example}",
        )
    if images is None or classes is None or similar is None:
        given = {"--images": images, "--classes": classes, "--similar or --different": similar}
        missing = [name for name, value in given.items() if value is None]
        raise TlearnError(
            f"without a folder, {' and '.join(missing)} must be said too", f"as in: {example}"
        )
    if images < classes:
        raise TlearnError(
            f"{images} pictures cannot fill {classes} classes",
            "--images counts all classes together",
        )
    return api.matrix(images, classes, similar)


def _only_a_folder(
    folder: Path, images: int | None, classes: int | None, similar: bool | None
) -> None:
    if images is not None or classes is not None or similar is not None:
        raise TlearnError(
            f"--images, --classes, --similar and --different describe pictures you do not have "
            f"here, but the folder {folder} was given too",
            f"leave them out to measure the folder: tlearn suggest {shlex.quote(str(folder))}",
        )
