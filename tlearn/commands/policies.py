"""Several policies on one split, each kept as a run: does tuning help, and at what price?"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from tlearn.commands.compare import Comparison, compare
from tlearn.commands.compare_page import write_page
from tlearn.commands.compared_run import read_compared_run
from tlearn.commands.finetune import FinetuneResult, finetune
from tlearn.commands.resume import find_pending, request_for, same_split
from tlearn.data.image_folder import scan
from tlearn.data.manifest import read_manifest
from tlearn.data.targets import ensure_classes
from tlearn.errors import RecipeError, TlearnError
from tlearn.evaluation.metrics import Report
from tlearn.evaluation.wording import policy_in_words
from tlearn.progress import EpochCallback, ProgressCallback, no_progress
from tlearn.recipe.loading import load_recipe
from tlearn.runs.directory import RUNS_ROOT, RunDirectory
from tlearn.runs.pending import Request, is_open, requested_runs

POLICIES = ("linear-head", "top-stages", "deep", "from-scratch")


@dataclass(frozen=True)
class PoliciesResult:
    """What several policies reached.

    Attributes:
        runs: The run of each policy that was trained, the best first; of equals the quickest.
        comparison: The best against each of the others; None where fewer than two were trained.
        failed: Policy to the error that ended it.
        page: The comparison as a page, or None.
        kept: Policies whose runs a stopped command of the same words had finished before.
    """

    runs: Mapping[str, RunDirectory]
    comparison: Comparison | None
    failed: Mapping[str, TlearnError]
    page: Path | None
    kept: tuple[str, ...] = ()


def check_policies(names: Sequence[str]) -> list[str]:
    """Return policies as recipes name them.

    Raises:
        RecipeError: One is unknown or named twice, or there are fewer than two.
    """
    hint = f"as in: --policies {','.join(POLICIES)}"
    known = [policy_in_words(name.strip()) for name in names]
    for name in known:
        if name not in POLICIES:
            near = difflib.get_close_matches(name, POLICIES, n=1)
            raise RecipeError(
                f"{name!r} is no policy", f"did you mean {near[0]}? {hint}" if near else hint
            )
        if known.count(name) > 1:
            raise RecipeError(f"--policies names {name!r} twice", hint)
    if len(known) < 2:
        raise RecipeError("--policies compares two policies or more", hint)
    return [name.replace("-", "_") for name in known]


def finetune_policies(
    folder: Path,
    policies: Sequence[str],
    recipe: str | None = None,
    flags: Mapping[str, Any] | None = None,
    *,
    out: Path | None = None,
    overwrite: bool = False,
    keep_cache: bool = True,
    progress: ProgressCallback = no_progress,
    on_plan: Callable[[FinetuneResult], None] | None = None,
    on_epoch: EpochCallback | None = None,
) -> PoliciesResult:
    """Train each policy on the same split, keep each as a run, and compare them.

    A policy that fails does not lose the others, and a command that was stopped goes on where the
    same is asked again.

    Args:
        folder: Image folder, or CSV of path and label.
        policies: Two or more, such as "linear-head".
        recipe: Name or path of a recipe.
        flags: Recipe keys set by flags; epochs are not for a linear head, which is solved.
        out: Folder of the runs, each named after its policy; by default they are new ones in runs/.
        overwrite: Replace the runs there.
        keep_cache: Keep decoded images and features for the next command.
        progress: Called with (step, done, total).
        on_plan: Called with the plan of each before it is trained.
        on_epoch: Called with the record of every epoch.

    Raises:
        TlearnError: The policies or the places cannot be used, or every policy failed.
    """
    names = check_policies(policies)
    _refuse_other_tasks(folder, recipe, flags)
    places = {name: out / policy_in_words(name) if out else None for name in names}
    keys = {name: _keys(name, flags or {}) for name in names}
    requests = {
        name: request_for(folder, load_recipe(recipe, keys[name]).recipe, {}) for name in names
    }
    kept = {} if overwrite else _trained_before(requests, out)
    left = [name for name in names if name not in kept]
    for name in left:
        if pending := find_pending(requests[name], None, places[name], overwrite):
            pending.release()
    told: dict[str, Any] = {"progress": progress, "on_plan": on_plan, "on_epoch": on_epoch}
    same = told | {"overwrite": overwrite, "keep_cache": keep_cache}
    runs, failed = {**kept}, dict[str, TlearnError]()
    for name in left:
        try:
            result = finetune(folder, recipe, keys[name], out=places[name], **same)
        except TlearnError as error:
            failed[name] = error
        else:
            assert result.run is not None  # it was no dry run
            runs[name] = result.run
    if not runs:
        raise failed[names[0]]
    return replace(_compare(runs, failed, out), kept=tuple(kept))


def _keys(name: str, flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys for one policy; a head is solved, so epochs are meant for the others."""
    unused = {"epochs"} if name == "linear_head" else set()
    return {key: flags[key] for key in flags.keys() - unused} | {"policy": name}


def _trained_before(requests: Mapping[str, Request], out: Path | None) -> dict[str, RunDirectory]:
    """Return the runs that the same command had finished when it was stopped.

    In a folder of their own all of them count, unless none is left to train. Under runs/ there may
    be runs of long ago: those count that precede a stopped one, and have its images and split.
    """
    everywhere = [RunDirectory(out / policy_in_words(name)) for name in requests] if out else None
    begun = [
        (name, run)
        for run in everywhere or requested_runs()
        for name, request in requests.items()
        if Request.read(run) == request
    ]
    finished = {name: run for name, run in reversed(begun) if not is_open(run)}
    if out:
        return finished if len(finished) < len(requests) else {}
    names = [*requests]
    for stopped, run in begun:
        if is_open(run):
            earlier = names[: names.index(stopped)]
            return {
                n: finished[n] for n in earlier if n in finished and _precedes(finished[n], run)
            }
    return {}


def _precedes(finished: RunDirectory, stopped: RunDirectory) -> bool:
    with suppress(TlearnError):
        splits = read_manifest(finished.split_path), read_manifest(stopped.split_path)
        return finished.started <= stopped.started and same_split(*splits)
    return False


def _refuse_other_tasks(folder: Path, recipe: str | None, flags: Mapping[str, Any] | None) -> None:
    task = load_recipe(recipe, flags or {}).recipe.scanned_task
    ensure_classes(scan(folder, task=task).task, "--policies")


def _compare(
    trained: Mapping[str, RunDirectory], failed: Mapping[str, TlearnError], out: Path | None
) -> PoliciesResult:
    runs = {name: trained[name] for name in sorted(trained, key=lambda name: _rank(trained[name]))}
    if len(runs) < 2:
        return PoliciesResult(runs, None, failed, None)
    comparison = compare([run.path for run in runs.values()])
    begun = "" if out else f"{datetime.now():%Y%m%d-%H%M%S}-"
    page = (out or RUNS_ROOT) / f"{begun}policies.html"
    write_page(page, comparison)
    return PoliciesResult(runs, comparison, failed, page)


def _rank(directory: RunDirectory) -> tuple[float, float]:
    run = read_compared_run(directory.path)
    assert isinstance(run.report, Report)  # other tasks are refused
    return -run.report.accuracy, run.seconds or 0.0
