"""`tlearn suggest --max-ram --max-flash`: heads on every stage, on images of every size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tlearn.commands.int8_cost import measure_int8_cost
from tlearn.commands.session import Session
from tlearn.commands.workspace import Workspace
from tlearn.data.dataset import Dataset
from tlearn.data.intervals import share_interval
from tlearn.features.footprint import int8_footprint
from tlearn.models.catalog import BUILTIN
from tlearn.progress import ProgressCallback, no_progress
from tlearn.suggestion.board_fit import BoardCandidate, BoardLimits, best_within, worth_having
from tlearn.suggestion.depth_profile import DepthProfile

SIDES = (32, 48, 64, 96, 128)
"""Sides of the images that are tried, in pixels."""

_MOST_IN_INT8 = 4


@dataclass(frozen=True)
class BoardAdvice:
    """What a network can be on a board.

    Attributes:
        limits: Of the board.
        backbone: Name of the network that is cut off.
        candidates: Those worth having, smallest RAM first.
        advised: The one to train; None where none is within the limits.
        dataset: What they were measured on.
    """

    limits: BoardLimits
    backbone: str
    candidates: Sequence[BoardCandidate]
    advised: BoardCandidate | None
    dataset: Dataset


def suggest_for_board(
    folder: Path,
    limits: BoardLimits,
    recipe: str | None = None,
    flags: Mapping[str, Any] | None = None,
    *,
    keep_cache: bool = True,
    progress: ProgressCallback = no_progress,
) -> BoardAdvice:
    """Find the network for a board: where to cut it off, and how large its images are.

    Of every size one pass over the images, and a head on every stage. What int8 costs is measured
    of the most accurate that fit and are worth having; among these is the choice.

    Args:
        folder: Image folder, or CSV of path and label.
        limits: Of the board.
        recipe: Name or path of a recipe, for backbone, size and fractions.
        flags: Recipe keys set by flags; without a backbone the built-in one is cut, without a size
            all of `SIDES` are tried.
        keep_cache: Keep decoded images and features for the next command.
        progress: Called with (step, done, total).

    Raises:
        TlearnError: The folder, the recipe or the weights cannot be used.
    """
    keys = {"backbone": BUILTIN} | dict(flags or {})
    sides = [keys["image_size"]] if "image_size" in keys else SIDES
    tried: dict[int, tuple[Session, Workspace]] = {}
    found: list[BoardCandidate] = []
    with ExitStack() as stack:
        for side in sides:
            of_side = keys | {"image_size": side}
            session = stack.enter_context(
                Session(folder, recipe, of_side, keep_cache=keep_cache, progress=progress)
            )
            workspace = session.extract_features(session.open_workspace())
            profile, tried[side] = session.measure_profile(workspace), (session, workspace)
            found += _candidates(workspace, profile)
        kept = worth_having(found)
        fitting = sorted((one for one in kept if one.fits(limits)), key=lambda one: -one.accuracy)
        in_int8 = {
            id(one): replace(one, int8=measure_int8_cost(*tried[one.image_size], one.score))
            for one in fitting[:_MOST_IN_INT8]
        }
    advised = best_within([*in_int8.values()], limits, profile.labels, profile.groups)
    candidates = [in_int8.get(id(one), one) for one in kept]
    return BoardAdvice(limits, workspace.backbone.name, candidates, advised, workspace.dataset)


def _candidates(workspace: Workspace, profile: DepthProfile) -> list[BoardCandidate]:
    """Return a head on each stage, with what the network up to there takes."""
    extractor, labels = workspace.extractor, profile.labels
    assert extractor is not None
    n_classes, candidates = len(workspace.dataset.manifest.classes), []
    for score in profile.single:
        taken = int8_footprint(extractor, score.stages[0], n_classes)
        ends = share_interval(score.cv.row_scores(labels) > 0, profile.groups)
        side = extractor.image_size
        candidates.append(BoardCandidate(side, score, ends, taken.flash, taken.ram))
    return candidates
