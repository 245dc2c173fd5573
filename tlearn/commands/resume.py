"""Going on with a run that was stopped, or giving more epochs to one that is finished."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tlearn.commands.session import Workspace
from tlearn.data.manifest import SplitManifest, read_manifest
from tlearn.errors import RunError, pasted, quoted
from tlearn.recipe.plan import Plan
from tlearn.recipe.plan_file import read_plan
from tlearn.runs.directory import RUNS_ROOT, RunDirectory
from tlearn.runs.pending import Request
from tlearn.runs.provenance import installed_versions, read_provenance

_MORE = "give it more epochs: tlearn finetune --resume {} --epochs 20"


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
        return dict(self.request.recipe) | ({"epochs": self.epochs} if self.epochs else {})


def find_resumption(place: Path | None, flags: Mapping[str, Any]) -> Resumption:
    """Find the run to go on with.

    Args:
        place: A run, or the folder that it is trained on; None takes the newest unfinished run.
        flags: Only `epochs` may be set anew.

    Raises:
        RunError: There is no such run, or nothing is left to do.
    """
    others = sorted(flags.keys() - {"epochs"})
    if others:
        raise RunError(
            f"a run goes on with the recipe it was begun with; {', '.join(others)} cannot change",
            "leave it out, or begin a new run without --resume",
        )
    run = _find(place)
    request = Request.read(run)
    if request is None:
        raise RunError(
            f"{quoted(run.path)} does not say how it was begun", "begin a new run without --resume"
        )
    epochs = flags.get("epochs")
    if not run.missing():
        _ensure_extensible(run, epochs)
    return Resumption(run, request, epochs)


def ensure_unchanged(run: RunDirectory, workspace: Workspace) -> None:
    """Check that a run still has the images and the backbone that it was begun with.

    Raises:
        RunError: One of them has changed.
    """
    hint = "begin anew and keep this one: --out FOLDER"
    if not _same_split(read_manifest(run.split_path), workspace.dataset.manifest):
        raise RunError(f"the images of {quoted(run.path)} have changed since it was begun", hint)
    if read_plan(run.plan_path).backbone.fingerprint != workspace.backbone.fingerprint:
        raise RunError(f"the backbone of {quoted(run.path)} has changed since it was begun", hint)


def other_versions(run: RunDirectory) -> str | None:
    """Return which packages have another version than when a run was begun, in words."""
    provenance = read_provenance(run)
    before, now = (provenance.versions if provenance else {}), installed_versions()
    changed = [
        f"{name} {before[name]} to {now.get(name)}"
        for name in before
        if before[name] != now.get(name)
    ]
    return f"versions have changed since it was begun: {', '.join(changed)}" if changed else None


def resumed_plan(run: RunDirectory, epochs: int | None) -> Plan:
    """Return the plan of a run, with more epochs where they are asked for.

    Whoever asks for more wants them trained: patience no longer ends the training.
    """
    plan = read_plan(run.plan_path)
    if epochs is None or epochs == plan.training.epochs:
        return plan
    return replace(plan, training=replace(plan.training, epochs=epochs, patience=epochs))


def _find(place: Path | None) -> RunDirectory:
    if place is not None:
        run = RunDirectory(place)
        if not run.missing(finished=False):
            return run
    folder = str(place.resolve()) if place else None
    runs = [RunDirectory(path.parent) for path in RUNS_ROOT.glob(f"*/{RunDirectory.request_path}")]
    for run in sorted(runs, key=lambda run: run.started, reverse=True):
        request = Request.read(run)
        if request and run.missing() and folder in (None, request.folder):
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


def _same_split(one: SplitManifest, other: SplitManifest) -> bool:
    same = one.names == other.names and one.splits == other.splits and one.digests == other.digests
    return same and one.classes == other.classes and np.array_equal(one.labels, other.labels)
