"""Stages of a network: one definition for freezing, learning rates, and the depth profile.

A stage is the run of layers between two changes of the spatial size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import keras

from tlearn.models.cuts import Step, steps_of

# Unpadded convolutions remove a few pixels (111 -> 109); a stage begins where the size halves.
_SAME_SIZE = 0.75
# Cells that read the output of the cell before last (NASNet) leave no cut between them: nearly all
# weights lie in one run of layers.
_INDIVISIBLE = 0.99


@dataclass(frozen=True)
class Stage:
    """A run of layers at one spatial size.

    Attributes:
        index: Position from input to output, from 0.
        name: "stage 1", "stage 2", ...
        end_cut: Index into `find_cuts` of the tensor that ends the stage, or `catalog.NO_CUT`.
        head_cut: Index of the cut that a head on this stage reads: the last one of this size, which
            is `end_cut` or the expansion after it.
        size: Side of the tensor at `end_cut`, in pixels.
        channels: Channels of the tensor at `end_cut`.
        width: Channels of the tensor at `head_cut`.
        parameters: Weights of the stage's layers, those of batch normalization included.
        params_after_cut: Weights between `end_cut` and `head_cut`, which belong to the next stage.
        layers: Number of layers that have weights.
    """

    index: int
    name: str
    end_cut: int
    head_cut: int
    size: int
    channels: int
    width: int
    parameters: int
    params_after_cut: int
    layers: int


def find_stages(trunk: keras.Model) -> tuple[Stage, ...]:
    """Divide a trunk into stages from input to output; the last one ends with its output.

    A stage ends after its last block: the expansion that opens a downsampling inverted residual
    belongs to the next stage. Yet a head reads that expansion: it has the spatial size of the
    stage, is rectified, and six times as wide as the narrow linear map before it. Layers without
    weights join a neighboring stage. A network that has nearly all its weights between two cuts is
    one stage.

    Args:
        trunk: Flat functional network that ends in a feature map (side, side, channels).
    """
    steps = steps_of(trunk)
    groups = _groups_of_equal_size(steps)
    groups[-1].append(len(steps) - 1)
    ends = [_before_expansion(steps, group) for group in groups[:-1]] + [len(steps) - 1]
    read_by_head = {end: group[-1] for end, group in zip(ends, groups, strict=True)}
    ends = _with_weights(steps, ends)
    sizes = [_parameters(_layers(steps[a:b])) for a, b in _spans(ends)]
    if max(sizes) > _INDIVISIBLE * sum(sizes):
        ends = ends[-1:]
    spans = enumerate(_spans(ends))
    return tuple(_stage(steps, i, span, read_by_head[span[1] - 1]) for i, span in spans)


def end_at_head(trunk: keras.Model, stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """Return stages whose last one ends at the map that a head reads.

    Args:
        trunk: A trunk cut off at the `head_cut` of the last stage.
        stages: Its stages in the whole trunk.
    """
    steps = steps_of(trunk)
    start = 0
    if len(stages) > 1:
        start = 1 + next(i for i, step in enumerate(steps) if step.cut == stages[-2].end_cut)
    last = _stage(steps, len(stages) - 1, (start, len(steps)), len(steps) - 1)
    return (*stages[:-1], last)


def layers_of_stage(
    network: keras.Model, stages: Sequence[Stage]
) -> list[list[keras.layers.Layer]]:
    """Return the layers with weights of each stage; every layer is in one stage only.

    Args:
        network: The trunk, or a classifier built on it, whose head is in no stage.
        stages: From `find_stages` of the trunk.
    """
    steps = steps_of(network)
    position = {step.cut: i for i, step in enumerate(steps) if step.cut is not None}
    return [_layers(steps[a:b]) for a, b in _spans([position[s.end_cut] for s in stages])]


def _groups_of_equal_size(steps: Sequence[Step]) -> list[list[int]]:
    """Return positions of the cuts in `steps`, one list per spatial size, without padded maps.

    A map made of the tokens of a transformer begins a group of its own, whatever its size.
    """
    groups: list[list[int]] = []
    start = size = math.inf
    for position, step in enumerate(steps):
        if step.cut is None or len(step.output.shape) != 4:
            start = start if step.cut is None else math.inf
            continue
        side = step.output.shape[1]
        if side <= _SAME_SIZE * start:
            groups.append([position])
            start = size = side
        elif side <= size:
            groups[-1].append(position)
            size = side
    return groups


def _before_expansion(steps: Sequence[Step], group: Sequence[int]) -> int:
    """Return the position that ends a group: its last cut, or the one before an expansion.

    An expansion is a pointwise convolution that more than doubles the channels (3 to 6 times in
    inverted residuals; MobileNet's own pointwise convolutions double at most).
    """
    for position in reversed(group):
        step = steps[position]
        if len(step.inputs) != 1 or step.operation.__class__.__name__ == "DepthwiseConv2D":
            break
        if isinstance(step.operation, keras.layers.Conv2D):
            widened = step.output.shape[-1] > 2 * step.inputs[0].shape[-1]
            pointwise = tuple(step.operation.kernel_size) == (1, 1)
            expansion = widened and pointwise and position - 1 in group
            return position - 1 if expansion else group[-1]
    return group[-1]


def _with_weights(steps: Sequence[Step], ends: Sequence[int]) -> list[int]:
    """Return the ends of groups that have weights; those without join the next group."""
    joined: list[int] = []
    start = 0
    for end in ends:
        # Normalization of the pixels has weights (EfficientNet's mean), but none to tune.
        layers = _layers(steps[start : end + 1])
        if not all(isinstance(layer, keras.layers.Normalization) for layer in layers):
            joined.append(end)
            start = end + 1
    # What follows the last layer with weights (a pooling) belongs to the last stage.
    return [*joined[:-1], ends[-1]]


def _spans(ends: Sequence[int]) -> list[tuple[int, int]]:
    return [(a + 1, b + 1) for a, b in zip([-1, *ends[:-1]], ends, strict=True)]


def _stage(steps: Sequence[Step], index: int, span: tuple[int, int], read_by_head: int) -> Stage:
    layers = _layers(steps[span[0] : span[1]])
    last, read = steps[span[1] - 1], steps[read_by_head]
    assert last.cut is not None and read.cut is not None
    return Stage(
        index=index,
        name=f"stage {index + 1}",
        end_cut=last.cut,
        head_cut=read.cut,
        size=int(last.output.shape[1]),
        channels=int(last.output.shape[-1]),
        width=int(read.output.shape[-1]),
        parameters=_parameters(layers),
        params_after_cut=_parameters(_layers(steps[span[1] : read_by_head + 1])),
        layers=len(layers),
    )


def _layers(steps: Sequence[Step]) -> list[keras.layers.Layer]:
    operations = {id(step.operation): step.operation for step in steps}.values()
    return [x for x in operations if isinstance(x, keras.layers.Layer) and x.weights]


def _parameters(layers: Sequence[keras.layers.Layer]) -> int:
    return sum(int(layer.count_params()) for layer in layers)
