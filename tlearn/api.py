"""What tlearn does, one function a command: the data flow, no printing.

TensorFlow is imported where a function cannot do without, and as late as it can be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlearn.commands.advice import advise, forecast, head_score_of
from tlearn.commands.check import check as check
from tlearn.commands.export import benchmark as benchmark
from tlearn.commands.export import export as export
from tlearn.commands.export import export_within as export_within
from tlearn.commands.export import write_snippets as write_snippets
from tlearn.commands.finetune import FinetuneResult
from tlearn.commands.session import Session
from tlearn.data.image_folder import list_images
from tlearn.evaluation.metrics import Report, score
from tlearn.evaluation.predictions import Prediction
from tlearn.models.resolve import resolve_backbone
from tlearn.progress import ProgressCallback, no_progress
from tlearn.recipe.saving import check_new, recipe_of, save_recipe
from tlearn.runs.directory import RunDirectory
from tlearn.runs.trained_run import TrainedRun
from tlearn.suggestion.advice import Advice
from tlearn.suggestion.matrix import Evidence, textbook_policy

if TYPE_CHECKING:
    from tlearn.commands.distill import DistillResult
    from tlearn.commands.rank import Ranked
    from tlearn.data.dataset import Dataset


def suggest(
    source: Path,
    recipe: str | None = None,
    flags: Mapping[str, Any] | None = None,
    *,
    small: bool = False,
    save: Path | None = None,
    seconds: float | None = None,
    int8: bool = False,
    keep_cache: bool = True,
    progress: ProgressCallback = no_progress,
) -> Advice:
    """Measure a folder and advise a policy.

    Args:
        source: Image folder, or CSV of path and label.
        recipe: Name or path of a recipe, for backbone, size and fractions.
        flags: Recipe keys set by flags.
        small: Prefer the smallest network whose head is as good as the best within an error.
        save: Keep the suggestion here, as a recipe.
        seconds: To spend on trials of what the evidence cannot tell apart.
        int8: Measure what int8 would cost; takes TensorFlow.
        keep_cache: Keep decoded pictures and features for the next command.
        progress: Called with (step, done, total).

    Raises:
        TlearnError: The folder, the recipe or the weights cannot be used.
    """
    if save:
        check_new(save)
    with Session(source, recipe, flags or {}, keep_cache, progress) as session:
        if seconds:
            from tlearn.commands.trials import check_validation, try_out

            check_validation(session)
        advice = advise(session, small)
        if seconds:
            advice = try_out(session, advice, seconds)
        if int8:
            from tlearn.commands.int8_cost import measure_int8

            reading = head_score_of(session.profile, advice.suggestion.head_stages)
            advice = replace(advice, int8=measure_int8(session, reading))
        if save:
            found, plan = advice.suggestion, session.plan(advice.suggestion.recipe)
            title = f"Suggested for {source.resolve().name}"
            save_recipe(save, recipe_of(plan, title, found.reasons))
        return advice


def rank(
    source: Path,
    backbones: Sequence[str],
    recipe: str | None = None,
    flags: Mapping[str, Any] | None = None,
    *,
    keep_cache: bool = True,
    max_bytes: float | None = None,
    int8: bool = False,
    progress: ProgressCallback = no_progress,
) -> tuple[Dataset, list[Ranked]]:
    """Rank backbones on a folder; see `tlearn.commands.rank.rank`."""
    from tlearn.commands import rank as ranking

    about = (source, backbones, recipe, flags or {}, progress)
    return ranking.rank(*about, keep_cache=keep_cache, max_bytes=max_bytes, int8=int8)


def suggest_without_images(n_images: int, n_classes: int, similar: bool) -> Advice:
    """The matrix's answer for counts and a likeness that the person states."""
    return Advice(textbook_policy(Evidence(n_images, n_classes, float(similar))))


