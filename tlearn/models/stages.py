"""Cuts and stages of a network: one definition for freezing, rates and the depth profile.

A *cut* is a tensor through which everything flows: the network falls into a prefix that ends
there and a tail that starts there. A *stage* is the run of layers between two changes of the
spatial size. Cuts are kept by their index: names of unnamed layers differ between processes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from tlearn.errors import BackboneError

# Unpadded convolutions shave a few pixels off (111 -> 109); a stage begins where they halve.
_SAME_SIZE = 0.75
_POOLINGS = (keras.layers.GlobalAveragePooling2D, keras.layers.GlobalMaxPooling2D)
# Networks whose cells look back two cells (NASNet) have one part that cannot be divided.
_INDIVISIBLE = 0.99


@dataclass(frozen=True)
class Stage:
    """A run of layers at one spatial size.

    Attributes:
        index: Place in the order from input to output, from 0.
        name: "stage 1", "stage 2", ...
        end_cut: Index into `find_cuts` of the tensor that ends the stage.
        head_cut: Index of the cut that a head on this stage reads: the last one of this size, which
            is `cut` or the expansion after it.
        size: Side of that tensor, in pixels.
        channels: Channels of that tensor.
        width: Channels that a head reads.
        parameters: Weights of the stage's layers, those of batch normalisation included.
        params_after_cut: Weights between `end_cut` and `head_cut`, which belong to the next stage.
        layers: Layers that have weights.
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
    """One operation of the graph in the order of execution; cut: its index when it is one."""

    operation: Any
    inputs: tuple[Any, ...]
    output: Any
    cut: int | None


def find_cuts(trunk: keras.Model) -> list[keras.KerasTensor]:
    """Every tensor that alone is alive when it has been computed, from input to output.

    One pass over the graph, no names: residual connections, squeeze-excite and inception units
    keep a second tensor alive, so no cut lies inside them.

    Args:
        trunk: Flat functional network with one input and one output.

    Returns:
        Tensors without the input; the last one is the trunk's output.
    """
    return [step.output for step in _steps(trunk) if step.cut is not None]


def find_stages(trunk: keras.Model) -> tuple[Stage, ...]:
    """Stages of a trunk from input to output; the last one ends with the trunk's output.

    A stage ends after its last block: the expansion that opens a downsampling inverted residual
    belongs to the next stage. Yet a head reads that expansion: it is as large as the stage's
    outputs, rectified, and six times as wide as the narrow linear map before it. A group of layers
    without weights joins its neighbour. A network of which one part holds nearly all weights is
    one stage.

    Args:
        trunk: Flat functional network that ends in a feature map (side, side, channels).
    """
    steps = _steps(trunk)
    groups = _groups_of_equal_size(steps)
    groups[-1].append(len(steps) - 1)
    ends = [_before_expansion(steps, group) for group in groups[:-1]] + [len(steps) - 1]
    reads = {end: group[-1] for end, group in zip(ends, groups, strict=True)}
    ends = _with_weights(steps, ends)
    sizes = [_parameters(_layers(steps[a:b])) for a, b in _spans(ends)]
    if max(sizes) > _INDIVISIBLE * sum(sizes):
        ends = ends[-1:]
    return tuple(_stage(steps, i, span, reads[span[1] - 1]) for i, span in enumerate(_spans(ends)))


def read_last(trunk: keras.Model, stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """Stages of a trunk that was cut off where a head reads the last of them."""
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
            f"{trunk.name!r} has {len(cuts)} cuts, numbered from 0; there is no cut {cut}.",
            "`tlearn models NAME` lists the cuts of a backbone.",
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
    """Layers with weights, one list a stage; each layer stands in exactly one list.

    Args:
        network: The trunk, or a classifier built on it, whose head is in no stage.
        stages: From `find_stages` of the trunk.
    """
    steps = _steps(network)
    position = {step.cut: place for place, step in enumerate(steps) if step.cut is not None}
    return [_layers(steps[a:b]) for a, b in _spans([position[s.end_cut] for s in stages])]


def last_feature_map(network: keras.Model) -> keras.KerasTensor:
    """The map (side, side, channels) that the last pooling over the whole of space reads.

    Args:
        network: Flat functional network. Without such a pooling the map is what its first Flatten
            reads, or its output.

    Raises:
        BackboneError: It has no feature map.
    """
    steps = _steps(network)
    # Squeeze-excite units pool too, but what they read lives on beside it: there is no cut.
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
        f"The network {network.name!r} has no feature map (side, side, channels) to pool.",
        "A backbone needs convolutions and a pooling over space, or an output that is a map.",
    )


