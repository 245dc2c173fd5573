"""`tlearn update`: add images or classes to a finished run, by training a run beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

from tlearn.commands.additions import Additions, find_additions
from tlearn.commands.plan_time import fit_into_time, forecast_plan
from tlearn.commands.resume import go_on
from tlearn.commands.save import begin_run, recorder, save_run
from tlearn.commands.session import Session
from tlearn.commands.train import fit
from tlearn.commands.verdict import Verdict, judge
from tlearn.commands.workspace import Workspace
from tlearn.data.dataset import Dataset
from tlearn.data.image_folder import SPLITS
from tlearn.data.notes import listed
from tlearn.data.targets import ONE_CLASS, ensure_classes
from tlearn.errors import DataError, RunError, quoted
from tlearn.evaluation.metrics import Report
from tlearn.evaluation.target_scores import TargetReport
from tlearn.progress import EpochCallback, ProgressCallback, no_progress
from tlearn.recipe.key_errors import find_errors
from tlearn.recipe.plan import Plan
from tlearn.recipe.schema import Recipe
from tlearn.runs.directory import UNRELEASED, RunDirectory, ensure_no_run
from tlearn.runs.metrics import read_metrics
from tlearn.runs.pending import PendingRun, Request, ensure_available
from tlearn.runs.provenance import collect_provenance, read_provenance, write_provenance
from tlearn.runs.trained_run import TrainedRun

_SETTLED = {"policy", "backbone", "weights", "image_size", "resize", "head_stages", "seed"}
_SETTLED |= {"val_fraction", "test_fraction", "groups", "group_by", "unknown", "horizontal_flip"}
_SETTLED |= {"task", "order"}
"""Keys of a recipe that the run has a value for, whether or not anybody set them."""


@dataclass(frozen=True)
class UpdateRequest(Request):
    """What was asked for: images that are added to a run."""

    run: str = ""
    images: str = ""


@dataclass(frozen=True)
class UpdateResult:
    """What `update` did or, where `run` is None, would do.

    Attributes:
        run: The new run, at its place or, where it was not released, beside it.
        old: The run that images were added to.
        plan: Every value resolved.
        additions: What was added, and what was left out.
        dataset: All images.
        reports: Split name to what the new model scored on it, all classes together.
        target_reports: The same where no classes are learned.
        verdict: The old classes before and after; None in a dry run.
        released: Whether the run is at its place.
        seconds: Where the time went, and `total`.
        forecast_seconds: How long the whole was expected to take, before it began.
        warnings: What went wrong in training, and what to do about it.
        resumed_from_epoch: Epochs that an earlier, stopped command had completed, or None.
    """

    run: RunDirectory | None
    old: RunDirectory
    plan: Plan
    additions: Additions
    dataset: Dataset
    reports: Mapping[str, Report]
    verdict: Verdict | None
    released: bool
    seconds: Mapping[str, float]
    forecast_seconds: float
    warnings: tuple[str, ...] = ()
    resumed_from_epoch: int | None = None
    target_reports: Mapping[str, TargetReport] = field(default_factory=dict)

    @property
    def added(self) -> dict[str, int]:
        """Return how many new images each split has."""
        old = {*self.additions.earlier.manifest.names}
        manifest = self.dataset.manifest
        pairs = zip(manifest.names, manifest.splits, strict=True)
        new = [split for name, split in pairs if name not in old]
        return {split: new.count(split) for split in SPLITS}

    @property
    def left_out(self) -> tuple[str, ...]:
        """Return the new images that are not used, beside those that the run has."""
        used = {*self.dataset.manifest.names}
        names = (image.name for image in self.additions.new_images)
        return tuple(name for name in names if name not in used)


def update(
    run: Path,
    images: Path,
    *,
    folder: Path | None = None,
    out: Path | None = None,
    overwrite: bool = False,
    force: bool = False,
    dry_run: bool = False,
    progress: ProgressCallback = no_progress,
    on_plan: Callable[[UpdateResult], None] | None = None,
    on_epoch: EpochCallback | None = None,
) -> UpdateResult:
    """Add images or classes to a finished run: train it again on all of them, as a new run.

    Every image of the run stays in its split, and the run itself is never touched. A new model
    that is worse than the old one on the old classes, by more than chance, is not released: its run
    is kept under another name. A stopped update goes on where the same is asked again.

    Args:
        run: Directory of a finished run.
        images: Image folder, CSV or archive of new images, of its classes or of others.
        folder: Where the run's own images are now; None takes where they were.
        out: Place of the new run; by default beside the old one, with the next number.
        overwrite: Replace the run at `out`, once the new one is finished.
        force: Release the new run even if it is worse.
        dry_run: Stop at the plan; nothing is written but the cache.
        progress: Called with (step, done, total).
        on_plan: Called with the plan before anything is trained.
        on_epoch: Called with the record of every epoch.

    Raises:
        TlearnError: The run, its images, the new ones or the place cannot be used.
    """
    ensure_no_run(images)
    trained = TrainedRun.open(run, folder, progress)
    if trained.plan.task == ONE_CLASS:
        ensure_classes(trained.plan.task, "tlearn update")
    source = folder or Path(read_metrics(trained.directory).folder)
    flags = _recipe_of(trained.plan)
    with Session(source, None, flags, progress=progress) as session:
        named = str(run.resolve()), str(images.resolve())
        request = UpdateRequest(str(source.resolve()), flags, {}, *named)
        place, pending = (out, None) if dry_run else _find_place(request, trained, out)
        if not pending and not dry_run:
            ensure_available(place, overwrite)
        workspace, planned = _plan(session, trained, images)
        if pending:
            state = go_on(request, pending, workspace, planned.plan, None, must=True)
            planned = replace(planned, plan=state.plan, resumed_from_epoch=state.epoch)
            if state.warning:
                planned = replace(planned, warnings=(*planned.warnings, state.warning))
        if on_plan:
            on_plan(planned)
        if dry_run:
            return planned
        pending = pending or PendingRun.begin(request, planned.plan.policy, place, overwrite)
        return _train(session, trained, workspace, planned, pending, force, on_epoch)


def _recipe_of(plan: Plan) -> dict[str, Any]:
    """Return the recipe of a run: what was set or measured for it; rules on counts hold anew."""
    values = {
        key: plan.value(key)
        for key in Recipe.model_fields
        if key in _SETTLED or plan.origins.get(key, "default") != "default"
    }
    if plan.images.gray_range:
        values["gray_range"] = plan.images.gray_range
    # Where a policy has no use for a key, the plan may hold a value that recipes do not allow.
    return {key: value for key, value in values.items() if not find_errors({key: value}, str)}


def _find_place(
    request: UpdateRequest, trained: TrainedRun, out: Path | None
) -> tuple[Path, PendingRun | None]:
    """Return where the new run will be, and the unfinished one there that asks for the same."""
    old = trained.directory.path.resolve()
    if out and out.resolve() == old:
        raise RunError(
            f"{quoted(out)} is the run that is updated, and it stays as it is",
            "name another folder for the new one, or leave out --out",
        )
    if out:
        return out, PendingRun.find(request, out)
    provenance = read_provenance(trained.directory)
    is_update = provenance is not None and provenance.updated_from is not None
    numbered = re.fullmatch(r"(.+)-(\d+)", old.name) if is_update else None
    name, number = (numbered[1], int(numbered[2]) + 1) if numbered else (old.name, 2)
    given = trained.directory.path
    beside = given if given.name == old.name else old  # it may be "." or a link
    while True:
        place = beside.with_name(f"{name}-{number}")
        pending = PendingRun.find(request, place)
        if pending or not place.exists():
            return place, pending
        number += 1


def _plan(session: Session, trained: TrainedRun, images: Path) -> tuple[Workspace, UpdateResult]:
    """Find and divide the images, and resolve the plan of the old run for them."""
    additions = find_additions(session, trained, images)
    if trained.plan.ordered and additions.new_classes:
        raise DataError(
            f"{listed(additions.new_classes)} would be a new step of the run's scale",
            "train on all images again: tlearn finetune FOLDER --task ordinal",
        )
    backbone = session.find_backbone()
    dataset = session.load_dataset(additions.folder, backbone, earlier=additions.earlier)
    workspace = session.open_backbone(dataset, backbone)
    plan = fit_into_time(session, workspace, session.make_plan(workspace, session.requested))
    old, warnings = trained.plan, tuple[str, ...]()
    if plan.backbone.fingerprint != old.backbone.fingerprint:
        warnings = ("The weights of the backbone are others than those that the run began with.",)
    plan = replace(plan, recipe=old.recipe, origins=plan.origins | old.origins)
    plan = replace(plan, reasons=old.reasons | plan.reasons)
    result = UpdateResult(
        run=None,
        old=trained.directory,
        plan=plan,
        additions=additions,
        dataset=dataset,
        reports={},
        verdict=None,
        released=False,
        seconds=session.timer.seconds,
        forecast_seconds=forecast_plan(workspace, plan, session.measure_pass(workspace)),
        warnings=warnings,
    )
    return workspace, result


def _train(
    session: Session,
    trained: TrainedRun,
    workspace: Workspace,
    planned: UpdateResult,
    pending: PendingRun,
    force: bool,
    on_epoch: EpochCallback | None,
) -> UpdateResult:
    """Train by the plan, hold the model against the old one, and put the run in its place."""
    workspace, run = session.extract_features(workspace), pending.run
    _note_origin(run, trained, planned)
    begin_run(run, workspace, planned.plan)
    record = recorder(run, on_epoch)
    fitted = fit(session, workspace, planned.plan, record, run.checkpoint_path)
    run.epochs.replace(fitted.history)
    verdict = judge(trained, workspace.dataset, fitted)
    released = force or not verdict.worse_on
    if not released:
        pending = replace(pending, place=_unreleased(pending.place))
    reports = save_run(session, workspace, fitted, run, place=pending.place)
    return replace(
        planned,
        run=pending.finish(),
        plan=fitted.plan,
        reports={split: r for split, r in reports.items() if isinstance(r, Report)},
        target_reports={s: r for s, r in reports.items() if not isinstance(r, Report)},
        verdict=verdict,
        released=released,
        warnings=planned.warnings + fitted.warnings,
        seconds=session.timer.seconds | {"total": session.timer.total()},
    )


def _note_origin(run: RunDirectory, trained: TrainedRun, planned: UpdateResult) -> None:
    """Write how the run comes about, unless the command that began it has."""
    if run.provenance_path.exists():
        return
    dataset, old = planned.dataset, read_provenance(trained.directory)
    provenance = collect_provenance(dataset.folder, dataset.manifest, planned.plan)
    splits = old.splits if old else provenance.splits
    came = str(trained.directory.path.resolve())
    added = planned.additions.earlier.added
    write_provenance(run, replace(provenance, splits=splits, updated_from=came, added=added))


def _unreleased(place: Path) -> Path:
    """Return a free name for a run that is not put in its place."""
    names = (place.name + UNRELEASED + f"-{n}" * (n > 1) for n in count(1))
    return next(path for name in names if not (path := place.with_name(name)).exists())