def finetune(
    source: Path,
    recipe: str | None = None,
    flags: Mapping[str, Any] | None = None,
    *,
    out: Path | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
    keep_cache: bool = True,
    progress: ProgressCallback = no_progress,
    settled: Callable[[FinetuneResult], None] | None = None,
    epoch: Callable[[Mapping[str, Any]], None] | None = None,
) -> FinetuneResult:
    """Train a classifier on a folder and keep it as a run.

    Args:
        source: Image folder, or CSV of path and label.
        recipe: Name or path of a recipe.
        flags: Recipe keys set by flags.
        out: The run directory; by default a new one under runs/.
        overwrite: Replace the run at `out`.
        dry_run: Settle the plan and stop; nothing is written but the cache.
        keep_cache: Keep decoded pictures and features for the next command.
        progress: Called with (step, done, total).
        settled: Told the plan before anything is trained.
        epoch: Told after every epoch.

    Raises:
        TlearnError: The folder, recipe, weights or place cannot be used.
    """
    with Session(source, recipe, flags or {}, keep_cache, progress) as session:
        if not dry_run:
            RunDirectory.check(out, overwrite)
        dataset = session.dataset
        advice = None
        if session.resolved.recipe.policy == "auto":
            advice = advise(session)
            session.settle(advice.suggestion.recipe)
        plan = session.plan()
        spent, expected = session.timer.seconds, forecast(session, plan)
        planned = FinetuneResult(
            *(None, plan, advice, dataset, {}, (), spent, session.engines),
            forecast_seconds=expected,
        )
        if settled:
            settled(planned)
        if dry_run:
            return planned
        from tlearn.commands.train import train_and_save

        run = RunDirectory.create(out, plan.policy, overwrite)
        trained = train_and_save(session, plan, run, epoch)
        spent = session.timer.seconds | {"total": session.timer.total()}
        return replace(planned, run=run, seconds=spent, **vars(trained))


def evaluate(
    run: Path | None,
    folder: Path | None = None,
    *,
    data: Path | None = None,
    progress: ProgressCallback = no_progress,
) -> tuple[RunDirectory, Report]:
    """Score a run on its own held-out pictures, or on another folder.

    Args:
        run: The run directory; None takes the newest under runs/.
        folder: Another folder with the run's classes; None takes the part the run reports on.
        data: Where the run's pictures are now.
        progress: Called with (step, done, total).

    Raises:
        TlearnError: The run or the pictures cannot be used.
    """
    finished = TrainedRun(run, data, progress)
    if folder is None:
        split = finished.manifest.report_split
        pixels, labels = finished.images(split), finished.truth(split)
    else:
        split = folder.resolve().name
        pixels, labels = finished.foreign(folder)
    report = score(finished.probabilities(pixels), labels, finished.labels, split)
    return finished.run, report


def predict(
    run: Path | None, sources: Sequence[Path], *, progress: ProgressCallback = no_progress
) -> list[Prediction]:
    """Say what is on pictures; one that cannot be read is answered with its problem.

    Args:
        run: The run directory; None takes the newest under runs/.
        sources: Files, or folders to search.
        progress: Called with (step, done, total).

    Raises:
        TlearnError: The run cannot be used, or there is no picture.
    """
    paths = list_images(sources)
    finished = TrainedRun(run, None, progress)
    pixels, problems = finished.decode_each(paths)
    answers = iter(finished.probabilities(pixels) if len(pixels) else ())
    return [
        Prediction.unreadable(str(path), problem)
        if problem
        else Prediction.of(str(path), next(answers), finished.labels)
        for path, problem in zip(paths, problems, strict=True)
    ]


def distill(
    sources: Sequence[Path],
    teacher: str,
    student: str,
    *,
    seconds: float,
    out: Path,
    image_size: int | None = None,
    teacher_weights: Path | None = None,
    teacher_size: int | None = None,
    views: int = 4,
    augmentation: str = "light",
    horizontal_flip: bool = True,
    resize: str = "squash",
    seed: int = 0,
    progress: ProgressCallback = no_progress,
) -> DistillResult:
    """Teach a small network to answer as a large one, from pictures without labels.

    Args:
        sources: Folders, files, tar archives.
        teacher: A backbone by name, a .keras file, or the directory of a run.
        student: A backbone by name; starts from random weights.
        seconds: Time to teach, earlier sittings at `out` counted.
        out: Where the student goes.
        image_size: Side of the student's input; None for its own.
        teacher_weights: The teacher's weights; None looks for them.
        teacher_size: Side of the teacher's input; None for its own.
        views: Views of each picture, the clean one counted.
        augmentation: How the others are drawn.
        horizontal_flip: Whether they may be flipped.
        resize: How a picture becomes square.
        seed: Of everything random.
        progress: Called with (step, done, total).

    Raises:
        TlearnError: Teacher, student or pictures cannot be used.
    """
    from tlearn.commands import distill as distilling
    from tlearn.commands.shrink import shrink

    spec, size = distilling.choose_student(student, image_size)
    chosen = distilling.choose_teacher(teacher, teacher_weights, teacher_size)
    rest = (resize, views, augmentation, horizontal_flip, seconds, seed)
    asked = distilling.DistillConfig(chosen, spec, size, *rest)
    taught = distilling.distill(asked, sources, out, progress)
    if not Path(teacher).is_dir():
        return taught
    small = resolve_backbone(spec.name, taught.weights, size)
    shrunk = shrink(RunDirectory.open(Path(teacher)), chosen, small, resize, progress)
    return replace(taught, shrunk=shrunk)
