"""`tlearn finetune`: train a classifier on a folder and keep it as a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tlearn.commands.advice import advise
from tlearn.commands.advise_targets import advise_targets
from tlearn.commands.choose_backbone import choose_backbone
from tlearn.commands.choose_mirror import choose_mirror
from tlearn.commands.examine import examine_shortly
from tlearn.commands.follow import lead
from tlearn.commands.plan_time import fit_into_time, forecast_plan
from tlearn.commands.repeats import (
    PlannedRepeats,
    check_repeats,
    collect,
    forecast_repeats,
    plan_repeats,
    run_repeats,
)
from tlearn.commands.resume import (
    ResumedRun,
    Resumption,
    begun_with,
    find_pending,
    find_resumption,
    go_on,
    request_of,
)
from tlearn.commands.save import begin_run, recorder, save_run
from tlearn.commands.session import Session
from tlearn.commands.train import fit
from tlearn.commands.workspace import Workspace
from tlearn.confidence.strangers import Taught
from tlearn.data.dataset import Dataset
from tlearn.data.targets import CLASSES, ONE_CLASS, ensure_classes
from tlearn.doctor.examination import Examination
from tlearn.evaluation.metrics import Report
from tlearn.evaluation.resampling import Repeats
from tlearn.evaluation.target_scores import TargetReport
from tlearn.features.engine import EngineChoice
from tlearn.progress import EpochCallback, ProgressCallback, Timer, no_progress
from tlearn.recipe.loading import load_recipe
from tlearn.recipe.plan import GRADIENT_KEYS, Plan
from tlearn.recipe.schema import LAST3
from tlearn.runs.directory import RunDirectory, ensure_no_run
from tlearn.runs.pending import PendingRun, Request
from tlearn.suggestion.accuracy_forecast import Option
from tlearn.suggestion.advice import Advice, Contender
from tlearn.suggestion.depth_profile import HeadScore


@dataclass(frozen=True)
class FinetuneResult:
    """What `finetune` did or, where `run` is None, would do.

    Attributes:
        run: The run directory.
        plan: Every value resolved.
        advice: The measured suggestion, where the policy was left open.
        dataset: The folder as read.
        reports: Split name to what the model scored on it, of classes.
        target_reports: The same of several labels, or of a number.
        history: Epoch records.
        seconds: Where the time went, and `total`.
        forecast_seconds: How long the whole was expected to take from here, before it began.
        engines: What ran the frozen network.
        interpolation: Position between the solved head (0) and the end of tuning (1), or None.
        warnings: What went wrong in training, and what to do about it.
        resumed_from_epoch: Epochs that an earlier, stopped command had completed; None for a run
            that began afresh.
        unusual_keys: Recipe keys that were set to other values than those the forecast holds for.
        examination: What was found in the folder on the way.
        taught: What has taught the model which images to refuse; None where nothing has.
        repeats: What the same training reached on other splits, where that was asked for.
    """

    run: RunDirectory | None
    plan: Plan
    advice: Advice | None
    dataset: Dataset
    reports: Mapping[str, Report]
    history: Sequence[Mapping[str, Any]]
    seconds: Mapping[str, float]
    engines: EngineChoice
    forecast_seconds: float | None = None
    interpolation: float | None = None
    warnings: tuple[str, ...] = ()
    resumed_from_epoch: int | None = None
    unusual_keys: tuple[str, ...] = ()
    examination: Examination | None = None
    taught: Taught | None = None
    repeats: Repeats | None = None
    target_reports: Mapping[str, TargetReport] = field(default_factory=dict)

    @property
    def option(self) -> Option | None:
        """Return the way to train whose forecast holds for the plan; None if there is none."""
        own_depth = "tuned_stages" not in self.plan.reasons
        if self.advice is None or own_depth or self.unusual_keys:
            return None
        return self.advice.option(self.plan.policy, self.plan.value("head_stages"))


def finetune(
    folder: Path | None = None,
    recipe: str | None = None,
    flags: Mapping[str, Any] | None = None,
    *,
    out: Path | None = None,
    overwrite: bool = False,
    resume: bool = False,
    folds: int | None = None,
    seeds: int | None = None,
    devices: int | None = None,
    dry_run: bool = False,
    keep_cache: bool = True,
    progress: ProgressCallback = no_progress,
    on_plan: Callable[[FinetuneResult], None] | None = None,
    on_epoch: EpochCallback | None = None,
) -> FinetuneResult:
    """Train a classifier on a folder and keep it as a run.

    A stopped run goes on where the same is asked again (`FinetuneResult.resumed_from_epoch`).

    Args:
        folder: Image folder, or CSV of path and label.
        recipe: Name or path of a recipe.
        flags: Recipe keys set by flags.
        out: The run directory; by default a new one under runs/.
        overwrite: Replace the run at `out`, once the new one is finished.
        resume: Go on with the run at `folder`, or the newest unfinished one; see `find_resumption`.
        folds: Repeat the training on each fold of the train and val images, to score it there.
        seeds: Repeat it with so many seeds, splits included; the first is that of the run.
        devices: How many devices of this machine to train on; by default all that JAX sees.
        dry_run: Stop at the plan; nothing is written but the cache.
        keep_cache: Keep decoded images and features for the next command.
        progress: Called with (step, done, total).
        on_plan: Called with the plan before anything is trained.
        on_epoch: Called with the record of every epoch.

    Raises:
        TlearnError: The folder, recipe, weights or place cannot be used.
    """
    repeats = check_repeats(folds, seeds)
    fixed = {"out": out, "overwrite": overwrite, "recipe": recipe, **repeats}
    resumption = find_resumption(folder, flags or {}, fixed) if resume else None
    if resumption:
        folder, flags, repeats = _as_begun(resumption)
    if folder is None:
        raise TypeError("finetune needs a folder, or resume=True")
    ensure_no_run(folder)
    kept = {"keep_cache": keep_cache, "progress": progress}
    with lead(devices, folder, recipe, flags or {}, **kept) as session:
        request = request_of(session, repeats)
        pending = None if dry_run else find_pending(request, resumption, out, overwrite)
        all_planned = _plan_everything(session, request, pending, resumption, bool(out))
        workspace, planned, pending, others = all_planned
        if on_plan:
            on_plan(planned)
        if dry_run:
            return planned
        pending = pending or PendingRun.begin(request, planned.plan.policy, out, overwrite)
        return _train(session, workspace, planned, pending, others, on_epoch)


def _as_begun(resumption: Resumption) -> tuple[Path, Mapping[str, Any], dict[str, int]]:
    """Return folder, flags and repeats of a run that goes on."""
    repeats = map(resumption.request.repeats.get, ("folds", "seeds"))
    return Path(resumption.request.folder), resumption.flags, check_repeats(*repeats)


def _plan_everything(
    session: Session,
    request: Request,
    pending: PendingRun | None,
    resumption: Resumption | None,
    must: bool,
) -> tuple[Workspace, FinetuneResult, PendingRun | None, PlannedRepeats]:
    """Plan the run and its repeats, or go on by the plan of a run that was begun."""
    images = session.scan_folder()
    if request.repeats and images.task == ONE_CLASS:
        ensure_classes(images.task, f"--{next(iter(request.repeats))}")
    begun = begun_with(pending) if pending else None
    workspace, contenders = choose_backbone(session, images, begun)
    planned = _make_plan(session, workspace, contenders)
    if pending:
        state = go_on(request, pending, workspace, planned.plan, resumption, must)
        pending, planned = state.pending, _resumed(planned, state)
    others = plan_repeats(session, workspace, planned.plan, request.repeats)
    seconds = forecast_repeats(session, workspace, others)
    planned = replace(planned, forecast_seconds=(planned.forecast_seconds or 0.0) + seconds)
    return workspace, planned, pending, others


def _train(
    session: Session,
    workspace: Workspace,
    planned: FinetuneResult,
    pending: PendingRun,
    others: PlannedRepeats,
    on_epoch: EpochCallback | None,
) -> FinetuneResult:
    """Train by the plan, and put the run in its place."""
    run = pending.run
    if planned.plan.task != ONE_CLASS:  # whose network has other outputs
        workspace = session.extract_features(workspace)
    workspace, planned = _examine(session, workspace, planned)
    begin_run(run, workspace, planned.plan)
    done = run_repeats(session, workspace, others, run)
    record, timer = recorder(run, on_epoch), Timer()
    fitted = fit(session, workspace, planned.plan, record, run.checkpoint_path)
    repeats = collect(others, done, workspace.dataset, fitted, timer.total())
    run.epochs.replace(fitted.history)
    reports = save_run(session, workspace, fitted, run, planned.advice, pending.place, repeats)
    return replace(
        planned,
        run=pending.finish(),
        plan=fitted.plan,
        reports={split: r for split, r in reports.items() if isinstance(r, Report)},
        target_reports={s: r for s, r in reports.items() if not isinstance(r, Report)},
        history=fitted.history,
        interpolation=fitted.interpolation,
        warnings=planned.warnings + fitted.warnings,
        taught=fitted.calibration.taught,
        repeats=repeats,
        seconds=session.timer.seconds | {"total": session.timer.total()},
    )


def _examine(
    session: Session, workspace: Workspace, planned: FinetuneResult
) -> tuple[Workspace, FinetuneResult]:
    """Look at the folder, where no advice has done so."""
    if planned.advice:
        assert planned.advice.dataset is not None
        return replace(workspace, dataset=planned.advice.dataset), planned
    heads = []
    if workspace.dataset.folder.task != CLASSES:
        return workspace, planned
    if workspace.features:
        stages, folds = planned.plan.head.stages, workspace.dataset.folds(session.seed)
        problem = session.head_problem(workspace, stages)
        heads = [HeadScore(stages, workspace.features.cross_validate(problem, folds))]
    workspace, found = examine_shortly(session, workspace, heads)
    return workspace, replace(planned, dataset=workspace.dataset, examination=found)


def _resumed(planned: FinetuneResult, state: ResumedRun) -> FinetuneResult:
    return replace(
        planned,
        plan=state.plan,
        resumed_from_epoch=state.epoch,
        warnings=(state.warning,) if state.warning else (),
    )


def _make_plan(
    session: Session, workspace: Workspace, contenders: Sequence[Contender]
) -> FinetuneResult:
    """Resolve the plan, by measured advice where the person left the policy open."""
    advice, resolved, unusual = None, session.requested, list[str]()
    one_class = workspace.dataset.folder.task == ONE_CLASS
    if one_class:
        chosen = {"policy": "linear_head", "head_stages": LAST3}
        resolved = session.with_suggestion(chosen)
    elif resolved.recipe.policy == "auto":
        extracted = session.extract_features(workspace)
        classes = workspace.dataset.folder.task == CLASSES
        advice = (advise if classes else advise_targets)(session, extracted)
        advice = replace(advice, contenders=contenders)
        resolved = session.with_suggestion(advice.suggestion.recipe)
    plan = choose_mirror(session, workspace, session.make_plan(workspace, resolved))
    plan = fit_into_time(session, workspace, plan, advised=advice is not None)
    if advice:
        usual = session.make_plan(workspace, load_recipe(None, {}, advice.suggestion.recipe))
        keys = {"augmentation", "views"} | (GRADIENT_KEYS if plan.training.epochs else set())
        keys = {key for key in keys if plan.origins.get(key) in ("flag", "recipe")}
        unusual = sorted(key for key in keys if plan.value(key) != usual.value(key))
    return FinetuneResult(
        run=None,
        plan=plan,
        advice=advice,
        dataset=advice.dataset if advice and advice.dataset else workspace.dataset,
        reports={},
        history=(),
        seconds=session.timer.seconds,
        engines=session.engines,
        forecast_seconds=forecast_plan(workspace, plan, session.measure_pass(workspace)),
        unusual_keys=tuple(unusual),
        examination=advice.examination if advice else None,
    )