def _steps(network: keras.Model) -> list[_Step]:
    """Operations in order of execution, with the cuts found by counting readers."""
    nodes = list(nodes_in_order(network))
    source, result = network.inputs[0], network.outputs[0]
    readers = Counter(id(tensor) for node in nodes for tensor in node.input_tensors)
    readers[id(result)] += 1
    alive = {id(source)}
    steps: list[_Step] = []
    cuts = 0
    for node in nodes:
        alive.update(id(tensor) for tensor in node.outputs)
        for tensor in node.input_tensors:
            readers[id(tensor)] -= 1
            if not readers[id(tensor)]:
                alive.discard(id(tensor))
        single = len(node.outputs) == 1 and alive == {id(node.outputs[0])}
        step = _Step(
            node.operation, tuple(node.input_tensors), node.outputs[0], cuts if single else None
        )
        steps.append(step)
        cuts += single
    return steps


def nodes_in_order(network: keras.Model) -> Iterator[Any]:
    """Keras's nodes (operation, input_tensors, outputs) of a flat network as they are executed."""
    for depth in sorted(network._nodes_by_depth, reverse=True):
        yield from (node for node in network._nodes_by_depth[depth] if not node.is_input)


def _groups_of_equal_size(steps: Sequence[_Step]) -> list[list[int]]:
    """Places of the cuts, one list a spatial size; padded sizes are left out."""
    groups: list[list[int]] = []
    start = size = 0
    for place, step in enumerate(steps):
        if step.cut is None or len(step.output.shape) != 4:
            continue
        side = step.output.shape[1]
        if not groups or side <= _SAME_SIZE * start:
            groups.append([place])
            start = size = side
        elif side <= size:
            groups[-1].append(place)
            size = side
    return groups


def _before_expansion(steps: Sequence[_Step], group: Sequence[int]) -> int:
    """The place that ends a group: its last cut, or the one before a trailing expansion.

    An expansion is a pointwise convolution that more than doubles the channels (3 to 6 times in
    inverted residuals; MobileNet's own pointwise convolutions double at most).
    """
    places = set(group)
    for place in reversed(group):
        step = steps[place]
        if len(step.inputs) != 1 or step.operation.__class__.__name__ == "DepthwiseConv2D":
            break
        if isinstance(step.operation, keras.layers.Conv2D):
            widened = step.output.shape[-1] > 2 * step.inputs[0].shape[-1]
            pointwise = tuple(step.operation.kernel_size) == (1, 1)
            return place - 1 if widened and pointwise and place - 1 in places else group[-1]
    return group[-1]


def _with_weights(steps: Sequence[_Step], ends: Sequence[int]) -> list[int]:
    kept: list[int] = []
    start = 0
    for end in ends:
        # Normalisation of the pixels has weights (EfficientNet's mean), but none to tune.
        layers = _layers(steps[start : end + 1])
        if not all(isinstance(layer, keras.layers.Normalization) for layer in layers):
            kept.append(end)
            start = end + 1
    # What follows the last layer with weights (a pooling) belongs to the last stage.
    return [*kept[:-1], ends[-1]]


def _spans(ends: Sequence[int]) -> list[tuple[int, int]]:
    return [(a + 1, b + 1) for a, b in zip([-1, *ends[:-1]], ends, strict=True)]


def _stage(steps: Sequence[_Step], index: int, span: tuple[int, int], read: int) -> Stage:
    end = span[1] - 1
    layers = _layers(steps[span[0] : span[1]])
    last, expanded = steps[end], steps[read]
    assert last.cut is not None and expanded.cut is not None
    return Stage(
        index=index,
        name=f"stage {index + 1}",
        end_cut=last.cut,
        head_cut=expanded.cut,
        size=int(last.output.shape[1]),
        channels=int(last.output.shape[-1]),
        width=int(expanded.output.shape[-1]),
        parameters=_parameters(layers),
        params_after_cut=_parameters(_layers(steps[span[1] : read + 1])),
        layers=len(layers),
    )


def _layers(steps: Sequence[_Step]) -> list[keras.layers.Layer]:
    found = {id(step.operation): step.operation for step in steps}
    return [
        layer for layer in found.values() if isinstance(layer, keras.layers.Layer) and layer.weights
    ]


def _parameters(layers: Sequence[keras.layers.Layer]) -> int:
    return sum(int(layer.count_params()) for layer in layers)
