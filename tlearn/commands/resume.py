"""Going on with a run that was stopped, or giving more epochs to one that is finished."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tlearn.commands.session import Session
from tlearn.commands.workspace import Workspace
from tlearn.data.manifest import SplitManifest, read_manifest
from tlearn.errors import RunError, TlearnError, pasted, quoted
from tlearn.recipe.plan import Plan
from tlearn.recipe.plan_file import read_plan
from tlearn.recipe.schema import Recipe
from tlearn.runs.directory import RUNS_ROOT, RunDirectory
from tlearn.runs.pending import PendingRun, Request, ensure_available, is_open, requested_runs
from tlearn.runs.places import beside
from tlearn.runs.provenance import installed_versions, read_provenance
from tlearn.training.checkpoint import read_epoch

_MORE = "give it more epochs: tlearn finetune --resume {} --epochs 20"


@dataclass(frozen=True)
class ResumedRun:
    """A stopped run that goes on, or the reason why it cannot.

    Attributes:
        pending: The run; None where training begins anew.
        plan: What to train.
        epoch: Epochs completed; None where none is.
        warning: What has changed since the run was begun, or None.
    """

    pending: PendingRun | None
    plan: Plan
    epoch: int | None
    warning: str | None


@dataclass(frozen=True)
class Resumption:
    """A run to go on with, and how.

    Attributes:
        run: Its directory.
        request: What was asked for when it was begun.
        epochs: How many epochs it shall have; None for as many as were planned.
    """

    run: RunDirectory
    request: Request
    epochs: int | None = None

    @property
    def flags(self) -> dict[str, Any]:
        """Return the keys of the recipe that were set."""
        flags = dict(self.request.recipe)
        if self.epochs:  # which decide from here on, where time did
            flags = {key: flags[key] for key in flags.keys() - {"seconds"}}
            flags["epochs"] = self.epochs
        return flags


def find_resumption(
    place: Path | None, flags: Mapping[str, Any], fixed: Mapping[str, Any]
) -> Resumption:
    """Find the run to go on with.

    Args:
        place: A run, or the folder that it is trained on; None takes the newest unfinished run.
        flags: Only `epochs` may be set anew.
        fixed: What may not be set besides.

    Raises:
        RunError: There is no such run, or nothing is left to do.
    """
    others = sorted(flags.keys() - {"epochs"} | {name for name in fixed if fixed[name]})
    if others:
        raise RunError(
            f"a run goes on where and as it was begun; {', '.join(others)} cannot change",
            "leave it out, or begin a new run without --resume",
        )
    run = _find(place)
    request = Request.read(run)
    if request is None:
        raise RunError(
            f"{quoted(run.path)} was not begun by finetune, or does not say how",
            "repeat the command that began it, or begin a new run without --resume",
        )
    epochs = flags.get("epochs")
    if not is_open(run):
        _ensure_extensible(run, epochs)
    return Resumption(run, request, epochs)


def request_of(session: Session, repeats: Mapping[str, int]) -> Request:
    """Return what a command asks for."""
    return request_for(session.source, session.requested.recipe, repeats)


def request_for(source: Path, recipe: Recipe, repeats: Mapping[str, int]) -> Request:
    """Return what is asked for with a folder and a recipe."""
    keys = recipe.model_dump(mode="json", exclude_defaults=True)
    return Request(str(source.resolve()), keys, repeats)


def find_pending(
    request: Request, resumption: Resumption | None, out: Path | None, overwrite: bool
) -> PendingRun | None:
    """Return the run to go on with; None for a new one, for which there is a place.

    Raises:
        RunError: There is no place for a new one, or another process trains the run.
        HostError: The system refuses.
    """
    if resumption:
        return PendingRun.reopen(resumption.run, request)
    pending = PendingRun.find(request, out)
    if pending is None:
        ensure_available(out, overwrite)
    return pending


def begun_with(pending: PendingRun) -> str | None:
    """Return the backbone that a run was begun with; None where nothing says so."""
    try:
        return read_plan(pending.run.plan_path).backbone.name
    except TlearnError:
        return None


def go_on(
    request: Request,
    pending: PendingRun,
    workspace: Workspace,
    plan: Plan,
    resumption: Resumption | None,
    must: bool,
) -> ResumedRun:
    """Go on by the plan that the run was begun with, unless images or weights have changed.

    Args:
        request: What is asked for now.
        pending: The run.
        workspace: Images and backbone as they are now.
        plan: What would be trained now.
        resumption: What the person asked for; None where the same command was repeated.
        must: Whether training may not begin anew in another place.

    Raises:
        RunError: Something has changed, and this very run was asked for.
    """
    run = pending.run
    if not any(run.checkpoints.glob("[!.]*")):  # nothing was trained yet, and nothing is lost
        pending.begin_anew(request)
        return ResumedRun(pending, plan, None, None)
    changed = _what_changed(run, workspace)
    if changed:
        pending.release()
        problem = f"{changed} of {quoted(pending.place)} changed after it was begun"
        if resumption or must:
            raise RunError(problem, "begin anew and keep this one: --out FOLDER")
        return ResumedRun(None, plan, None, f"{problem}: training begins anew")
    plan = _more_epochs(read_plan(run.plan_path), resumption.epochs if resumption else None)
    return ResumedRun(pending, plan, read_epoch(run.checkpoint_path), _other_versions(run))


def _what_changed(run: RunDirectory, workspace: Workspace) -> str | None:
    try:
        manifest, plan = read_manifest(run.split_path), read_plan(run.plan_path)
    except TlearnError:  # it is damaged, and would stop every repeat of the command
        return "the plan or the split"
    if not same_split(manifest, workspace.dataset.manifest):
        return "the images"
    same = plan.backbone.whole == workspace.backbone.fingerprint
    return None if same else "the weights of the backbone"


def _other_versions(run: RunDirectory) -> str | None:
    provenance = read_provenance(run)
    before, now = (provenance.versions if provenance else {}), installed_versions()
    changed = [
        f"{name} {version} to {now.get(name)}"
        for name, version in before.items()
        if version != now.get(name)
    ]
    return f"versions changed after the run was begun: {', '.join(changed)}" if changed else None


def _more_epochs(plan: Plan, epochs: int | None) -> Plan:
    """Return a plan with more epochs; whoever asks for them wants them trained, patience or not."""
    if epochs is None or epochs == plan.training.epochs:
        return plan
    training = replace(plan.training, epochs=epochs, patience=epochs, seconds=None)
    return replace(plan, training=training)


def _find(place: Path | None) -> RunDirectory:
    if place is not None:
        for run in (beside(place), RunDirectory(place)):
            if is_open(run) and Request.read(run):
                return run
        if not RunDirectory(place).missing(finished=False):
            return RunDirectory(place)
    folder = str(place.resolve()) if place else None
    for run in requested_runs():
        request = Request.read(run)
        if request and is_open(run) and folder in (None, request.folder):
            return run
    of_folder = f" of {quoted(place)}" if place else ""
    raise RunError(
        f"there is no unfinished run{of_folder} under {quoted(RUNS_ROOT)}",
        "name the run: tlearn finetune --resume RUN",
    )


def _ensure_extensible(run: RunDirectory, epochs: int | None) -> None:
    plan = read_plan(run.plan_path)
    if not plan.training.epochs:
        raise RunError(
            f"{quoted(run.path)} is finished: its head was solved, which takes no epochs",
            "tune the network: tlearn finetune FOLDER --policy top-stages",
        )
    if epochs is None:
        raise RunError(f"{quoted(run.path)} is finished", _MORE.format(pasted(run.path)))
    if not run.checkpoint_path.exists():
        raise RunError(
            f"{quoted(run.path)} keeps no checkpoint to go on from",
            "train it anew: tlearn finetune FOLDER --epochs 20",
        )
    if epochs <= plan.training.epochs:
        raise RunError(
            f"{quoted(run.path)} has {plan.training.epochs} epochs already",
            _MORE.format(pasted(run.path)).replace(" 20", f" {2 * plan.training.epochs}"),
        )


def same_split(one: SplitManifest, other: SplitManifest) -> bool:
    """Return whether two splits have the same images in the same places."""
    same = one.names == other.names and one.splits == other.splits and one.digests == other.digests
    return same and one.classes == other.classes and np.array_equal(one.labels, other.labels)
