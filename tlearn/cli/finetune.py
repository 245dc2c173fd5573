"""`tlearn finetune`: the plan in words, the training as it happens, what came of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tlearn.backend.processes import Processes
from tlearn.cli import finetune_policies, options
from tlearn.cli.display.progress import Display, print_json, print_result
from tlearn.cli.finetune_view import draw_dry_run, draw_plan, draw_result
from tlearn.errors import RecipeError, TlearnError
from tlearn.suggestion.choices import choices
from tlearn.suggestion.choices import to_json as choice_to_json

if TYPE_CHECKING:
    from tlearn.commands.finetune import FinetuneResult

_START_NOTE = "the solved head; a dip at first is normal"

_DryRun = Annotated[
    bool, options.switch("Show the plan and the time it takes; train nothing.", "--dry-run")
]
_Out = Annotated[
    Path | None, options.option("Directory of the run. Default: a new one in runs/.", "DIR")
]
_Resume = Annotated[
    bool,
    options.switch(
        "Go on with a run that was stopped, or give a finished one more --epochs: "
        "tlearn finetune --resume [RUN].",
        "--resume",
    ),
]
_Unknown = Annotated[
    str | None,
    options.option(
        "Images of none of the classes, to teach which images to refuse: a class of FOLDER, which "
        "is then no class, or another folder.",
        "CLASS|FOLDER",
        options.IMAGES,
    ),
]
_Folds = Annotated[
    int | None,
    options.option(
        "Also train on folds of the train and val images, each tested on once, and show the "
        "mean accuracy with its interval. Of a linear head it costs seconds.",
        "N",
        options.TRAINING,
    ),
]
_Seeds = Annotated[
    int | None,
    options.option(
        "Also train with other seeds, so many in all: another split and training for each.",
        "N",
        options.TRAINING,
    ),
]
_Devices = Annotated[
    int | None,
    options.option(
        "How many GPUs of this machine, or other devices, to train on; KERAS_BACKEND=jax. "
        "Default: all.",
        "N",
        options.TRAINING,
    ),
]
_Policies = Annotated[
    str | None,
    options.option(
        "Train several policies on the same split, each a run of its own, and compare them, e.g. "
        "linear-head,deep,from-scratch. Each gets the time of --for.",
        "LIST",
    ),
]
_Overwrite = Annotated[
    bool, options.switch("Replace the run at --out, if there is one.", "--overwrite")
]


def finetune(
    context: typer.Context,
    folder: options.FolderOrRun = None,
    policy: options.Policy = None,
    policies: _Policies = None,
    task: options.Task = None,
    prefer: options.Prefer = None,
    dry_run: _DryRun = False,
    out: _Out = None,
    overwrite: _Overwrite = False,
    resume: _Resume = False,
    folds: _Folds = None,
    seeds: _Seeds = None,
    devices: _Devices = None,
    epochs: options.Epochs = None,
    seconds: options.TimeLimit = None,
    deterministic: options.Deterministic = None,
    augmentation: options.Augmentation = None,
    class_weights: options.ClassWeights = None,
    learning_rate: options.LearningRate = None,
    batch_size: options.BatchSize = None,
    recipe: options.Recipe = None,
    assignments: options.Set = None,
    backbone: options.Backbone = None,
    weights: options.Weights = None,
    image_size: options.ImageSize = None,
    resize: options.Resize = None,
    seed: options.Seed = None,
    group_by: options.GroupBy = None,
    groups: options.Groups = None,
    unknown: _Unknown = None,
    strict: options.Strict = None,
    horizontal_flip: options.HorizontalFlip = None,
    keep_samples: options.KeepSamples = None,
    no_cache: options.NoCache = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Train a classifier on your images and save it as a run.

    First it shows what it will train, why, and what to expect of it.

    Example: [cyan]tlearn finetune flowers/[/]
    Tune more: [cyan]tlearn finetune flowers/ --policy deep --set patience=5[/]
    """
    if _follows(devices, policies):
        return
    _ensure_folder(folder, resume)
    overrides = options.collect_overrides(context.params, assignments or ())
    kept = {"out": out, "overwrite": overwrite, "keep_cache": not no_cache}
    one = {"resume": resume, "folds": folds, "seeds": seeds, "devices": devices}
    one["dry_run"] = dry_run
    display, chosen = Display(as_json, quiet, verbose), (recipe, overrides)
    if policies is not None:
        finetune_policies.run(folder, policies, chosen, kept, one, display)
    _show_result(_train(folder, chosen, kept | one, display, verbose), as_json, verbose)


