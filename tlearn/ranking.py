"""Which backbone suits a folder: heads on each, on the same pictures and folds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlearn.errors import BackboneError
from tlearn.features.preparation import Pictures, Watch
from tlearn.models.weights import available_offline
from tlearn.quantising import measure_int8
from tlearn.suggestion.depth_profile import TIE, Reading, gain
from tlearn.suggestion.int8_cost import Int8Cost
from tlearn.workbench import Workbench

ALL = "all-available"
FLOAT_BYTES = 4


@dataclass(frozen=True)
class Ranked:
    """A backbone and what the best head on it reached.

    Attributes:
        name: Of the backbone.
        image_size: Side of its input, in pixels.
        reading: The best head, on whatever stages.
        size_bytes: Of the network up to those stages and the head, in float32.
        milliseconds: For one picture through the whole frozen network on this machine's cores.
        int8_note: What to expect of int8; empty when nothing stands against it.
        int8: What int8 would cost, where that was asked.
        behind: Accuracy of the best backbone minus that of this one, and its standard error.
    """

    name: str
    image_size: int
    reading: Reading
    size_bytes: int
    milliseconds: float
    int8_note: str
    int8: Int8Cost | None = None
    behind: tuple[float, float] = (0.0, 0.0)

    @property
    def ties(self) -> bool:
        """Whether it is behind the best by no more than chance."""
        return self.behind[0] <= TIE * self.behind[1]


def rank(
    source: Path,
    names: Sequence[str],
    recipe: str | None,
    flags: Mapping[str, Any],
    watch: Watch,
    *,
    keep_cache: bool = True,
    max_bytes: float | None = None,
    int8: bool = False,
) -> tuple[Pictures, list[Ranked]]:
    """Rank backbones by cross-validated heads, best first; ties are marked, not broken.

    Args:
        source: Image folder, or CSV of path and label.
        names: Backbones, or `ALL` for those whose weights are on this machine.
        recipe: Name or path of a recipe.
        flags: Recipe keys set by flags.
        watch: Told of progress.
        keep_cache: Keep decoded pictures and features.
        max_bytes: Leave out what is larger.
        int8: Measure what int8 would cost each, and rank by what is left.

    Raises:
        BackboneError: No backbone is small enough.
        TlearnError: A backbone or the folder cannot be used.
    """
    if list(names) == [ALL]:
        names = [spec.name for spec, _ in available_offline()]
    found, labels, pictures = [], None, None
    for name in names:
        asked = dict(flags) | {"backbone": name}
        with Workbench(source, recipe, asked, keep_cache, watch) as work:
            watch(f"weigh {work.choice.name}", 0, 0)
            pictures = work.pictures
            labels = pictures.labels("train")
            found.append(_measured(work, int8))
    assert labels is not None and pictures is not None
    small = [one for one in found if max_bytes is None or one.size_bytes <= max_bytes]
    if max_bytes is not None and not small:
        least = min(found, key=lambda one: one.size_bytes)
        raise BackboneError(
            f"none of {', '.join(one.name for one in found)} fits into {max_bytes:,.0f} "
            f"bytes; the smallest is {least.name} with {least.size_bytes:,}",
            "allow more with --max-size, or name smaller ones: `tlearn models`",
        )
    small.sort(key=lambda one: (one.int8.drop if one.int8 else 0) - one.reading.accuracy)
    best = small[0].reading
    return pictures, [
        Ranked(**(vars(one) | {"behind": gain(one.reading, best, labels)})) for one in small
    ]


def _measured(work: Workbench, int8: bool) -> Ranked:
    profile, stages = work.profile, work.stages
    reading = profile.several
    classes = len(work.pictures.split.classes)
    depth = sum(stage.parameters for stage in stages[: reading.stages[-1]])
    depth += stages[reading.stages[-1] - 1].beyond
    width = sum(stages[number - 1].width for number in reading.stages)
    spec = work.choice.spec
    return Ranked(
        work.choice.name,
        work.choice.image_size,
        reading,
        FLOAT_BYTES * (depth + (width + 1) * classes),
        1e3 * work.pass_seconds,
        spec.int8_note if spec else "unknown: measure int8",
        measure_int8(work, reading) if int8 else None,
    )
