"""What tlearn does, one function a command: the data flow, no printing.

TensorFlow is imported where a function cannot do without, and as late as it can be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlearn.data.image_folder import list_pictures
from tlearn.evaluation.metrics import Report, score
from tlearn.evaluation.predict import Prediction
from tlearn.features.engine import EngineChoice, seconds_per_picture
from tlearn.features.preparation import Pictures, Watch
from tlearn.finished_run import FinishedRun
from tlearn.recipe.plan import BackboneFacts, DataFacts, Plan, make_plan
from tlearn.run_directory import RunDirectory
from tlearn.suggestion.depth_profile import DepthProfile, draw_profile
from tlearn.suggestion.forecast import forecast_seconds
from tlearn.suggestion.similarity import Similarity, measure_similarity, sample
from tlearn.suggestion.strategy import Evidence, Suggestion, suggest_policy
from tlearn.workbench import Workbench

if TYPE_CHECKING:
    from tlearn.export.parity import Artefact


def silent(task: str, done: int, total: int) -> None:
    """A watch that looks away."""


@dataclass(frozen=True)
class Advice:
    """A suggestion with the evidence behind it; what was not measured is None.

    Attributes:
        suggestion: The cell, the policy and the reasons.
        similarity: What was measured of the domain.
        profile: Cross-validated accuracy by stage.
        pictures: The folder as read.
        backbone: Name of the backbone that measured it.
        seconds: Where the time went.
        engines: What ran the frozen network.
    """

    suggestion: Suggestion
    similarity: Similarity | None = None
    profile: DepthProfile | None = None
    pictures: Pictures | None = None
    backbone: str | None = None
    seconds: Mapping[str, float] | None = None
    engines: EngineChoice | None = None


@dataclass(frozen=True)
class Outcome:
    """What `finetune` did, or with `run` None, would do.

    Attributes:
        run: The run directory.
        plan: Every value settled.
        advice: The measured suggestion, where the policy was left open.
        pictures: The folder as read.
        reports: Part name to what the model scored on it.
        history: Epoch records.
        tuning_kept: How far the model lies from the solved head (0) to where tuning ended (1).
        seconds: Where the time went, and `total`; of a dry run, `forecast` in all.
        engines: What ran the frozen network.
    """

    run: RunDirectory | None
    plan: Plan
    advice: Advice | None
    pictures: Pictures
    reports: Mapping[str, Report]
    history: Sequence[Mapping[str, Any]]
    seconds: Mapping[str, float]
    engines: EngineChoice
    tuning_kept: float | None = None


def suggest(
    source: Path,
    recipe: str | None = None,
    flags: Mapping[str, Any] | None = None,
    *,
    keep_cache: bool = True,
    watch: Watch = silent,
) -> Advice:
    """Measure a folder and advise a policy.

    Args:
        source: Image folder, or CSV of path and label.
        recipe: Name or path of a recipe, for backbone, size and fractions.
        flags: Recipe keys set by flags.
        keep_cache: Keep decoded pictures and features for the next command.
        watch: Told of progress.

    Raises:
        TlearnError: The folder, the recipe or the weights cannot be used.
    """
    with Workbench(source, recipe, flags or {}, keep_cache, watch) as work:
        return _advise(work)


def suggest_without_pictures(n_images: int, n_classes: int, similar: bool) -> Advice:
    """The matrix's answer for counts and a likeness that the person states."""
    return Advice(suggest_policy(Evidence(n_images, n_classes, similar)))


def finetune(
    source: Path,
    recipe: str | None = None,
    flags: Mapping[str, Any] | None = None,
    *,
    out: Path | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
    keep_cache: bool = True,
    watch: Watch = silent,
    settled: Callable[[Outcome], None] | None = None,
    epoch: Callable[[Mapping[str, Any]], None] | None = None,
) -> Outcome:
    """Train a classifier on a folder and keep it as a run.

    Args:
        source: Image folder, or CSV of path and label.
        recipe: Name or path of a recipe.
        flags: Recipe keys set by flags.
        out: The run directory; by default a new one under runs/.
        overwrite: Replace the run at `out`.
        dry_run: Settle the plan and stop; nothing is written but the cache.
        keep_cache: Keep decoded pictures and features for the next command.
        watch: Told of progress.
        settled: Told the plan before anything is trained.
        epoch: Told after every epoch.

    Raises:
        TlearnError: The folder, recipe, weights or place cannot be used.
    """
    with Workbench(source, recipe, flags or {}, keep_cache, watch) as work:
        if not dry_run:
            RunDirectory.check(out, overwrite)
        pictures = work.pictures
        advice = None
        if work.resolved.recipe.policy == "auto":
            advice = _advise(work)
            work.settle_policy(str(advice.suggestion.policy))
        plan = _plan(work)
        spent = work.clock.seconds
        prospect = Outcome(None, plan, advice, pictures, {}, (), spent, work.engines)
        if settled:
            settled(prospect)
        if dry_run:
            return replace(prospect, seconds=spent | {"forecast": _forecast(work, plan)})
        from tlearn.finetuning import train_and_keep

        run = RunDirectory.create(out, plan.policy, overwrite)
        trained = train_and_keep(work, plan, run, epoch)
        spent = work.clock.seconds | {"total": work.clock.total()}
        return replace(prospect, run=run, seconds=spent, **vars(trained))


