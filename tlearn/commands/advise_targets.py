"""Advice on several labels, or a number: which stages a solved head should read."""

from __future__ import annotations

from tlearn.commands.session import Session
from tlearn.commands.workspace import Workspace
from tlearn.data.targets import LABELS
from tlearn.recipe.schema import LAST
from tlearn.suggestion.advice import Advice
from tlearn.suggestion.depth_profile import TIE_SE, DepthProfile, HeadScore
from tlearn.suggestion.matrix import LITTLE, Policy, Suggestion
from tlearn.suggestion.similarity import measure_similarity, sample


def advise_targets(session: Session, workspace: Workspace) -> Advice:
    """Cross-validate heads on stored features, and choose the stages to read.

    The table of trials behind the forecasts of tuning is of classes, so that nothing is forecast
    here. Where images are many, what the matrix says of similar and different ones is advised: in
    `benchmarks/task_tuning.py`, tuning the last stages gained on all six tables, and tuning all of
    them on five. Where images are few, or a fast way or a small network is preferred, it is a
    solved head.

    Args:
        session: Recipe, cache and progress.
        workspace: Images, backbone and features.
    """
    dataset, backbone, features = workspace.dataset, workspace.backbone, workspace.features
    assert features is not None
    session.progress("weigh the evidence", 0, 0)
    with session.timer.time("advice"):
        rows = sample(dataset.manifest.indices("train"))
        source, size = features.source_probabilities(rows), backbone.image_size
        embeddings = features.embeddings(rows)
        similarity = measure_similarity(embeddings, source, backbone.name, size)
        profile = session.measure_profile(workspace)
        n_train = dataset.manifest.count("train")
        head = _stages(profile)
        prefer, policy = session.requested.recipe.prefer, Policy.LINEAR_HEAD
        why = f"fine-tuning may gain nothing from under {LITTLE} images; try it: --policy deep"
        if prefer in ("fast", "small"):
            why = "a solved head takes seconds; fine-tuning usually gains more: --policy deep"
        elif n_train >= LITTLE:
            policy = Policy.TOP_STAGES if similarity.score >= 0.5 else Policy.DEEP
            why = "fine-tuning usually gains from so many images; in seconds: --prefer fast"
        reasons = (
            f"{n_train:,} training images",
            f"measured: a linear head takes away {head.accuracy:.0%} of {_loss(workspace)}",
            why,
        )
        suggestion = Suggestion(
            policy,
            head.head_stages if len(head.stages) > 1 else LAST,
            "lot" if n_train >= LITTLE else "little",
            "similar" if similarity.score >= 0.5 else "different",
            reasons,
            n_train,
            len(dataset.outputs),
        )
    return Advice(
        suggestion=suggestion,
        similarity=similarity,
        profile=profile,
        dataset=dataset,
        backbone=backbone.name,
        seconds=session.timer.seconds,
        engines=session.engines,
        backbone_reason=backbone.reason,
    )


def _stages(profile: DepthProfile) -> HeadScore:
    """Return the head on the last stages together, or on the last where that is no worse."""
    last, several = profile.single[-1], profile.multi_stage
    mean, error = profile.gain(last, several)
    return several if mean > -TIE_SE * error else last


def _loss(workspace: Workspace) -> str:
    if workspace.dataset.folder.task == LABELS:
        return "the log loss of always answering each label's share"
    return "the error of always answering the median"
