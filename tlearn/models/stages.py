"""Cuts and stages of a network: one definition for freezing, learning rates, depth profile.

A *cut* is a tensor that everything passes through: it divides the network into a prefix that ends
there and a tail that starts there. A *stage* is the run of layers between two changes of the
spatial size. Cuts are stored by index: names of unnamed layers can differ between processes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from tlearn.errors import BackboneError

# Unpadded convolutions remove a few pixels (111 -> 109); a stage begins where the size halves.
_SAME_SIZE = 0.75
_POOLINGS = (keras.layers.GlobalAveragePooling2D, keras.layers.GlobalMaxPooling2D)
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


@dataclass(frozen=True)
class _Step:
    """An operation of the graph; `cut` is the index of the cut after it, or None."""

    operation: Any
    inputs: tuple[Any, ...]
    output: Any
    cut: int | None


def find_cuts(trunk: keras.Model) -> list[keras.KerasTensor]:
    """Return every cut of a network, from input to output.

    A tensor is a cut if no other one is still to be read when it has been computed. Residual
    connections, squeeze-excite and inception units keep a second tensor alive, so no cut lies
    inside them.

    Args:
        trunk: Flat functional network with one input and one output.

    Returns:
        The tensors, without the input; the last one is the trunk's output.
    """
    return [step.output for step in _steps(trunk) if step.cut is not None]


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
    steps = _steps(trunk)
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
    steps = _steps(trunk)
    start = 0
    if len(stages) > 1:
        start = 1 + next(i for i, step in enumerate(steps) if step.cut == stages[-2].end_cut)
    last = _stage(steps, len(stages) - 1, (start, len(steps)), len(steps) - 1)
    return (*stages[:-1], last)


def split_at(trunk: keras.Model, cut: int) -> tuple[keras.Model, keras.Model]:
    """Split a network at a cut into (prefix, tail), which share its layers and weights.

    Args:
        trunk: Flat functional network.
        cut: Index into `find_cuts`.

    Raises:
        BackboneError: There is no such cut.
    """
    cuts = find_cuts(trunk)
    if not 0 <= cut < len(cuts):
        raise BackboneError(
            f"{trunk.name!r} has {len(cuts)} cuts, numbered from 0; there is no cut {cut}",
            "list the cuts of a backbone: tlearn models NAME",
        )
    tensor = cuts[cut]
    prefix = keras.Model(trunk.inputs[0], tensor, name="prefix")
    if tensor is trunk.outputs[0]:
        tensor = keras.Input(tensor.shape[1:], dtype=tensor.dtype)
        return prefix, keras.Model(tensor, keras.layers.Identity()(tensor), name="tail")
    return prefix, keras.Model(tensor, trunk.outputs[0], name="tail")


def layers_of_stage(
    network: keras.Model, stages: Sequence[Stage]
) -> list[list[keras.layers.Layer]]:
    """Return the layers with weights of each stage; every layer is in one stage only.

    Args:
        network: The trunk, or a classifier built on it, whose head is in no stage.
        stages: From `find_stages` of the trunk.
    """
    steps = _steps(network)
    position = {step.cut: i for i, step in enumerate(steps) if step.cut is not None}
    return [_layers(steps[a:b]) for a, b in _spans([position[s.end_cut] for s in stages])]


def last_feature_map(network: keras.Model) -> keras.KerasTensor:
    """Return the map (side, side, channels) that the last global pooling reads.

    Args:
        network: Flat functional network. Without a global pooling the map is what its first Flatten
            reads, or its output.

    Raises:
        BackboneError: It has no feature map.
    """
    steps = _steps(network)
    # Squeeze-excite units pool too, but their input is read again later: there is no cut.
    maps = [step for step in steps if step.cut is not None and len(step.inputs[0].shape) == 4]
    pooled = [step.inputs[0] for step in maps if isinstance(step.operation, _POOLINGS)]
    if pooled:
        return pooled[-1]
    for step in maps:
        if isinstance(step.operation, keras.layers.Flatten):
            return step.inputs[0]
    if len(network.outputs[0].shape) == 4:
        return network.outputs[0]
    raise BackboneError(
        f"the network {network.name!r} has no feature map (side, side, channels) to pool",
        "save a network with convolutions and a global pooling, or one whose output is a feature "
        "map, or choose one of the catalog: tlearn models",
    )


def _steps(network: keras.Model) -> list[_Step]:
    """Return the operations in order of execution, with the cuts found by counting readers."""
    nodes = list(nodes_in_order(network))
    readers = Counter(id(tensor) for node in nodes for tensor in node.input_tensors)
    readers[id(network.outputs[0])] += 1
    alive = {id(network.inputs[0])}
    steps: list[_Step] = []
    cuts = 0
    for node in nodes:
        alive.update(id(tensor) for tensor in node.outputs if readers[id(tensor)])
        for tensor in node.input_tensors:
            readers[id(tensor)] -= 1
            if not readers[id(tensor)]:
                alive.discard(id(tensor))
        single = alive == {id(node.outputs[0])}
        step = _Step(
            node.operation, tuple(node.input_tensors), node.outputs[0], cuts if single else None
        )
        steps.append(step)
        cuts += single
    return steps


def nodes_in_order(network: keras.Model) -> Iterator[Any]:
    """Yield Keras's nodes (operation, input_tensors, outputs) in order of execution."""
    for depth in sorted(network._nodes_by_depth, reverse=True):
        yield from (node for node in network._nodes_by_depth[depth] if not node.is_input)


def _groups_of_equal_size(steps: Sequence[_Step]) -> list[list[int]]:
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


def _before_expansion(steps: Sequence[_Step], group: Sequence[int]) -> int:
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


def _with_weights(steps: Sequence[_Step], ends: Sequence[int]) -> list[int]:
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


def _stage(steps: Sequence[_Step], index: int, span: tuple[int, int], read_by_head: int) -> Stage:
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


def _layers(steps: Sequence[_Step]) -> list[keras.layers.Layer]:
    operations = {id(step.operation): step.operation for step in steps}.values()
    return [x for x in operations if isinstance(x, keras.layers.Layer) and x.weights]


def _parameters(layers: Sequence[keras.layers.Layer]) -> int:
    return sum(int(layer.count_params()) for layer in layers)
