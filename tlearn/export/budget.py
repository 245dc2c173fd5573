"""Choose the file to keep when size or latency is limited, and say what helps if none fits.

Pure: what was measured goes in, a choice comes out.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tlearn.export.parity import Artifact
from tlearn.models.catalog import JOINT

_SHRINKS, _AT_MOST = {"none": 1, "float16": 2}, 4
"""How many times smaller than in float32 the weights are; the other modes have them in 8 bits."""

_GRID, _LEAST_SIDE = 32, 32


@dataclass(frozen=True)
class Budget:
    """The most that a file may take; None is no limit.

    Attributes:
        max_bytes: On disk.
        max_milliseconds: For one image, on one thread of this machine.
        for_runtime: Version of TensorFlow Lite that must run it; "" for any. What it does not run
            is never a candidate.
    """

    max_bytes: float | None = None
    max_milliseconds: float | None = None
    for_runtime: str = ""

    def size_ratio(self, artifact: Artifact) -> float:
        """Return the size as a multiple of the limit; 0 where there is no limit."""
        return artifact.size_bytes / self.max_bytes if self.max_bytes else 0.0

    def time_ratio(self, artifact: Artifact) -> float:
        """Return the latency as a multiple of the limit; 0 where there is no limit."""
        limit = self.max_milliseconds
        return artifact.milliseconds / limit if limit else 0.0

    def ratio(self, artifact: Artifact) -> float:
        """Return the larger of the two; up to 1 the artifact is within the budget."""
        return max(self.size_ratio(artifact), self.time_ratio(artifact))

    def fits(self, artifact: Artifact) -> bool:
        """Return whether the artifact is within the budget."""
        return self.ratio(artifact) <= 1


@dataclass(frozen=True)
class BudgetResult:
    """What was decided about candidates.

    Attributes:
        budget: The limits.
        candidates: As they were written, whether or not they fit.
        kept: The best of those that fit and passed the gate; None where there is none.
        nearest: The one that misses least, of those that passed if any did.
        reason: Why `kept` was kept; empty where none was.
        errors_by_mode: By mode, why no file could be written in it.
        suggestions: What would help where none was kept.
    """

    budget: Budget
    candidates: tuple[Artifact, ...]
    kept: Artifact | None
    nearest: Artifact
    reason: str
    errors_by_mode: Mapping[str, str] = field(default_factory=dict)
    suggestions: tuple[str, ...] = ()


def pick_artifact(candidates: Sequence[Artifact], budget: Budget) -> BudgetResult:
    """Keep what loses least accuracy within the budget; of equals, what agrees most with the model.

    An accuracy gain over the source model is noise and is treated as a tie, so what is kept need
    not have the highest accuracy. Where both are equal, the least product of size and latency
    decides: it does not depend on units, and neither a little size nor a little time outweighs
    much of the other.

    Args:
        candidates: At least one; those that failed the gate are never kept.
        budget: The limits.
    """
    passed = [artifact for artifact in candidates if artifact.passed]
    fitting = sorted((artifact for artifact in passed if budget.fits(artifact)), key=_rank)
    nearest = min(passed or candidates, key=budget.ratio)
    kept = fitting[0] if fitting else None
    return BudgetResult(budget, tuple(candidates), kept, kept or nearest, _reason(fitting))


def suggestions(
    result: BudgetResult, image_size: int, backbone: str, images: str
) -> tuple[str, ...]:
    """Return what would bring a file into the budget, the least trouble first.

    Args:
        result: One that kept nothing.
        image_size: Side of the network's input, in pixels.
        backbone: The run's.
        images: The folder or CSV that it was trained on.
    """
    folder = shlex.quote(images)
    options = f"{folder} --backbone {shlex.quote(backbone)}"
    budget, nearest = result.budget, result.nearest
    tried = {artifact.quantization for artifact in result.candidates}
    remedies = []
    if any(budget.fits(artifact) and not artifact.passed for artifact in result.candidates):
        remedies.append("a larger drop of accuracy: --max-drop POINTS")
    if tried <= _SHRINKS.keys():
        remedies.append("fewer bits: leave out --quantize, and every mode is tried")
    if budget.time_ratio(nearest) > 1:
        side = _smaller_side(image_size, budget.time_ratio(nearest))
        if side < image_size:
            remedies.append(f"smaller images: tlearn finetune {options} --image-size {side}")
    if budget.ratio(nearest) > 1:
        if JOINT not in backbone:
            remedies.append(
                f"a head on an earlier stage: tlearn finetune {options} --set head_stages=best"
            )
        limit = _size_limit(result)
        smaller = (
            f"tlearn rank {folder} --backbones all-available --max-size {limit}"
            if limit
            else f"tlearn suggest {options} --prefer small"
        )
        remedies.append(f"a smaller network: {smaller}")
    return tuple(remedies)


def _lost(artifact: Artifact) -> float:
    return max(0.0, artifact.accuracy_drop)


def _rank(artifact: Artifact) -> tuple[float, float, float]:
    costs = artifact.size_bytes * artifact.milliseconds
    return _lost(artifact), -artifact.agreement, costs


def _reason(fitting: Sequence[Artifact]) -> str:
    if not fitting:
        return ""
    if len(fitting) == 1:
        return "the only one that passes and is within the budget"
    best, second = fitting[:2]
    among = f"of the {len(fitting)} within the budget"
    if _lost(best) < _lost(second):
        return f"it loses least accuracy {among}"
    why = f"none {among} loses less accuracy, and "
    if best.agreement > second.agreement:
        why += "its answers are nearest to the model's"
    else:
        why += "it is least in size times latency"
    gained = any(other.accuracy > best.accuracy for other in fitting)
    return why + "; a gain over the model counts as chance" * gained


def _smaller_side(image_size: int, too_slow: float) -> int:
    """Return the side that is fast enough, on the grid of strides: time grows with its square."""
    side = math.floor(image_size / math.sqrt(too_slow) / _GRID) * _GRID
    return max(side, _LEAST_SIDE)


def _size_limit(result: BudgetResult) -> str:
    """Return the size that `rank` should not exceed, in float32; "" where size is no problem."""
    limit = result.budget.max_bytes
    if limit is None or result.budget.size_ratio(result.nearest) <= 1:
        return ""
    passed = [artifact.quantization for artifact in result.candidates if artifact.passed]
    shrinks = max((_SHRINKS.get(mode, _AT_MOST) for mode in passed), default=1)
    n_bytes = limit * shrinks
    return f"{n_bytes / 1e6:.6g}MB" if n_bytes >= 1e6 else f"{n_bytes / 1e3:.6g}kB"
