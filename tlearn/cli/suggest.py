"""`tlearn suggest`: where a folder stands in the matrix, what was measured, what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import RenderableType
from rich.text import Text

from tlearn.cli import options, suggest_board
from tlearn.cli import suggest_view as view
from tlearn.cli.advice_text import (
    finetune_command,
    reconciliation,
    summary,
    weaker_backbone,
    won_backbone,
)
from tlearn.cli.display.formats import escape_control
from tlearn.cli.display.progress import Display, print_json, print_result
from tlearn.cli.display.widgets import (
    DIM,
    WARN,
    bullets,
    dataset_table,
    heading,
    indented,
    issue_block,
    next_step,
    safe_text,
)
from tlearn.cli.units import parse_time
from tlearn.errors import RecipeError, pasted
from tlearn.suggestion.accuracy_forecast import INTERVAL_COVERAGE
from tlearn.suggestion.choices import choices
from tlearn.suggestion.choices import to_json as choice_to_json
from tlearn.suggestion.learning_curve import SHARES
from tlearn.suggestion.matrix import Suggestion

if TYPE_CHECKING:
    from tlearn.suggestion.advice import Advice
    from tlearn.suggestion.learning_curve import LearningCurve


_Try = Annotated[
    str | None,
    options.option(
        "Time budget for trial runs of policies that are too close to call, e.g. 90s, 5m; "
        "a bare number is minutes.",
        "TIME",
        name="--try",
    ),
]
_Save = Annotated[
    Path | None, options.option("Save the advice as a recipe, for finetune --recipe.", "FILE")
]
_For = Annotated[
    Literal["tflite"] | None,
    options.option(
        "tflite: also measure what int8 would cost on your images (half a minute).",
        "tflite",
        name="--for",
    ),
]


def suggest(
    context: typer.Context,
    folder: options.Folder,
    task: options.Task = None,
    prefer: options.Prefer = None,
    budget: _Try = None,
    save: _Save = None,
    target: _For = None,
    max_ram: suggest_board.MaxRam = None,
    max_flash: suggest_board.MaxFlash = None,
    backbone: options.Backbone = None,
    weights: options.Weights = None,
    image_size: options.ImageSize = None,
    resize: options.Resize = None,
    seed: options.Seed = None,
    group_by: options.GroupBy = None,
    groups: options.Groups = None,
    no_cache: options.NoCache = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Measure your images and advise how to train.

    Nothing is trained: heads are solved on the features of a frozen network, and
    from these the accuracy and the time of every policy are forecast.

    Example: [cyan]tlearn suggest flowers/[/]
    Compare backbones: [cyan]tlearn rank flowers/[/]
    For a small board: [cyan]tlearn suggest flowers/ --max-ram 200kB --max-flash 300kB[/]
    """
    overrides = options.collect_overrides(context.params)
    if budget and prefer not in (None, "accurate"):
        raise RecipeError(
            f"--try looks for accuracy, --prefer {prefer} does not",
            f"choose one: tlearn suggest {pasted(folder)} --try {budget}",
        )
    seconds = parse_time(budget, "--try") if budget else None
    display = Display(as_json, quiet, verbose)
    others = {"--try": budget, "--save": save, "--for": target, "--prefer": prefer}
    if limits := suggest_board.read_limits(max_flash, max_ram, others):
        suggest_board.suggest_for_board(folder, limits, overrides, not no_cache, display)
        return
    from tlearn import api

    with display:
        advice = api.suggest(
            folder,
            flags=overrides,
            save=save,
            trial_seconds=seconds,
            measure_int8=bool(target),
            keep_cache=not no_cache,
            progress=display,
        )
    overrides = won_backbone(advice) | overrides
    if as_json:
        print_json(to_json(advice, next_command(folder, advice.suggestion, overrides, save)))
    else:
        _print(advice, folder, overrides, save, verbose, bool(seconds))


