"""Which of the backbones at hand suits a folder: a head on each, over the same images and folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

USUALLY_BETTER = FROM_PACKAGE
"""What a tie goes to. Over ten folders at 224 pixels, heads on it were 1.3, 2.0 and 2.1 points
better than on MobileNetV2, with 10, 25 and 60 images a class. Taken unless it was worse by two
points or more, a standard error, the choice reached .875 at 60 a class, and .870 without."""

MOST_IMAGES = 3_000
"""Training images above which one more pass over all of them takes minutes."""

SETTLED = 0.01
"""Error of the first head below which another backbone cannot be told from it."""

SHARE_FOR_CHOICE = 0.25
"""Share of the time allowed that may be gone when another is tried: it takes about as long as all
before it, and half of the time is to be left for training."""


def choose_backbone(
    session: Session, images: ImageFolder, name: str | None = None
) -> tuple[Workspace, tuple[Contender, ...]]:
    """Return an image folder with the backbone to train, and how others at hand did.

    Another backbone has to be better by more than one standard error of the paired difference, or
    just better where accuracy is preferred: it is larger and slower. `USUALLY_BETTER` has to be
    no worse by more than that; where a fast way is preferred, it is taken without a comparison.
    Where accuracy is, the best two are also joined, if a head on both is expected to beat all that
    the best one can reach.

    Args:
        session: Recipe, cache and progress.
        images: From `Session.scan_folder`.
        name: Take this one; None for the one that the recipe names, or the best where it is open.

    Raises:
        TlearnError: The backbone or its weights cannot be used.
    """
    fast = session.requested.recipe.prefer == "fast"
    if fast and not name and _left_open(session) and USUALLY_BETTER in _at_hand():
        return _open_usual(session, images)
    backbone = session.find_backbone(name)
    dataset = session.load_dataset(images, backbone)
    workspace = session.open_backbone(dataset, backbone)
    others = () if name else _others(session, backbone.name)
    if not others:
        return workspace, ()
    if dataset.manifest.count("train") > MOST_IMAGES:
        return workspace, tuple(Contender(n, untried="there are many images") for n in others)
    workspace, first = _measure(session, workspace)
    labels, groups = dataset.labels("train"), dataset.groups("train")
    rated = [Contender(backbone.name, first.accuracy)]
    best = rated[0]
    tried = {best.name: (workspace, first)}
    accurate = session.requested.recipe.prefer == "accurate"
    for other in others:
        if untried := _why_untried(session, best):
            rated.append(Contender(other, untried=untried))
            continue
        tried[other] = _measure(session, _open(session, images, other))
        score = tried[other][1]
        rated.append(Contender(other, score.accuracy, *gain(first, score, labels, groups)))
        margin = -TIE_SE if other == USUALLY_BETTER else 0.0 if accurate else TIE_SE
        if rated[-1].gain - best.gain > margin * rated[-1].error:
            best = rated[-1]
    workspace, single = tried[best.name]
    reason = _reason(best, rated)
    unsettled = 1 - single.accuracy > SETTLED
    if accurate and unsettled and len(tried) > 1 and may_join(session, workspace):
        joined, said = _join(session, images, best.name, rated, tried)
        workspace, reason = joined or workspace, said if joined else f"{reason}; {said}"
    chosen = replace(workspace.backbone, reason=reason)
    return replace(workspace, backbone=chosen), tuple(rated)


def _why_untried(session: Session, best: Contender) -> str:
    """Return why no other backbone is worth trying; "" if one is."""
    limit = session.requested.recipe.seconds
    if limit and session.timer.total() > SHARE_FOR_CHOICE * limit:
        return "there is little time"
    if 1 - (best.accuracy or 0.0) <= SETTLED:
        return f"{best.name} leaves no error to speak of"
    return ""


def _join(
    session: Session,
    images: ImageFolder,
    best: str,
    rated: list[Contender],
    tried: Mapping[str, tuple[Workspace, HeadScore]],
) -> tuple[Workspace | None, str]:
    """Rate a head on the best two, and return them opened, or None, with the reason."""
    workspace, single = tried[best]
    pair = _best_two(rated, tried)
    name, score = JOINT.join(one.backbone.name for one in pair), cross_validate_pair(session, pair)
    labels, groups = workspace.dataset.labels("train"), workspace.dataset.groups("train")
    first = next(iter(tried.values()))[1]
    rated.append(Contender(name, score.accuracy, *gain(first, score, labels, groups)))
    joined, alone = compare_forecasts(session, workspace, single, score)
    way = f"the best way to train {best} alone"
    if joined <= alone:
        return None, f"a head on {name} is not expected to beat {way}"
    points = 100 * (joined - alone)
    reason = f"a head on {name} is expected to be {points:.1f} points better than {way}"
    return _open(session, images, name), reason


def _open_usual(session: Session, images: ImageFolder) -> tuple[Workspace, tuple[Contender, ...]]:
    workspace = _open(session, images, USUALLY_BETTER)
    usual = "usually the better one of those at hand; a comparison would take another pass"
    backbone = replace(workspace.backbone, reason=usual)
    names = (RECOMMENDED, USUALLY_BETTER)
    rated = tuple(Contender(name, untried="a fast way was preferred") for name in names)
    return replace(workspace, backbone=backbone), rated


def _open(session: Session, images: ImageFolder, name: str) -> Workspace:
    backbone = session.find_backbone(name)
    return session.open_backbone(session.load_dataset(images, backbone), backbone)


def _best_two(
    rated: Sequence[Contender], tried: Mapping[str, tuple[Workspace, HeadScore]]
) -> list[Workspace]:
    """Return the two best, first the one for larger images: both will get images of its size."""
    best = sorted((one for one in rated if one.name in tried), key=lambda one: -one.gain)[:2]
    return sorted((tried[one.name][0] for one in best), key=lambda one: -one.backbone.image_size)


def _left_open(session: Session) -> bool:
    recipe = session.requested.recipe
    return (recipe.policy, recipe.backbone, recipe.weights) == (AUTO, AUTO, None)


def _at_hand() -> set[str]:
    return {spec.name for spec, _ in available_offline()}


def _others(session: Session, first: str) -> tuple[str, ...]:
    """Return the names of other backbones to try; none where the recipe leaves nothing open."""
    if not _left_open(session):
        return ()
    at_hand = _at_hand() - {first}
    named = CONTENDERS.get(session.requested.recipe.prefer, ())
    return tuple(name for name in named if name in at_hand)


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
    why = "on average better" if best.name == USUALLY_BETTER else "smaller"
    how = "better than" if points > 0 else f"worse, within chance, and {why} than"
    recommended = "the recommended one; " * (best.name == RECOMMENDED)
    return f"{recommended}a solved head is {abs(points):.1f} points {how} on {other.name}"
