"""Several policies on one split, each kept as a run: does tuning help, and at what price?"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tlearn.commands.compare import Comparison, compare
from tlearn.commands.compare_page import write_page
from tlearn.commands.finetune import FinetuneResult, finetune
from tlearn.data.image_folder import scan
from tlearn.data.targets import ensure_classes
from tlearn.errors import RecipeError, TlearnError
from tlearn.evaluation.wording import policy_in_words
from tlearn.progress import EpochCallback, ProgressCallback, no_progress
from tlearn.recipe.loading import load_recipe
from tlearn.runs.directory import RUNS_ROOT, RunDirectory
from tlearn.runs.pending import ensure_available

POLICIES = ("linear-head", "top-stages", "deep", "from-scratch")


@dataclass(frozen=True)
class PoliciesResult:
    """What several policies reached.

    Attributes:
        runs: The run of each policy that was trained, the best first; of equals the quickest.
        comparison: The best against each of the others; None where fewer than two were trained.
        failed: Policy to the error that ended it.
        page: The comparison as a page, or None.
    """

    runs: Mapping[str, RunDirectory]
    comparison: Comparison | None
    failed: Mapping[str, TlearnError]
    page: Path | None


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

    A policy that fails does not lose the others.

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
    for place in places.values():
        ensure_available(place, overwrite)
    results: dict[str, FinetuneResult] = {}
    failed: dict[str, TlearnError] = {}
    for name in names:
        # A head is solved: epochs are meant for the others.
        unused = {"epochs"} if name == "linear_head" else set()
        keys = {key: value for key, value in (flags or {}).items() if key not in unused}
        try:
            results[name] = finetune(
                folder,
                recipe,
                keys | {"policy": name},
                out=places[name],
                overwrite=overwrite,
                keep_cache=keep_cache,
                progress=progress,
                on_plan=on_plan,
                on_epoch=on_epoch,
            )
        except TlearnError as error:
            failed[name] = error
    if not results:
        raise failed[names[0]]
    return _compare(results, failed, out)


def _refuse_other_tasks(folder: Path, recipe: str | None, flags: Mapping[str, Any] | None) -> None:
    task = load_recipe(recipe, flags or {}).recipe.scanned_task
    ensure_classes(scan(folder, task=task).task, "--policies")


def _compare(
    results: Mapping[str, FinetuneResult], failed: Mapping[str, TlearnError], out: Path | None
) -> PoliciesResult:
    best_first = sorted(results, key=lambda name: _rank(results[name]))
    runs = {name: run for name in best_first if (run := results[name].run)}
    if len(runs) < 2:
        return PoliciesResult(runs, None, failed, None)
    comparison = compare([run.path for run in runs.values()])
    begun = "" if out else f"{datetime.now():%Y%m%d-%H%M%S}-"
    page = (out or RUNS_ROOT) / f"{begun}policies.html"
    write_page(page, comparison)
    return PoliciesResult(runs, comparison, failed, page)


def _rank(result: FinetuneResult) -> tuple[float, float]:
    report = result.reports.get("test") or result.reports["val"]
    return -report.accuracy, result.seconds["total"]
