"""Which of the backbones at hand suits a folder: a head on each, over the same images and folds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from tlearn.commands.join_contenders import compare_forecasts, cross_validate_pair, may_join
from tlearn.commands.session import Session
from tlearn.commands.workspace import Workspace
from tlearn.data.image_folder import ImageFolder
from tlearn.models.catalog import JOINT, RECOMMENDED
from tlearn.models.resolve import FROM_PACKAGE
from tlearn.models.weights import available_offline
from tlearn.recipe.schema import AUTO
from tlearn.suggestion.advice import Contender
from tlearn.suggestion.depth_profile import TIE_SE, HeadScore, gain

CONTENDERS = {
    "balanced": (FROM_PACKAGE,),
    "accurate": (FROM_PACKAGE, "efficientnet_lite1", "efficientnet_lite2"),
}
"""What `auto` tries beside the recommended backbone, if its weights are on this machine: networks
that suit a phone, cheapest first."""

MOST_IMAGES = 3_000
"""Training images above which one more pass over all of them takes minutes."""

SETTLED = 0.01
"""Error of the first head below which another backbone cannot be told from it."""


def choose_backbone(
    session: Session, images: ImageFolder, name: str | None = None
) -> tuple[Workspace, tuple[Contender, ...]]:
    """Return an image folder with the backbone to train, and how others at hand did.

    Another backbone has to be better by more than one standard error of the paired difference, or
    just better where accuracy is preferred: it is larger and slower. There the best two are also
    joined, where a head on both is expected to beat all that the best one can reach.

    Args:
        session: Recipe, cache and progress.
        images: From `Session.scan_folder`.
        name: Take this one; None for the one that the recipe names, or the best where it is open.

    Raises:
        TlearnError: The backbone or its weights cannot be used.
    """
    backbone = session.find_backbone(name)
    dataset = session.load_dataset(images, backbone)
    workspace = session.open_backbone(dataset, backbone)
    others = () if name else tuple(_others(session, backbone.name))
    if not others:
        return workspace, ()
    if dataset.manifest.count("train") > MOST_IMAGES:
        return workspace, tuple(Contender(n, untried="there are many images") for n in others)
    workspace, first = _measure(session, workspace)
    labels, groups = dataset.labels("train"), dataset.groups("train")
    rated = [Contender(backbone.name, first.accuracy)]
    best, best_rated = backbone.name, rated[0]
    tried = {best: (workspace, first)}
    accurate = session.requested.recipe.prefer == "accurate"
    margin = 0.0 if accurate else TIE_SE
    for other in others:
        if 1 - (best_rated.accuracy or 0.0) <= SETTLED:
            rated.append(Contender(other, untried=f"{best} leaves no error to speak of"))
            continue
        tried[other] = _measure(session, _open(session, images, other))
        score = tried[other][1]
        rated.append(Contender(other, score.accuracy, *gain(first, score, labels, groups)))
        if rated[-1].gain - best_rated.gain > margin * rated[-1].error:
            best, best_rated = other, rated[-1]
    workspace, single = tried[best]
    reason = _reason(best_rated, rated)
    unsettled = 1 - single.accuracy > SETTLED
    if accurate and unsettled and len(tried) > 1 and may_join(session, workspace):
        pair = _best_two(rated, tried)
        name = JOINT.join(one.backbone.name for one in pair)
        score = cross_validate_pair(session, pair)
        rated.append(Contender(name, score.accuracy, *gain(first, score, labels, groups)))
        joined, alone = compare_forecasts(session, workspace, single, score)
        way = f"the best way to train {best} alone"
        if joined > alone:
            workspace = _open(session, images, name)
            points = 100 * (joined - alone)
            reason = f"a head on {name} is expected to be {points:.1f} points better than {way}"
        else:
            reason += f"; a head on {name} is not expected to beat {way}"
    chosen = replace(workspace.backbone, reason=reason)
    return replace(workspace, backbone=chosen), tuple(rated)


def _open(session: Session, images: ImageFolder, name: str) -> Workspace:
    backbone = session.find_backbone(name)
    return session.open_backbone(session.load_dataset(images, backbone), backbone)


def _best_two(
    rated: Sequence[Contender], tried: Mapping[str, tuple[Workspace, HeadScore]]
) -> list[Workspace]:
    """Return the two best, first the one for larger images: both will get images of its size."""
    best = sorted((one for one in rated if one.name in tried), key=lambda one: -one.gain)[:2]
    return sorted((tried[one.name][0] for one in best), key=lambda one: -one.backbone.image_size)


def _others(session: Session, first: str) -> Iterator[str]:
    """Yield the names of other backbones to try; none where the recipe leaves nothing open."""
    recipe = session.requested.recipe
    if (recipe.policy, recipe.backbone, recipe.weights) != (AUTO, AUTO, None):
        return
    at_hand = {spec.name for spec, _ in available_offline()}
    for name in CONTENDERS.get(recipe.prefer, ()):
        if name in at_hand and name != first:
            yield name


def _measure(session: Session, workspace: Workspace) -> tuple[Workspace, HeadScore]:
    """Cross-validate a head on the last stages."""
    session.progress(f"try {workspace.backbone.name}", 0, 0)
    workspace = session.extract_features(workspace)
    assert workspace.features is not None
    problem = session.head_problem(workspace, workspace.multi_stage)
    folds = workspace.dataset.folds(session.seed)
    return workspace, HeadScore(
        workspace.multi_stage, workspace.features.cross_validate(problem, folds)
    )


def _reason(best: Contender, rated: list[Contender]) -> str:
    others = [c for c in rated if c is not best and c.accuracy is not None]
    if not others:
        return f"the recommended one; {rated[1].name} was not tried: {rated[1].untried}"
    other = max(others, key=lambda c: c.gain)
    points = 100 * (best.gain - other.gain)
    how = "better than" if points > 0 else "worse, within chance, and smaller than"
    recommended = "the recommended one; " * (best.name == RECOMMENDED)
    return f"{recommended}a solved head is {abs(points):.1f} points {how} on {other.name}"
