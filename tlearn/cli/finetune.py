"""`tlearn finetune`: the plan, the training as it happens, what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from tlearn.cli import options, render
from tlearn.cli.progress import Display, print_json, print_result
from tlearn.cli.render import ACCENT, DIM
from tlearn.runs.directory import RUNS_ROOT

if TYPE_CHECKING:
    from tlearn.api import FinetuneResult
    from tlearn.recipe.plan import Plan

_FACTS = {"recipe", "fingerprint", "stages", "classes", "origins", "reasons"}
_SETTLED = "auto"


def finetune(
    context: typer.Context,
    folder: options.Folder,
    out: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Directory of the run. Left out: a new one under runs/."),
    ] = None,
    overwrite: Annotated[
        bool, options.switch("Replace the run at --out, if there is one.", "--overwrite")
    ] = False,
    dry_run: Annotated[
        bool, options.switch("Print the plan and how long it takes; train nothing.", "--dry-run")
    ] = False,
    recipe: options.Recipe = None,
    policy: options.Policy = None,
    backbone: options.Backbone = None,
    weights: options.Weights = None,
    image_size: options.ImageSize = None,
    resize: options.Resize = None,
    seed: options.Seed = None,
    strict: options.Strict = None,
    keep_samples: options.KeepSamples = None,
    epochs: options.Epochs = None,
    batch_size: options.BatchSize = None,
    learning_rate: options.LearningRate = None,
    augmentation: options.Augmentation = None,
    horizontal_flip: options.HorizontalFlip = None,
    class_weights: options.ClassWeights = None,
    assignments: options.Set = None,
    no_cache: options.NoCache = False,
    as_json: options.Json = False,
) -> None:
    """Train a classifier on your pictures and keep it as a run.

    Says what it is going to do before it does it, and where every value came from.

    Example: [cyan]tlearn finetune flowers/[/]
    Tune more: [cyan]tlearn finetune flowers/ --policy deep --set patience=5[/]
    """
    flags = options.collect_overrides(context.params, assignments or ())
    from tlearn import api

    with Display(as_json) as display:
        outcome = api.finetune(
            folder,
            recipe,
            flags,
            out=out,
            overwrite=overwrite,
            dry_run=dry_run,
            keep_cache=not no_cache,
            progress=display,
            on_epoch=display.epoch,
            on_plan=lambda found: display.show(*draw_plan(found)),
        )
    if as_json:
        print_json(to_json(outcome))
    else:
        print_result(*(draw_result(outcome) if outcome.run else draw_forecast(outcome)))


def to_json(outcome: FinetuneResult) -> dict[str, Any]:
    """The document; a dry run has no run, no accuracies and a forecast."""
    reports, seconds = outcome.reports, dict(outcome.seconds)
    return {
        "run": str(outcome.run.path) if outcome.run else None,
        "policy": outcome.plan.policy,
        "backbone": outcome.plan.backbone.name,
        "val_accuracy": reports["val"].accuracy if "val" in reports else None,
        "test_accuracy": reports["test"].accuracy if "test" in reports else None,
        "seconds": seconds.pop("total", None),
        "forecast_seconds": outcome.forecast_seconds,
        "interpolation": outcome.interpolation,
        "timings": seconds,
        "engines": outcome.engines.used,
        "engine_rates": outcome.engines.rates,
        "reports": {split: report.to_json() for split, report in reports.items()},
        "issues": [asdict(issue) for issue in outcome.dataset.issues],
        "plan": asdict(outcome.plan),
    }


def draw_plan(outcome: FinetuneResult) -> list[RenderableType]:
    """What is going to run: the pictures, what is trained, every key and who set it."""
    plan = outcome.plan
    blocks: list[RenderableType] = [
        Text(),
        render.images(outcome.dataset),
        render.findings(outcome.dataset.issues),
        Text.assemble(("\nPlan  ", "bold"), (plan.policy, ACCENT), f" on {_network(plan)}"),
    ]
    if outcome.advice:
        blocks.append(render.indented(render.bullets(outcome.advice.suggestion.reasons)))
    stages, keys = render.indented(_stages(plan)), render.indented(_keys(plan))
    return [*blocks, Text(), stages, Text(), keys, Text()]


def draw_forecast(outcome: FinetuneResult) -> list[RenderableType]:
    """The end of a dry run."""
    seconds = outcome.forecast_seconds
    about = f"about {render.duration(seconds)}" if seconds else "not measured"
    return [Text.assemble(("time       ", DIM), f"{about} on this machine; nothing was trained")]


def draw_result(outcome: FinetuneResult) -> list[RenderableType]:
    """What was reached, where it is, what to do with it."""
    run, plan = outcome.run, outcome.plan
    assert run is not None
    timings = dict(outcome.seconds)
    total = timings.pop("total", 0.0)
    longest = sorted(timings.items(), key=lambda item: -item[1])[:4]
    spent = ", ".join(f"{name} {render.duration(s)}" for name, s in longest if s >= 0.05)
    rows = {
        "run": render.words(render.near(run.path)),
        "report": render.words(render.near(run.report_path)),
        "time": Text(render.duration(total) + (f" ({spent})" if spent else "")),
    }
    if outcome.interpolation is not None:
        chosen = (
            ", chosen on validation" if plan.split.n_val else ", with no validation to choose by"
        )
        rows["kept"] = Text(f"{outcome.interpolation:.0%} of the tuning{chosen}")
    if engine := outcome.engines.in_words():
        rows["engine"] = Text(engine)
    blocks: list[RenderableType] = [Text("\nAccuracy on pictures held out", "bold")]
    blocks.append(render.indented(render.scores(outcome.reports.values())))
    for split, absence in _absent(plan).items():
        if split not in outcome.reports:
            blocks.append(Text(f"  {absence}", DIM))
    beside = run.path.absolute().parent == RUNS_ROOT.absolute()
    newest = "" if beside else f" {render.argument(run.path)}"
    return [
        *blocks,
        Text(),
        render.facts(rows),
        render.next_step(f"tlearn export{newest} --tflite"),
    ]


def _absent(plan: Plan) -> dict[str, str]:
    val = "no val split"
    if plan.split.folds:
        val += f": cross-validation in {plan.split.folds} folds took its place"
    return {"val": val, "test": "no test split: the folder brings none of its own"}


def _network(plan: Plan) -> str:
    """The backbone, and what its head reads where that is not the last stage of all."""
    name = render.escape_control(plan.backbone.name)
    if "head_stages" in plan.reasons:  # nobody asked for other stages
        return name
    return f"stage{'s' * (len(plan.head.stages) > 1)} {plan.head.stages} of {name}"


def _stages(plan: Plan) -> RenderableType:
    made = render.table("stage", "parameters", "learning rate", right=(1,))
    for stage in plan.stages:
        made.add_row(render.words(stage.name), f"{stage.parameters:,}", _treatment(plan, stage))
    trained = sum(stage.parameters for stage in plan.stages if stage.learning_rate)
    trained = trained or plan.stages[-1].parameters
    share = trained / sum(stage.parameters for stage in plan.stages)
    steps = (
        f"{plan.training.epochs} epochs of {plan.training.steps_per_epoch} steps"
        if plan.training.epochs
        else "no epochs"
    )
    what = f"{trained:,} parameters trained ({render.percent(share)}), {steps}"
    return Group(made, Text(what, DIM))


def _treatment(plan: Plan, stage: Any) -> Text:
    is_head = stage is plan.stages[-1]
    solved = is_head and plan.policy != "from_scratch"
    if not stage.learning_rate:
        return Text("solved", ACCENT) if solved else Text("frozen", DIM)
    text = render.rate(stage.learning_rate)
    return Text(f"solved, then {text}" if solved else text, ACCENT)


def _keys(plan: Plan) -> RenderableType:
    """Every key: those that somebody or the pictures settled as rows, plain defaults as a list."""
    made = render.table("key", "value", "from")
    defaults = []
    for key, value in _values(plan).items():
        origin, reason = plan.origins.get(key, "default"), plan.reasons.get(key)
        shown = _value(key, value)
        if origin == "default" and reason:
            made.add_row(key, shown, Text(f"{_SETTLED}: {render.escape_control(reason)}", DIM))
        elif origin == "default":
            defaults.append(f"{key}={shown}")
        else:
            name = plan.recipe if origin == "recipe" and plan.recipe else origin
            made.add_row(key, shown, render.words(name, ACCENT if origin == "flag" else ""))
    rest = Text.assemble(("defaults  ", "bold"), ", ".join(defaults), style=DIM)
    return Group(made, Text(), rest)


def _values(plan: Plan) -> Mapping[str, Any]:
    return {key: plan.value(key) for key in plan.origins if key not in _FACTS}


def _value(key: str, value: Any) -> str:
    if key == "solved_head_l2" and value is None:
        return "by folds"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return render.rate(value) if key == "learning_rate" else f"{value:g}"
    return "-" if value is None else render.escape_control(value)
