"""`tlearn suggest`: measure a folder and advise a policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tlearn.commands.advice import advise, head_score_of
from tlearn.commands.advise_targets import advise_targets
from tlearn.commands.choose_backbone import choose_backbone
from tlearn.commands.choose_mirror import choose_mirror
from tlearn.commands.int8_cost import measure_int8_cost
from tlearn.commands.session import Session
from tlearn.commands.trials import check_validation, run_trials
from tlearn.data.targets import CLASSES, ONE_CLASS, ensure_classes
from tlearn.errors import DataError
from tlearn.progress import ProgressCallback, no_progress
from tlearn.recipe.saving import check_new, recipe_of, save_recipe
from tlearn.runs.directory import ensure_no_run
from tlearn.suggestion.advice import Advice


def suggest(
    folder: Path,
    recipe: str | None = None,
    flags: Mapping[str, Any] | None = None,
    *,
    save: Path | None = None,
    trial_seconds: float | None = None,
    measure_int8: bool = False,
    keep_cache: bool = True,
    progress: ProgressCallback = no_progress,
) -> Advice:
    """Measure a folder and advise a policy.

    Args:
        folder: Image folder, or CSV of path and label.
        recipe: Name or path of a recipe, for backbone, size and fractions.
        flags: Recipe keys set by flags.
        save: Write the suggestion to this file, as a recipe.
        trial_seconds: Time for trial runs of what the evidence cannot tell apart.
        measure_int8: Measure what int8 would cost; imports TensorFlow.
        keep_cache: Keep decoded images and features for the next command.
        progress: Called with (step, done, total).

    Raises:
        TlearnError: The folder, the recipe or the weights cannot be used.
    """
    ensure_no_run(folder)
    if save:
        check_new(save)
    with Session(folder, recipe, flags or {}, keep_cache=keep_cache, progress=progress) as session:
        images = session.scan_folder()
        if images.task == ONE_CLASS:
            raise DataError(
                "there is one way to learn what good images are like, so that none is advised",
                "learn it: tlearn finetune FOLDER --task one-class",
            )
        if trial_seconds or measure_int8:
            ensure_classes(images.task, "--try" if trial_seconds else "--for")
        workspace, contenders = choose_backbone(session, images)
        if trial_seconds:
            check_validation(workspace.dataset)
        workspace = session.extract_features(workspace)
        classes = workspace.dataset.folder.task == CLASSES
        advice = (advise if classes else advise_targets)(session, workspace)
        advice = replace(advice, contenders=contenders)
        if trial_seconds:
            advice = run_trials(session, workspace, advice, trial_seconds)
        if measure_int8:
            assert advice.profile is not None
            score = head_score_of(advice.profile, advice.suggestion.head_stages)
            cost = measure_int8_cost(session, workspace, score)
            advice = replace(advice, int8=cost)
        if save:
            suggestion = advice.suggestion
            plan = session.make_plan(workspace, session.with_suggestion(suggestion.recipe))
            plan = choose_mirror(session, workspace, plan)
            title = f"Suggested for {folder.resolve().name}"
            save_recipe(save, recipe_of(plan, title, suggestion.reasons))
        return advice
