"""What `tlearn finetune` says before it trains and after: a dozen lines, in words."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from tlearn.cli.advice_text import (
    option_flags,
    price,
    tells_nothing,
    weaker_backbone,
    why,
    won_backbone,
)
from tlearn.cli.confidence_view import draw_strangers
from tlearn.cli.display.formats import (
    backbone_name,
    class_names,
    duration,
    enumeration,
    escape_control,
    interval,
    percent,
    pluralize,
    relative_path,
    rough_duration,
    rough_percent,
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
    kept_groups,
    key_value_table,
    next_steps,
    safe_text,
    score_table,
    verdict,
)
from tlearn.cli.options import as_flags
from tlearn.cli.plan_view import draw_full_plan
from tlearn.cli.target_view import draw_target_scores
from tlearn.data.copy_findings import COPY_KINDS
from tlearn.data.notes import FOLDER_KINDS
from tlearn.data.targets import LABELS, NUMBER, ONE_CLASS
from tlearn.doctor.sentences import short_issues
from tlearn.runs.directory import RUNS_ROOT
from tlearn.suggestion.accuracy_forecast import INTERVAL_COVERAGE
from tlearn.suggestion.choices import choices

if TYPE_CHECKING:
    from tlearn.commands.finetune import FinetuneResult
    from tlearn.data.dataset import Dataset
    from tlearn.data.inspection import DataIssue
    from tlearn.evaluation.metrics import Report
    from tlearn.recipe.plan import Plan

_ALTERNATIVES = {"fast": "faster", "better": "better", "slower": "slower"}
_SHOWN_CLASSES = 4
_SMALL_SHARE = 0.5


def draw_plan(planned: FinetuneResult, verbose: bool) -> list[RenderableType]:
    """Return what is going to be done and why, what to expect of it, and how long it takes."""
    plan, dataset = planned.plan, planned.dataset
    reason = plan.reasons.get("backbone", "")
    blocks: list[RenderableType] = [*weaker_backbone(plan.backbone.name, reason)]
    rows: dict[str, RenderableType] = {} if verbose else {"images": _images(dataset)}
    if plan.ordered:
        rows["order"] = safe_text(" < ".join(plan.split.classes))
    if not verbose:
        blocks += _issues(dataset.issues)
    blocks.append(Text())
    rows["plan"] = safe_text(_sentence(planned))
    if planned.advice and planned.advice.contenders:
        rows["backbone"] = safe_text(reason)
    if not plan.images.horizontal_flip and (why := plan.reasons.get("horizontal_flip")):
        rows["flips"] = Text(f"off: {why}")
    if planned.resumed_from_epoch is not None:
        done = pluralize(planned.resumed_from_epoch, "epoch")
        rows["resumed"] = Text(f"{done} of {plan.training.epochs} were completed before")
    rows |= _forecast(planned)
    if verbose:
        blocks += [dataset_table(dataset), *issue_block(dataset.issues), Text()]
    blocks.append(key_value_table(rows))
    if verbose and planned.advice:
        blocks += [heading("Reasons"), indented(bullets(planned.advice.suggestion.reasons))]
    return [*blocks, *(draw_full_plan(plan) if verbose else [])]


def draw_dry_run() -> list[RenderableType]:
    """Return the end of a dry run."""
    return [Text("\nDry run: nothing was trained")]


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
    if taught := result.taught:
        by = f"\n{taught.n:,} others taught it what to refuse"
        rows = {"strangers": draw_strangers(taught.scores).append(by)} | rows
    elif plan.split.unknown:
        text = "taught nothing: too few validation images say what a tuned network knows"
        rows = {"strangers": Text(text, WARN)} | rows
    if result.repeats:
        rows[result.repeats.kind] = Text(result.repeats.in_words())
    if verbose:
        rows |= _details(result)
    reports = [result.reports[split] for split in ("test", "val") if split in result.reports]
    blocks: list[RenderableType] = [Text()]
    if reports:
        blocks += _verdict(reports[0], result)
    blocks += draw_target_scores(result.target_reports, verbose)
    if result.warnings:
        blocks.append(bullets([Text(warning, WARN) for warning in result.warnings], "!"))
    if result.examination and not result.advice:  # else it was told with the advice
        found = issue_block([*short_issues(result.examination)])
        blocks += [*found, *([Text()] if found else [])]
    if verbose:
        blocks += [Text(), indented(score_table(reports)), *_absent(plan, result.reports), Text()]
    beside = run.path.absolute().parent == RUNS_ROOT.absolute()
    named = "" if beside else f" {escape_control(shell_path(run.path))}"
    on_a_page = "; on a page: tlearn try" if beside else ""  # which takes the latest run in runs/
    steps = {
        f"tlearn predict{named} PHOTO.jpg": f"try it on a photo{on_a_page}",
        f"tlearn export{named} --tflite": "a checked file for a phone",
    }
    return [*blocks, key_value_table(rows), next_steps(steps)]


def _images(dataset: Dataset) -> Text:
    manifest, task = dataset.manifest, dataset.folder.task
    counts = {split: manifest.count(split) for split in ("train", "val", "test")}
    splits = [f"{n:,} {split}" if n else f"no {split}" for split, n in counts.items()]
    names = class_names(dataset.outputs, _SHOWN_CLASSES)
    what = f"of {len(dataset.outputs)} classes ({names})"
    groups = kept_groups(dataset)
    if task == LABELS:
        what = f"with {pluralize(len(dataset.outputs), 'label')} ({names}), several an image"
    elif task == NUMBER:
        what = f"with a number ({names})"
    elif task == ONE_CLASS:
        assert manifest.targets is not None
        n_bad = int(manifest.targets.sum())
        bad = f", and {n_bad:,} bad ones, which are for testing only" * bool(n_bad)
        return Text(f"{len(manifest.names) - n_bad:,} good ones{bad}: {', '.join(splits)}{groups}")
    return Text(f"{len(manifest.names):,} {what}: {', '.join(splits)}{groups}")


def _issues(issues: Sequence[DataIssue]) -> list[RenderableType]:
    """Return warnings, and what says which files are trained on; other notes are counted."""
    shown = [i for i in issues if i.severity == "warning" or i.kind in FOLDER_KINDS]
    # Copies that are kept together do no harm.
    others = [i for i in issues if i not in shown and i.kind not in COPY_KINDS]
    notes = pluralize(len(others), "more note" if shown else "note")
    rest = [indented(Text(f"{notes} on the images: --verbose", DIM))] if others else []
    return [*issue_block(shown), *rest]


def _sentence(planned: FinetuneResult) -> str:
    """Return what is trained, for how long, from where, and why."""
    plan = planned.plan
    network, epochs = backbone_name(plan.backbone.name), plan.training.epochs
    # Other stages than the last one of all were chosen.
    chosen = "head_stages" not in plan.reasons
    on_stages = f" on {stages_name(plan.value('head_stages'))}" * chosen
    features = f"{on_stages} of" if chosen else " on the features of"
    if plan.task == ONE_CLASS:
        return f"learn what good images are like, on {network}, which stays as it is"
    head_only = f"solve a linear head{features} {network}, which stays as it is"
    tuned = plan.training.tuned_stages
    stages = f"all {tuned}" if tuned == len(plan.stages) - 1 else f"the last {tuned} of"
    stages += "" if tuned == len(plan.stages) - 1 else f" {len(plan.stages) - 1}"
    span = pluralize(epochs, "epoch")
    sentence = {
        "linear_head": head_only + f", then train the head for {span}" * bool(epochs),
        "from_scratch": f"train {network} from random weights for {span}",
    }.get(
        plan.policy,
        f"tune {stages} stages of {network} for {span}, starting from a solved head{on_stages}",
    )
    reason = why(planned.advice, planned.option) if planned.advice and planned.option else ""
    if planned.advice and plan.task in (LABELS, NUMBER):
        reason = f"because {planned.advice.suggestion.reasons[-1]}"  # there are no forecasts
    return f"{sentence}, {reason}" if reason else sentence


def _forecast(planned: FinetuneResult) -> Mapping[str, RenderableType]:
    """Return accuracy and time to expect, and what another way to train would bring and cost."""
    seconds, advice, option = planned.forecast_seconds, planned.advice, planned.option
    time = f"about {rough_duration(seconds)} on this machine" if seconds else "unknown"
    if (limit := planned.plan.training.seconds) and seconds and seconds > limit:
        time += f", longer than the {rough_duration(limit)} given"
    if planned.advice and planned.unusual_keys:
        keys = enumeration(planned.unusual_keys)
        set_by_hand = f"no forecast of accuracy with {keys} set by hand, in {time}"
        return {"expected": Text(set_by_hand)}
    if advice is None or option is None:
        return {"time": Text(time)}
    coverage = f"{percent(INTERVAL_COVERAGE, 0)} interval"
    ends = interval(option.low, option.high, 0)
    right = f"{rough_percent(option.accuracy)} right on new images ({coverage}: {ends})"
    if tells_nothing(option):
        right += ": too few images to tell"
    rows: dict[str, RenderableType] = {"expected": Text(f"{right}, in {time}")}
    for choice in choices(advice.options, option):
        if choice.role == "advised":
            continue
        flags = shlex.join([*option_flags(choice.option), *as_flags(won_backbone(advice))])
        if len(rows) < 2:
            name = _ALTERNATIVES[choice.role]
            rows[name] = Text(f"{price(choice)}, with\n{flags}")  # whole, to be copied
    return rows


def _verdict(report: Report, result: FinetuneResult) -> list[RenderableType]:
    """Return the score in words; validation images chose how much of the tuning to keep."""
    kept = result.interpolation
    chosen = kept is not None and report.split == "val"
    notes = [_below_forecast(report, result), "" if result.warnings else _tuning_in_words(result)]
    if chosen:
        notes.insert(0, "These images also chose how much of the tuning to keep.")
    first = verdict(report, "validation images") if chosen else verdict(report)
    return [first, *(Text(note, DIM) for note in notes if note)]


def _below_forecast(report: Report, result: FinetuneResult) -> str:
    option = result.option
    if option is None or report.accuracy >= option.low:
        return ""
    ends = interval(option.low, option.high, 0)
    return f"That is below the forecast ({ends}): these images are harder than the others, or few."


def _tuning_in_words(result: FinetuneResult) -> str:
    """Return what tuning changed; nothing where most of it was kept and it paid off."""
    kept, val = result.interpolation, result.reports.get("val")
    if kept is None:
        return ""
    before = result.history[0] if result.history else {}
    # Epoch 0 is the model before training: the solved head.
    head = before.get("val_accuracy") if before.get("epoch") == 0 else None
    if val and head is not None and val.accuracy <= head:
        return (
            f"Tuning brought nothing: the head it began with was right on {percent(head)} of the "
            f"validation images, the tuned model on {percent(val.accuracy)}."
        )
    if kept < _SMALL_SHARE:
        return (
            f"Only {percent(kept, 0)} of the change made by tuning was kept: on the validation "
            "images that did best."
        )
    return ""


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
