"""Cuts of a network: tensors that everything passes through.

A cut divides a network into a prefix that ends there and a tail that starts there. Cuts are stored
by index: names of unnamed layers can differ between processes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras

from tlearn.errors import BackboneError

_POOLINGS = (keras.layers.GlobalAveragePooling2D, keras.layers.GlobalMaxPooling2D)


@dataclass(frozen=True)
class Step:
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
    return [step.output for step in steps_of(trunk) if step.cut is not None]


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


def last_feature_map(network: keras.Model) -> keras.KerasTensor:
    """Return the map (side, side, channels) that the last global pooling reads.

    Args:
        network: Flat functional network. Without a global pooling the map is what its first Flatten
            reads, or its output.

    Raises:
        BackboneError: It has no feature map.
    """
    steps = steps_of(network)
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


def steps_of(network: keras.Model) -> list[Step]:
    """Return the operations in order of execution, with the cuts found by counting readers."""
    nodes = list(nodes_in_order(network))
    readers = Counter(id(tensor) for node in nodes for tensor in node.input_tensors)
    readers[id(network.outputs[0])] += 1
    alive = {id(network.inputs[0])}
    steps: list[Step] = []
    cuts = 0
    for node in nodes:
        alive.update(id(tensor) for tensor in node.outputs if readers[id(tensor)])
        for tensor in node.input_tensors:
            readers[id(tensor)] -= 1
            if not readers[id(tensor)]:
                alive.discard(id(tensor))
        single = alive == {id(node.outputs[0])}
        step = Step(
            node.operation, tuple(node.input_tensors), node.outputs[0], cuts if single else None
        )
        steps.append(step)
        cuts += single
    return steps


def nodes_in_order(network: keras.Model) -> Iterator[Any]:
    """Yield Keras's nodes (operation, input_tensors, outputs) in order of execution."""
    for depth in sorted(network._nodes_by_depth, reverse=True):
        yield from (node for node in network._nodes_by_depth[depth] if not node.is_input)
