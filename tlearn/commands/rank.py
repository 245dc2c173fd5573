"""Which backbone suits a folder: heads on each, on the same pictures and folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import hypot, inf
from pathlib import Path
from typing import Any

import numpy as np

from tlearn.commands.int8_cost import measure_int8
from tlearn.commands.session import Session
from tlearn.data.dataset import Dataset
from tlearn.errors import BackboneError
from tlearn.models.weights import available_offline
from tlearn.progress import ProgressCallback
from tlearn.suggestion.depth_profile import N_MULTI_STAGE, TIE_SE, HeadScore, gain
from tlearn.suggestion.int8_cost import Int8Cost

ALL = "all-available"
FLOAT_BYTES = 4


@dataclass(frozen=True)
class Ranked:
    """A backbone and what a head on its last stages reached.

    Attributes:
        name: Of the backbone.
        image_size: Side of its input, in pixels.
        head_score: The head.
        size_bytes: Of the network and the head, in float32.
        milliseconds: For one picture through the whole frozen network on this machine's cores.
        int8_note: What to expect of int8; empty when nothing stands against it.
        int8: What int8 would cost, where that was asked.
        gap_to_best: Accuracy of the best backbone minus that of this one, and its standard error; of
            what int8 leaves of both where that was asked.
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
        """Whether it is behind the best by no more than chance."""
        return self.gap_to_best[0] <= TIE_SE * self.gap_to_best[1]

    @property
    def accuracy_after_int8(self) -> float:
        """Accuracy, less what int8 costs where that was asked."""
        return self.head_score.accuracy - (self.int8.drop if self.int8 else 0)


def rank(
    source: Path,
    names: Sequence[str],
    recipe: str | None,
    flags: Mapping[str, Any],
    progress: ProgressCallback,
    *,
    keep_cache: bool = True,
    max_bytes: float | None = None,
    int8: bool = False,
) -> tuple[Dataset, list[Ranked]]:
    """Rank backbones by cross-validated heads, best first; ties are marked, not broken.

    Args:
        source: Image folder, or CSV of path and label.
        names: Backbones, or `ALL` for those whose weights are on this machine.
        recipe: Name or path of a recipe.
        flags: Recipe keys set by flags.
        progress: Called with (step, done, total).
        keep_cache: Keep decoded pictures and features.
        max_bytes: Leave out what is larger, unmeasured.
        int8: Measure what int8 would cost each, and rank by what is left.

    Raises:
        BackboneError: No backbone is small enough.
        TlearnError: A backbone or the folder cannot be used.
    """

    def bench(name: str) -> Session:
        return Session(source, recipe, dict(flags) | {"backbone": name}, keep_cache, progress)

    if list(names) == [ALL]:
        names = [spec.name for spec, _ in available_offline()]
    else:
        for name in names:  # what is wrong with the last is said before the first is measured
            with bench(name) as session:
                progress(f"find {session.choice.name}", 0, 0)
    limit, found, sizes = max_bytes or inf, list[Ranked](), dict[str, int]()
    for name in names:
        with bench(name) as session:
            if (known := session.choice.name) in sizes:
                continue
            dataset, sizes[known] = session.dataset, _size_bytes(session)
            if sizes[known] <= limit:
                progress(f"weigh {known}", 0, 0)
                found.append(_measured(session, sizes[known], int8))
    if not found:
        least = min(sizes, key=lambda name: sizes[name])
        raise BackboneError(
            f"none of {', '.join(sizes)} fits into {limit:,.0f} bytes; the smallest is {least} "
            f"with {sizes[least]:,}",
            "allow more with --max-size, or name smaller ones: `tlearn models`",
        )
    found.sort(key=lambda one: -one.accuracy_after_int8)
    labels = dataset.labels("train")
    return dataset, [replace(one, gap_to_best=_behind(one, found[0], labels)) for one in found]


def _size_bytes(session: Session) -> int:
    stages, classes = session.stages, len(session.dataset.manifest.classes)
    depth = sum(stage.parameters for stage in stages) + stages[-1].params_after_cut
    width = sum(stage.width for stage in stages[-N_MULTI_STAGE:])
    return FLOAT_BYTES * (depth + (width + 1) * classes)


def _measured(session: Session, size_bytes: int, int8: bool) -> Ranked:
    choice, head_score = session.choice, session.profile.multi_stage
    return Ranked(
        choice.name,
        choice.image_size,
        head_score,
        size_bytes,
        1e3 * session.pass_seconds,
        choice.spec.int8_note if choice.spec else "unknown: measure int8",
        measure_int8(session, head_score) if int8 else None,
    )


def _behind(one: Ranked, best: Ranked, labels: np.ndarray) -> tuple[float, float]:
    points, error = gain(one.head_score, best.head_score, labels)
    if one.int8 is None or best.int8 is None:
        return points, error
    lost = one.int8.drop - best.int8.drop
    return points + lost, hypot(error, one.int8.error, best.int8.error)
