"""What `tlearn finetune` says before it trains and after: a dozen lines, in words."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from tlearn.cli.advice_text import expectation, option_flags, price, weaker_backbone, why
from tlearn.cli.display.formats import (
    backbone_name,
    class_names,
    duration,
    escape_control,
    percent,
    pluralize,
    relative_path,
    rough_duration,
    shell_path,
    stages_name,
)
from tlearn.cli.display.widgets import (
    DIM,
    WARN,
    bullets,
    dataset_table,
    heading,
    indented,
    issue_block,
    key_value_table,
    next_steps,
    safe_text,
    score_table,
    verdict,
)
from tlearn.cli.plan_view import draw_full_plan
from tlearn.runs.directory import RUNS_ROOT
from tlearn.suggestion.choices import choices

if TYPE_CHECKING:
    from pathlib import Path

    from tlearn.commands.finetune import FinetuneResult
    from tlearn.data.dataset import Dataset
    from tlearn.data.inspection import DataIssue
    from tlearn.evaluation.metrics import Report
    from tlearn.recipe.plan import Plan

_ALTERNATIVES = {"fast": "faster", "better": "better", "slower": "slower"}
_SHOWN_CLASSES = 4
_SMALL_SHARE = 0.5


def draw_plan(planned: FinetuneResult, folder: Path, verbose: bool) -> list[RenderableType]:
    """Return what is going to be done and why, what to expect of it, and how long it takes."""
    plan, dataset = planned.plan, planned.dataset
    command = f"tlearn finetune {shell_path(folder)}"
    reason = plan.reasons.get("backbone", "")
    blocks: list[RenderableType] = [*weaker_backbone(plan.backbone.name, reason, command), Text()]
    rows: dict[str, RenderableType] = {} if verbose else {"images": _images(dataset)}
    if dataset.issues and not verbose:
        rows["note"] = _first_issue(dataset.issues)
    rows["plan"] = safe_text(_sentence(planned))
    rows |= _forecast(planned)
    if verbose:
        blocks += [dataset_table(dataset), *issue_block(dataset.issues), Text()]
    blocks.append(key_value_table(rows))
    if verbose and planned.advice:
        blocks += [heading("Reasons"), indented(bullets(planned.advice.suggestion.reasons))]
    return [*blocks, *(draw_full_plan(plan) if verbose else [])]


def draw_dry_run(planned: FinetuneResult) -> list[RenderableType]:
    """Return the end of a dry run."""
    seconds = planned.forecast_seconds
    time = f"about {rough_duration(seconds)}" if seconds else "unknown"
    return [Text(f"\nEstimated time: {time} (dry run; nothing was trained)")]


def draw_result(result: FinetuneResult, verbose: bool) -> list[RenderableType]:
    """Return how good the model is, where it is, and what to do with it."""
    run, plan = result.run, result.plan
    assert run is not None
    seconds = duration(result.seconds.get("total", 0.0))
    page = relative_path(run.report_path)
    rows: dict[str, RenderableType] = {
        "run": safe_text(f"{relative_path(run.path)} ({seconds})"),
        "report": safe_text(f"{page} (open it in a browser)"),
    }
    if verbose:
        rows |= _details(result)
    reports = [result.reports[split] for split in ("test", "val") if split in result.reports]
    blocks: list[RenderableType] = [Text()]
    if reports:
        blocks += _verdict(reports[0], result)
    if result.warnings:
        blocks.append(bullets([Text(warning, WARN) for warning in result.warnings], "!"))
    if verbose:
        blocks += [Text(), indented(score_table(reports)), *_absent(plan, result.reports), Text()]
    beside = run.path.absolute().parent == RUNS_ROOT.absolute()
    named = "" if beside else f" {escape_control(shell_path(run.path))}"
    steps = {
        f"tlearn predict{named} PHOTO.jpg": "try it on a photo of your own",
        f"tlearn export{named} --tflite": "a checked file for a phone",
    }
    return [*blocks, key_value_table(rows), next_steps(steps)]


def _images(dataset: Dataset) -> Text:
    manifest = dataset.manifest
    counts = {split: manifest.count(split) for split in ("train", "val", "test")}
    splits = [f"{n:,} {split}" if n else f"no {split}" for split, n in counts.items()]
    classes = f"{len(manifest.classes)} classes ({class_names(manifest.classes, _SHOWN_CLASSES)})"
    return Text(f"{len(manifest.names):,} of {classes}: {', '.join(splits)}")


def _first_issue(issues: tuple[DataIssue, ...]) -> Text:
    gravest = issues[0]
    style = WARN if gravest.severity == "warning" else ""
    text = safe_text(gravest.message, style)
    more = len(issues) - 1
    return text.append(f" ({more} more: --verbose)", DIM) if more else text


def _sentence(planned: FinetuneResult) -> str:
    """Return what is trained, for how long, from where, and why."""
    plan = planned.plan
    network, epochs = backbone_name(plan.backbone.name), plan.training.epochs
    head_only = f"solve a linear head on the features of {network}, which stays as it is"
    # Other stages than the last one of all were chosen.
    chosen = "head_stages" not in plan.reasons
    head = "a solved head" + f" on {stages_name(plan.value('head_stages'))}" * chosen
    tuned = plan.training.tuned_stages
    stages = f"all {tuned}" if tuned == len(plan.stages) - 1 else f"the last {tuned} of"
    stages += "" if tuned == len(plan.stages) - 1 else f" {len(plan.stages) - 1}"
    span = pluralize(epochs, "epoch")
    sentence = {
        "linear_head": head_only + f", and train it for {span}" * bool(epochs),
        "from_scratch": f"train {network} from random weights for {span}",
    }.get(
        plan.policy,
        f"tune {stages} stages of {network} for {span}, starting from {head}",
    )
    reason = why(planned.advice) if planned.advice else ""
    return f"{sentence}, {reason}" if reason else sentence


def _forecast(planned: FinetuneResult) -> Mapping[str, RenderableType]:
    """Return accuracy and time to expect, and what another way to train would bring and cost."""
    seconds, advice = planned.forecast_seconds, planned.advice
    time = f"about {rough_duration(seconds)} on this machine" if seconds else "unknown"
    if advice is None:
        return {"time": Text(time)}
    rows: dict[str, RenderableType] = {}
    for choice in choices(advice.options, advice.suggestion):
        if choice.role == "advised":
            rows["expected"] = Text(f"{expectation(choice.option)} right on new images, in {time}")
            continue
        flags = shlex.join(option_flags(choice.option))
        if len(rows) < 2:
            name = _ALTERNATIVES[choice.role]
            rows[name] = Text(f"{price(choice)}, with {flags}")
    return {name: rows[name] for name in sorted(rows, key=lambda name: name != "expected")}


def _verdict(report: Report, result: FinetuneResult) -> list[RenderableType]:
    """Return the score in words; validation images chose how much of the tuning to keep."""
    kept = result.interpolation
    if kept is None:
        return [verdict(report)]
    share = f"{percent(kept, 0)}{'; the rest is the solved head' if kept < _SMALL_SHARE else ''}"
    if report.split == "val":
        note = f"These images also chose how much of the tuning to keep: {share}."
        return [verdict(report, "validation images"), Text(note, DIM)]
    note = f"Of the tuning, the model kept {share}."
    few = kept < _SMALL_SHARE and not result.warnings  # which say what was kept, and why
    return [verdict(report), *([Text(note, DIM)] if few else [])]


def _details(result: FinetuneResult) -> dict[str, RenderableType]:
    timings = {name: s for name, s in result.seconds.items() if name != "total"}
    longest = sorted(timings.items(), key=lambda item: -item[1])[:4]
    rows: dict[str, RenderableType] = {
        "time": Text(", ".join(f"{name} {duration(s)}" for name, s in longest if s >= 0.05))
    }
    if result.interpolation is not None:
        chosen = "chosen on validation" if result.plan.split.n_val else "no validation to choose by"
        rows["kept"] = Text(
            f"{percent(result.interpolation, 0)} of the way from the solved head to the tuned "
            f"weights ({chosen})"
        )
    if engine := result.engines.in_words():
        rows["engine"] = Text(engine)
    return rows


def _absent(plan: Plan, reports: Mapping[str, Report]) -> list[RenderableType]:
    val = "no val split"
    if plan.split.folds:
        val += f": cross-validation in {plan.split.folds} folds took its place"
    reasons = {"val": val, "test": "no test split: the folder brings none of its own"}
    return [Text(f"  {text}", DIM) for split, text in reasons.items() if split not in reports]
