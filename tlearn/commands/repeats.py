"""The same training on several splits of a folder, and what each reaches on its test images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from tlearn.commands.fitted import FittedModel
from tlearn.commands.plan_time import forecast_plan
from tlearn.commands.session import Session
from tlearn.commands.train import fit
from tlearn.commands.workspace import Workspace
from tlearn.data.dataset import Dataset
from tlearn.data.order import answered
from tlearn.data.sampling import fold_splits
from tlearn.data.targets import CLASSES, LABELS, NUMBER
from tlearn.errors import RecipeError, TlearnError
from tlearn.evaluation.resampling import FOLDS, SEEDS, Repeat, Repeats
from tlearn.evaluation.target_gains import sampled_scores
from tlearn.evaluation.wording import duration
from tlearn.models.resolve import resolve_backbone
from tlearn.progress import Timer
from tlearn.recipe.plan import Plan
from tlearn.recipe.planning import SplitCounts, plan_for_split
from tlearn.runs.directory import RunDirectory
from tlearn.storage.atomic import remove
from tlearn.storage.text import read_json, write_json

STEP = "repeats"
"""Name of the timed step."""


@dataclass(frozen=True)
class PlannedRepeat:
    """A training beside that of the run: its name, its images with their split, its plan."""

    name: str
    dataset: Dataset
    plan: Plan


@dataclass(frozen=True)
class PlannedRepeats:
    """All of them; `kind` is "folds", "seeds", or empty where there are none."""

    kind: str
    each: Sequence[PlannedRepeat]


def check_repeats(folds: object, seeds: object) -> dict[str, int]:
    """Return how often to train, by "folds" or "seeds"; nothing where neither is asked for.

    Raises:
        RecipeError: Both are, or fewer than two.
    """
    asked = {name: n for name, n in ((FOLDS, folds), (SEEDS, seeds)) if n is not None}
    if len(asked) > 1:
        raise RecipeError(
            "--folds and --seeds are two ways to repeat a training", "take one: --folds 5"
        )
    for name, n in asked.items():
        if not isinstance(n, int) or n < 2:
            raise RecipeError(f"repeating takes two {name} or more, not {n}", f"as in: --{name} 5")
    return {name: n for name, n in asked.items() if isinstance(n, int)}


def plan_repeats(
    session: Session, workspace: Workspace, plan: Plan, asked: Mapping[str, int]
) -> PlannedRepeats:
    """Return the trainings to do beside that of the run, which is the first of several seeds.

    Raises:
        RecipeError: The time is limited, and would go into the first.
        DataError: The folder cannot be divided so.
    """
    if asked and session.requested.recipe.seconds:
        raise RecipeError(
            f"--for limits one training, and --{next(iter(asked))} repeats it",
            "limit each by its epochs: --epochs 10",
        )
    kind, dataset, split, seed = "".join(asked), workspace.dataset, plan.split, plan.seed
    if kind == FOLDS:
        folds = fold_splits(dataset.manifest, asked[kind], seed)
        datasets = [replace(dataset, manifest=fold) for fold in folds]
    else:
        others = range(seed + 1, seed + asked.get(kind, 1))
        fractions = (split.val_fraction, split.test_fraction)
        datasets = [dataset.with_seed(other, *fractions) for other in others]
    first = 1 if kind == FOLDS else 2  # the first seed is the run's own
    each = [
        PlannedRepeat(
            f"{kind.removesuffix('s')} {number} of {asked[kind]}",
            one,
            plan_for_split(plan, SplitCounts.of(one.manifest, None), one.seed),
        )
        for number, one in enumerate(datasets, first)
    ]
    return PlannedRepeats(kind, each)


def forecast_repeats(session: Session, workspace: Workspace, repeats: PlannedRepeats) -> float:
    """Return the seconds that they will take, with the features of all images in the store."""
    if not repeats.each:
        return 0.0
    pass_seconds, n_stored = session.measure_pass(workspace), len(workspace.dataset.manifest.names)
    each = forecast_plan(workspace, repeats.each[0].plan, pass_seconds) - n_stored * pass_seconds
    return max(each, 0.0) * len(repeats.each)


def run_repeats(
    session: Session, workspace: Workspace, planned: PlannedRepeats, run: RunDirectory
) -> list[Repeat]:
    """Train each; what a stopped command has done is read from the run, not done again.

    Args:
        session: Cache, engines and progress.
        workspace: Backbone and features.
        planned: From `plan_repeats`.
        run: Keeps the results, and the checkpoint of the one that is trained.
    """
    path, count = run.checkpoints / "repeats.json", len(planned.each)
    done = _read(path, count) if path.exists() else []
    for number, repeat in enumerate(planned.each[len(done) :], len(done)):
        checkpoint, timer = run.checkpoints / f"repeat-{number}.npz", Timer()
        with _aside(session, timer, repeat.name + _left(done, count)):
            fitted = fit(session, _workspace(workspace, repeat), repeat.plan, None, checkpoint)
        done.append(_measure(repeat.dataset, fitted, timer.total()))
        write_json(path, [asdict(result) for result in done])
        remove(checkpoint)
    return done


def collect(
    planned: PlannedRepeats,
    done: Sequence[Repeat],
    dataset: Dataset,
    fitted: FittedModel,
    seconds: float,
) -> Repeats | None:
    """Return all results; None where no repeats were asked for.

    Args:
        planned: From `plan_repeats`.
        done: From `run_repeats`.
        dataset: What the run was trained on.
        fitted: The training of the run itself, which is the first of several seeds.
        seconds: How long that took.
    """
    score = {LABELS: "mean_average_precision", NUMBER: "mae"}.get(fitted.plan.task, "accuracy")
    if planned.kind != SEEDS:
        return Repeats(FOLDS, tuple(done), score=score) if done else None
    tested = {
        frozenset(one.digests(one.manifest.report_split))
        for one in (dataset, *(repeat.dataset for repeat in planned.each))
    }
    own = _measure(dataset, fitted, seconds)
    return Repeats(SEEDS, (own, *done), len(tested) == 1, score)


def _measure(dataset: Dataset, fitted: FittedModel, seconds: float) -> Repeat:
    """Return what a trained model reaches on the images that its split reports on."""
    split = dataset.manifest.report_split
    answers, targets = fitted.probabilities[split], dataset.targets(split)
    if fitted.plan.task == CLASSES:
        score = np.mean(answered(answers, fitted.plan.ordered) == targets)
    else:
        everything = np.ones((1, len(answers)))
        (score,) = sampled_scores(fitted.plan.task, answers, targets, everything)
    n_train = len(dataset.manifest.names) - len(answers)
    return Repeat(float(score), n_train, len(answers), seconds)


def _workspace(workspace: Workspace, repeat: PlannedRepeat) -> Workspace:
    """Return the images of a repeat, with random weights of its own where training needs them."""
    backbone = workspace.backbone
    if repeat.plan.policy == "from_scratch":
        size, seed = backbone.image_size, repeat.plan.seed
        backbone = resolve_backbone(backbone.name, None, size, random_seed=seed)
    return replace(workspace, dataset=repeat.dataset, backbone=backbone)


def _left(done: Sequence[Repeat], count: int) -> str:
    """Return how long the others will take; nothing before one is done."""
    if not done:
        return ""
    each = sum(repeat.seconds for repeat in done) / len(done)
    return f", about {duration(each * (count - len(done)))} left"


@contextmanager
def _aside(session: Session, timer: Timer, task: str) -> Iterator[None]:
    """Show the steps of a training under one name, and time them as one step of the command."""
    progress, own_timer = session.progress, session.timer
    session.progress = lambda *_: progress(task, 0, 0)
    session.timer = timer
    try:
        with own_timer.time(STEP):
            yield
    finally:
        session.progress, session.timer = progress, own_timer


def _read(path: Path, count: int) -> list[Repeat]:
    """Return the results that are kept; none where the file is damaged."""
    from pydantic import TypeAdapter, ValidationError

    with suppress(TlearnError, ValidationError):
        return TypeAdapter(list[Repeat]).validate_python(read_json(path))[:count]
    return []
