"""From an image folder to advice: measure, forecast, decide."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tlearn.commands.examine import examine_shortly
from tlearn.commands.plan_time import forecast_plan
from tlearn.commands.session import Session
from tlearn.commands.workspace import Workspace
from tlearn.data.design_effect import effect_at, within_group_correlation
from tlearn.data.split import Fold
from tlearn.errors import RecipeError
from tlearn.models.source_classes import source_names
from tlearn.recipe.plan import Plan
from tlearn.recipe.schema import AUTO, BEST, LAST, LAST3
from tlearn.suggestion.accuracy_forecast import Option, forecast_head, forecast_options
from tlearn.suggestion.advice import Advice
from tlearn.suggestion.decision import decide
from tlearn.suggestion.depth_profile import DepthProfile, HeadScore
from tlearn.suggestion.learning_curve import LearningCurve, measure_curve
from tlearn.suggestion.matrix import Evidence, HeadEvidence
from tlearn.suggestion.similarity import Similarity, measure_similarity, nearest_classes, sample

_AS_QUICK = 1.2
"""Times the seconds of the quickest way to train, up to which another counts as being as quick."""


@dataclass(frozen=True, eq=False)
class Measurements:
    """What was measured on a folder with a backbone.

    Attributes:
        similarity: To the source domain.
        source: Probabilities of the source classes for the sampled images, or None.
        profile: Heads by stage.
        curve: Learning curve of the best single stage.
        evidence: What forecasts are computed from.
    """

    similarity: Similarity
    source: np.ndarray | None
    profile: DepthProfile
    curve: LearningCurve
    evidence: Evidence


def advise(session: Session, workspace: Workspace) -> Advice:
    """Measure heads on stored features, forecast what tuning adds, and decide.

    Args:
        session: Recipe, cache and progress.
        workspace: Images, backbone and features.

    Raises:
        RecipeError: What the person asked for leaves no way to train.
    """
    recipe, backbone = session.requested.recipe, workspace.backbone
    session.progress("weigh the evidence", 0, 0)
    with session.timer.time("advice"):
        measured = measure(session, workspace)
        profile, evidence = measured.profile, measured.evidence
        small = recipe.prefer == "small" and not workspace.stages[0].joined
        smallest = _head_stages(profile, profile.smallest) if small else None
        options, too_slow = forecast(session, workspace, measured, smallest or LAST)
        suggestion = decide(evidence, options, smallest, recipe.prefer, too_slow)
        nearest = _nearest(workspace, measured.source)
    workspace, examination = examine_shortly(session, workspace, profile.scores)
    return Advice(
        suggestion=suggestion,
        similarity=measured.similarity,
        profile=profile,
        dataset=workspace.dataset,
        backbone=backbone.name,
        seconds=session.timer.seconds,
        engines=session.engines,
        backbone_reason=backbone.reason,
        options=tuple(options),
        curve=measured.curve,
        nearest=nearest,
        evidence=evidence,
        examination=examination,
        too_slow=too_slow,
    )


def measure(session: Session, workspace: Workspace) -> Measurements:
    """Measure all that a forecast rests on; of what was measured before much is stored."""
    dataset, backbone, features = workspace.dataset, workspace.backbone, workspace.features
    assert features is not None
    rows = dataset.manifest.indices("train")
    sampled_rows = sample(rows)
    source = features.source_probabilities(sampled_rows)
    similarity = measure_similarity(
        features.embeddings(sampled_rows), source, backbone.name, backbone.image_size
    )
    profile = session.measure_profile(workspace)
    curve = _measure_curve(session, workspace, profile)
    train_effect, test_effect = _design_effects(workspace, profile)
    evidence = Evidence(
        n_train=len(rows),
        n_classes=len(dataset.manifest.classes),
        similarity=similarity.score,
        similarity_text=similarity.in_words(),
        heads=tuple(head_evidence(profile, workspace.stages[0].joined)),
        learning_curve_correction=learning_curve_correction(curve, profile.last.folds),
        n_tested=dataset.manifest.count(dataset.manifest.report_split),
        train_effect=train_effect,
        test_effect=test_effect,
    )
    return Measurements(similarity, source, profile, curve, evidence)


def forecast(
    session: Session, workspace: Workspace, measured: Measurements, also: str = LAST
) -> tuple[list[Option], list[Option]]:
    """Return the ways to train that are left open, and those that the time given excludes.

    Args:
        session: The recipe.
        workspace: Images and backbone.
        measured: From `measure`.
        also: Stages of a head to include in any case.

    Raises:
        RecipeError: What the person asked for leaves no way to train.
    """
    asked = _asked_stages(session.requested.recipe.head_stages, measured.profile)
    options = forecast_head(measured.evidence, asked) or forecast_options(measured.evidence, also)
    return _divide_by_time(session, _options_left_open(session, workspace, options))


def head_score_of(profile: DepthProfile, head_stages: str) -> HeadScore:
    """Return what cross-validation measured for the head of a suggestion."""
    scores = (score for score in profile.scores if score.head_stages == head_stages)
    return next(scores, profile.single[-1])


def head_evidence(profile: DepthProfile, joined: bool = False) -> Iterator[HeadEvidence]:
    """Yield the head on the last stage, then the others from the input on, then the multi-stage.

    Of joined backbones a head reads all stages: one on a single stage needs one network only.
    """
    if joined:
        yield HeadEvidence(profile.multi_stage.head_stages, profile.multi_stage.accuracy)
        return
    last = profile.single[-1]
    yield HeadEvidence(LAST, last.accuracy)
    for score in profile.scores:
        if score is not last:
            yield HeadEvidence(score.head_stages, score.accuracy, *profile.gain(last, score))


def learning_curve_correction(curve: LearningCurve, folds: int) -> float:
    """Return the factor on the error of cross-validation, whose heads saw (k - 1) / k images."""
    return float((1 - 1 / folds) ** curve.slope)


def plan_option(session: Session, workspace: Workspace, option: Option) -> Plan:
    """Return the plan that carries out an option."""
    keys = {"policy": str(option.policy), "head_stages": option.head_stages}
    return session.make_plan(workspace, session.with_suggestion(keys))


def _measure_curve(session: Session, workspace: Workspace, profile: DepthProfile) -> LearningCurve:
    """Measure how a head on the best single stage improves with more images."""
    dataset, features, best = workspace.dataset, workspace.features, profile.best_single
    assert features is not None
    problem = session.head_problem(workspace, best.stages)
    folds = dataset.folds(session.seed)
    judged = np.sort(np.concatenate([rows for _, rows in folds]))

    def held_out(folds: Sequence[Fold], factor: float) -> Sequence[np.ndarray]:
        if factor == 1:  # heads on all images are those of the cross-validation
            return [best.cv.probabilities[np.searchsorted(judged, rows)] for _, rows in folds]
        return features.held_out(problem, folds, best.cv.penalty * factor)

    labels, groups = dataset.labels("train"), dataset.groups("train")
    return measure_curve(labels, folds, held_out, session.seed, groups)


def _design_effects(workspace: Workspace, profile: DepthProfile) -> tuple[float, float]:
    """Return what to divide the numbers of training and of test images by, for their groups."""
    if not profile.groups:
        return 1.0, 1.0
    dataset = workspace.dataset
    right = profile.last.probabilities.argmax(axis=1) == profile.labels
    correlation = within_group_correlation(right, profile.groups)
    splits = ("train", dataset.manifest.report_split)
    train, tested = (effect_at(correlation, dataset.groups(split)) for split in splits)
    return train, tested


def _options_left_open(
    session: Session, workspace: Workspace, options: Sequence[Option]
) -> list[Option]:
    """Return the options that the person's own choices leave open, with their seconds.

    Raises:
        RecipeError: They leave none.
    """
    pass_seconds = session.measure_pass(workspace)
    left: list[Option] = []
    refusal: RecipeError | None = None
    for option in options:
        try:
            plan = plan_option(session, workspace, option)
        except RecipeError as error:
            refusal = error
        else:
            seconds = forecast_plan(workspace, plan, pass_seconds)
            size = 4 * sum(stage.parameters for stage in plan.stages)
            left.append(replace(option, seconds=seconds, size_bytes=size))
    if refusal and not left:
        raise refusal
    return left


def _divide_by_time(
    session: Session, options: Sequence[Option]
) -> tuple[list[Option], list[Option]]:
    """Divide options into those that fit into the time given and others; the quickest always do."""
    left = (session.requested.recipe.seconds or math.inf) - session.timer.total()
    limit = max(left, _AS_QUICK * min(option.seconds or 0 for option in options))
    fitting = [option for option in options if (option.seconds or 0) <= limit]
    return fitting, [option for option in options if option not in fitting]


def _asked_stages(asked: str, profile: DepthProfile) -> str:
    """Return the stages that the person chose, named as in the evidence; "auto" for no choice."""
    if asked == LAST3:
        return profile.multi_stage.head_stages
    if asked == BEST:
        return _head_stages(profile, profile.best_single)
    if asked in (AUTO, LAST):
        return asked
    numbers = ",".join(map(str, sorted({int(number) for number in asked.split(",")})))
    return LAST if numbers == str(len(profile.single)) else numbers


def _head_stages(profile: DepthProfile, score: HeadScore) -> str:
    return LAST if score.stages == (len(profile.single),) else score.head_stages


def _nearest(
    workspace: Workspace, source: np.ndarray | None
) -> Mapping[str, Sequence[tuple[str, float]]]:
    """Return the source classes that the images of each class look like, if they have names."""
    if source is None:
        return {}
    names = source_names(workspace.backbone.weights, source.shape[1])
    manifest = workspace.dataset.manifest
    rows = sample(manifest.indices("train"))
    return nearest_classes(source, manifest.labels[rows], manifest.classes, names) if names else {}