def _print(
    advice: Advice,
    folder: Path,
    overrides: Mapping[str, Any],
    saved: Path | None,
    verbose: bool,
    trials: bool,
) -> None:
    from tlearn.commands.trials import untried

    if trials and (note := untried(advice.options)):
        print_result(bullets([Text(note, WARN)], "!"))
    warning = weaker_backbone(advice.backbone or "", advice.backbone_reason)
    print_result(*warning, *draw(advice, verbose), *draw_end(advice, folder, overrides, saved))


def next_command(
    folder: Path | str, suggestion: Suggestion, overrides: Mapping[str, Any], saved: Path | None
) -> str:
    """Return the command line that follows the advice, ready to be pasted."""
    if saved:
        return finetune_command(folder, ["--recipe", str(saved)], {})
    return finetune_command(folder, view.option_flags(suggestion), overrides)


def to_json(advice: Advice, command: str) -> dict[str, Any]:
    """Return the document; what was not measured is null."""
    suggestion, similarity, profile = advice.suggestion, advice.similarity, advice.profile
    issues = advice.dataset.issues if advice.dataset else ()
    int8 = advice.int8
    return {
        "task": advice.dataset.folder.task if advice.dataset else None,
        "policy": str(suggestion.policy),
        "head_stages": suggestion.head_stages,
        "size": suggestion.size,
        "similarity": suggestion.similarity,
        "summary": summary(advice),
        "reasons": list(suggestion.reasons),
        "n_train": suggestion.n_train,
        "n_classes": suggestion.n_classes,
        "backbone": advice.backbone,
        "backbone_reason": advice.backbone_reason or None,
        "contenders": [asdict(contender) for contender in advice.contenders],
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
        "choices": [choice_to_json(choice) for choice in choices(advice.options, advice.advised)],
        "int8": asdict(int8) | {"passes_gate": int8.passes_gate} if int8 else None,
        "more_images": _curve_to_json(advice.curve) if advice.curve else None,
        "nearest": {label: dict(classes) for label, classes in advice.nearest.items()},
        "issues": [asdict(issue) for issue in issues],
        "doctor": advice.examination.to_short_json() if advice.examination else None,
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


def draw(advice: Advice, verbose: bool) -> list[RenderableType]:
    """Return the folder, the matrix and everything measured, top to bottom."""
    blocks: list[RenderableType] = []
    dataset = advice.dataset
    if dataset:
        blocks += [Text(), dataset_table(dataset)]
        blocks += issue_block(dataset.issues)
    blocks += [Text(), view.draw_matrix(advice.suggestion)]
    if dataset and advice.similarity and advice.profile and advice.engines:
        engine = f", {advice.engines.in_words()}" * bool(advice.engines.used)
        nearest: list[RenderableType] = []
        if advice.nearest:
            nearest = [Text(), indented(view.draw_nearest(advice.nearest))]
        blocks += [
            heading(f"Measured with {escape_control(advice.backbone)}{engine}"),
            indented(view.draw_similarity(advice.similarity)),
            *nearest,
            *(Text(), indented(view.draw_profile(advice.profile, dataset.seed))),
            *((Text(), indented(view.draw_options(advice))) if advice.options else ()),
        ]
    if advice.int8:
        blocks += [Text(), indented(view.draw_int8(advice.int8))]
    if verbose:
        blocks += [heading("Reasons"), indented(bullets(advice.suggestion.reasons))]
    return blocks


def draw_end(
    advice: Advice, folder: Path, overrides: Mapping[str, Any], saved: Path | None
) -> list[RenderableType]:
    """Return what it all means, in a paragraph, and the ways to go on."""
    blocks: list[RenderableType] = [heading("In short"), indented(safe_text(summary(advice)))]
    differences = reconciliation(advice) if advice.options else ""
    if differences:
        blocks.append(indented(Text(differences, DIM)))
    offered = choices(advice.options, advice.advised)
    if offered:
        blocks.append(heading("Your choices"))
        blocks += view.draw_choices(offered, folder, overrides)
    command = next_command(folder, advice.suggestion, overrides, saved)
    blocks.append(next_step(command))
    return blocks