def _follows(devices: int | None, policies: str | None) -> bool:
    """Train along if this process is one of several and not the first; return whether it was."""
    processes = Processes.of(os.environ, devices)
    if policies is not None and processes.size > 1:
        raise RecipeError(
            f"--policies trains by one process, and {processes.size} were started",
            "train one policy at a time: --policy deep",
        )
    if not processes.leads:
        from tlearn.commands.follow import follow

        follow(processes)
    return not processes.leads


def _train(
    folder: Path | None,
    chosen: tuple[str | None, Mapping[str, Any]],
    named: Mapping[str, Any],
    display: Display,
    verbose: bool,
) -> FinetuneResult:
    from tlearn import api

    with display:
        return api.finetune(
            folder,
            *chosen,
            **named,
            progress=display,
            on_epoch=display.epoch,
            on_plan=lambda planned: _show_plan(display, planned, verbose),
        )


def _ensure_folder(folder: Path | None, resume: bool) -> None:
    if folder is None and not resume:
        raise TlearnError("missing argument FOLDER", "as in: tlearn finetune flowers/")


def _show_result(result: FinetuneResult, as_json: bool, verbose: bool) -> None:
    if as_json:
        print_json(to_json(result))
    else:
        print_result(*(draw_result(result, verbose) if result.run else draw_dry_run()))


def _show_plan(display: Display, planned: FinetuneResult, verbose: bool) -> None:
    if planned.plan.policy != "from_scratch":
        display.start_note = _START_NOTE
    display.show(*draw_plan(planned, verbose))


def to_json(result: FinetuneResult) -> dict[str, Any]:
    """Return the document; a dry run has no run and no accuracies."""
    from tlearn.evaluation.target_scores import headline

    reports, seconds = result.reports, dict(result.seconds)
    targets = {s: result.target_reports[s] for s in ("test", "val") if s in result.target_reports}
    every = {**reports, **targets}
    offered = choices(result.advice.options, result.option) if result.advice else []
    return {
        "run": str(result.run.path) if result.run else None,
        "resumed_from_epoch": result.resumed_from_epoch,
        "task": result.plan.task,
        "policy": result.plan.policy,
        "backbone": result.plan.backbone.name,
        "head_stages": result.plan.value("head_stages"),
        "image_size": result.plan.images.image_size,
        "prefer": result.plan.prefer,
        "choices": [choice_to_json(choice) for choice in offered],
        "val_accuracy": reports["val"].accuracy if "val" in reports else None,
        "test_accuracy": reports["test"].accuracy if "test" in reports else None,
        "unknown_auroc": result.taught and result.taught.scores.auroc,
        "unknown_accepted": result.taught and result.taught.scores.accepted,
        "seconds": seconds.pop("total", None),
        "forecast_seconds": result.forecast_seconds,
        "interpolation": result.interpolation,
        "repeats": result.repeats.to_json() if result.repeats else None,
        "warnings": result.warnings,
        "timings": seconds,
        "engines": result.engines.used,
        "engine_rates": result.engines.rates,
        "reports": {split: report.to_json() for split, report in every.items()},
        **(headline(next(iter(targets.values()))) if targets else {}),
        "issues": [asdict(issue) for issue in result.dataset.issues],
        "doctor": result.examination.to_short_json() if result.examination else None,
        "plan": asdict(result.plan),
    }
