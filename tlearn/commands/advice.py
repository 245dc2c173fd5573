"""From a folder in hand to advice: measure, forecast, decide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from tlearn.commands.session import Session
from tlearn.errors import RecipeError
from tlearn.models.source_classes import source_names
from tlearn.recipe.plan import Plan
from tlearn.recipe.schema import LAST
from tlearn.suggestion.accuracy_forecast import Option, forecast_options
from tlearn.suggestion.advice import Advice
from tlearn.suggestion.decision import decide
from tlearn.suggestion.depth_profile import DepthProfile, HeadScore
from tlearn.suggestion.learning_curve import LearningCurve
from tlearn.suggestion.matrix import Evidence, HeadEvidence
from tlearn.suggestion.similarity import measure_similarity, nearest_classes, sample
from tlearn.suggestion.time_forecast import Workload, forecast_seconds


def advise(session: Session, small: bool = False) -> Advice:
    """Weigh what heads on stored features say, and what tuning is expected to add.

    Args:
        session: Pictures and features.
        small: Prefer the smallest network whose head is as good as the best within an error.
    """
    dataset, features, choice = session.dataset, session.features, session.choice
    rows = dataset.manifest.indices("train")
    session.progress("weigh the evidence", 0, 0)
    with session.timer.time("advice"):
        few = sample(rows)
        source = features.source(few)
        similarity = measure_similarity(
            features.embeddings(few), source, choice.name, choice.image_size
        )
        profile, curve = session.profile, session.curve
        evidence = Evidence(
            n_train=len(rows),
            n_classes=len(dataset.manifest.classes),
            similarity=similarity.score,
            similarity_text=similarity.in_words(),
            heads=tuple(heads_of(profile)),
            learning_curve_correction=learning_curve_correction(curve, profile.last.folds),
            n_tested=dataset.manifest.count(dataset.manifest.report_split),
        )
        smallest = _head_on(profile, profile.smallest) if small else None
        options = _possible(session, forecast_options(evidence, smallest or LAST))
        suggestion = decide(evidence, options, smallest)
        nearest = {}
        if source is not None and (names := source_names(choice.weights, source.shape[1])):
            labels = dataset.manifest.labels[few]
            nearest = nearest_classes(source, labels, dataset.manifest.classes, names)
    return Advice(
        suggestion,
        similarity,
        profile,
        dataset,
        choice.name,
        session.timer.seconds,
        session.engines,
        choice.reason,
        tuple(options),
        curve,
        nearest,
        evidence,
    )


def head_score_of(profile: DepthProfile, head_stages: str) -> HeadScore:
    """What cross-validation said of the head of a suggestion."""
    found = (one for one in profile.scores if one.head_stages == head_stages)
    return next(found, profile.single[-1])


def heads_of(profile: DepthProfile) -> Iterator[HeadEvidence]:
    """The last stage, the others from the input on, and several where there are more than one."""
    last = profile.single[-1]
    yield HeadEvidence(LAST, last.accuracy)
    for head_score in profile.scores:
        if head_score is not last:
            yield HeadEvidence(
                head_score.head_stages, head_score.accuracy, *profile.gain(last, head_score)
            )


def learning_curve_correction(curve: LearningCurve, folds: int) -> float:
    """Factor on the error of cross-validation, whose heads saw (folds - 1) / folds of the rows."""
    return float((1 - 1 / folds) ** curve.slope)


def _head_on(profile: DepthProfile, head_score: HeadScore) -> str:
    return LAST if head_score.stages == (len(profile.single),) else head_score.head_stages


def _possible(session: Session, options: Sequence[Option]) -> list[Option]:
    """Options that what the person asked for leaves open, with their seconds.

    Raises:
        RecipeError: It leaves none.
    """
    found, problem = [], None
    for option in options:
        try:
            plan = session.plan({"policy": str(option.policy), "head_stages": option.head_stages})
        except RecipeError as error:
            problem = error
        else:
            found.append(replace(option, seconds=forecast(session, plan)))
    if problem and not found:
        raise problem
    return found


def forecast(session: Session, plan: Plan) -> float:
    """Seconds the plan will take, from a short measurement of the frozen network."""
    workload = Workload(
        n_train=plan.split.n_train,
        n_all=plan.split.n_train + plan.split.n_val + plan.split.n_test,
        views=plan.images.views,
        epochs=plan.training.epochs,
        first_trained_stage=plan.training.first_trained_stage,
        n_stages=plan.head.stages[-1],
    )
    return forecast_seconds(session.stages, workload, session.pass_seconds)