def _advise(work: Workbench) -> Advice:
    pictures, features = work.pictures, work.features
    rows, labels = pictures.split.indices("train"), pictures.labels("train")
    n_classes, recipe = len(pictures.split.classes), work.resolved.recipe
    work.watch("weigh the evidence", 0, 0)
    with work.clock.time("advice"):
        name = work.choice.name
        few = sample(rows)
        similarity = measure_similarity(features.embeddings(few), features.source(few), name)
        folds = pictures.folds(recipe.seed)
        about = (pictures.digests("train"), labels, n_classes, folds, recipe.class_weights)
        profile = draw_profile(
            {stage: features.cross_validate(o, *about) for stage, o in features.stage_outputs()}
        )
        evidence = Evidence(
            n_train=len(rows),
            n_classes=n_classes,
            similar=similarity.similar,
            head_accuracy=profile.last.accuracy,
            similarity_words=similarity.in_words(),
        )
        suggestion = suggest_policy(evidence)
    seconds = work.clock.seconds
    return Advice(suggestion, similarity, profile, pictures, name, seconds, work.engines)


def _forecast(work: Workbench, plan: Plan) -> float:
    """Seconds the plan will take, from a short measurement of the frozen network."""
    sample = work.pictures.rows("train")[:16]
    n_all = plan.n_train + plan.n_val + plan.n_test
    return forecast_seconds(
        work.stages,
        plan.first_trained_stage,
        plan.n_train,
        n_all,
        plan.views,
        plan.epochs,
        seconds_per_picture(work.open_probe(sample), sample),
    )


def _plan(work: Workbench) -> Plan:
    split, choice = work.pictures.split, work.choice
    n_train, n_val, n_test = (split.count(part) for part in ("train", "val", "test"))
    backbone = BackboneFacts(choice.name, choice.image_size, choice.fingerprint)
    data = DataFacts(split.classes, n_train, n_val, n_test, split.folds)
    return make_plan(work.resolved, data, backbone, work.stages)


def evaluate(
    run: Path | None, folder: Path | None = None, *, watch: Watch = silent
) -> tuple[RunDirectory, Report]:
    """Score a run on its own held-out pictures, or on another folder.

    Args:
        run: The run directory; None takes the newest under runs/.
        folder: Another folder with the run's classes; None takes the part the run reports on.
        watch: Told of progress.

    Raises:
        TlearnError: The run or the pictures cannot be used.
    """
    finished = FinishedRun(run, None, watch)
    if folder is None:
        part = finished.split.report_part
        pixels, labels = finished.pictures(part), finished.truth(part)
    else:
        part = folder.name
        pixels, labels = finished.foreign(folder)
    report = score(finished.probabilities(pixels), labels, finished.labels, part)
    return finished.run, report


def predict(
    run: Path | None, sources: Sequence[Path], *, watch: Watch = silent
) -> list[Prediction]:
    """Say what is on pictures; one that cannot be read is answered with its problem.

    Args:
        run: The run directory; None takes the newest under runs/.
        sources: Files, or folders to search.
        watch: Told of progress.

    Raises:
        TlearnError: The run cannot be used, or there is no picture.
    """
    paths = list_pictures(sources)
    finished = FinishedRun(run, None, watch)
    pixels, problems = finished.decode_each(paths)
    answers = iter(finished.probabilities(pixels) if len(pixels) else ())
    return [
        Prediction.unreadable(str(path), problem)
        if problem
        else Prediction.of(str(path), next(answers), finished.labels)
        for path, problem in zip(paths, problems, strict=True)
    ]


def export(
    run: Path | None,
    formats: Sequence[tuple[str, str]],
    *,
    out: Path | None = None,
    max_drop: float = 0.01,
    data: Path | None = None,
    watch: Watch = silent,
) -> list[Artefact]:
    """Write files for a device, each run on the validation pictures before it is called done.

    Args:
        run: The run directory; None takes the newest under runs/.
        formats: Pairs of format ("tflite", "saved_model") and quantization.
        out: Where to; by default the run's own export folder.
        max_drop: Largest drop of accuracy allowed, as a fraction.
        data: Where the run's pictures are now.
        watch: Told of progress.

    Returns:
        Every artefact; one that failed says so, and its file's name too.

    Raises:
        TlearnError: The run, its pictures or the place cannot be used.
    """
    from tlearn.export.writing import write_and_check

    finished = FinishedRun(run, data, watch)
    reference = finished.reference()
    folder = out or finished.run.export_dir
    artefacts = []
    for format, quantization in formats:
        watch(f"export {format}" + f" {quantization}" * (quantization != "none"), 0, 0)
        artefacts.append(write_and_check(reference, folder, format, quantization, max_drop))
    return artefacts
