"""What a network cut off after a stage takes on a small board, before it is trained or converted.

A walk over the extractor, whose operators are joined as those of the int8 file will be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tlearn.features.extractor import FeatureExtractor, identifiers

_OPERATOR_FLASH, _OPERATOR_RAM = 400, 350
"""Of an operator with its tensors, besides weights and channels."""

_CHANNEL_FLASH, _CHANNEL_RAM = 16, 8
"""Of an output channel: bias, scale and zero point; multiplier and shift."""

_KNOWN_ROWS = 12
"""Rows as wide as the embedding that the output `known` keeps: axes there and back, scales."""

_HEAD_FLASH, _HEAD_RAM = 6_000, 9_000
"""Of the operators of the head and of `known`."""

_WITH_BIAS = 3
"""Inputs of a convolution or a matrix product: values, weights, bias."""


@dataclass(frozen=True)
class Footprint:
    """Bytes on a board, of a network in int8; measured ones were within a tenth, or 5 kB.

    Attributes:
        flash: The network.
        ram: The arena of TensorFlow Lite Micro.
    """

    flash: int
    ram: int


def int8_footprint(extractor: FeatureExtractor, stage: int, n_classes: int) -> Footprint:
    """Estimate what the network takes up to a stage, with a head and the output `known`.

    Args:
        extractor: The network as one LiteRT file.
        stage: Number of the stage that the head reads, from 1.
        n_classes: Outputs of the head.
    """
    graph, output = _graph(extractor, stage)
    operators = _needed(graph, output)
    weighted = [operator for operator in operators if len(operator.inputs) == _WITH_BIAS]
    weights = sum(_size(graph, operator.inputs[1]) for operator in weighted)
    channels = sum(int(graph.tensors[operator.outputs[0]].shape[-1]) for operator in weighted)
    head = extractor.stages[stage - 1].width * (n_classes + _KNOWN_ROWS)
    flash = weights + head + _CHANNEL_FLASH * channels + _OPERATOR_FLASH * len(operators)
    ram = _peak(graph, operators) + _CHANNEL_RAM * channels + _OPERATOR_RAM * len(operators)
    return Footprint(flash + _HEAD_FLASH, ram + _HEAD_RAM)


def _graph(extractor: FeatureExtractor, stage: int) -> tuple[Any, int]:
    """Return the graph of the extractor and the index of a stage's output in it."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(extractor.path.read_bytes())
    (name,) = identifiers(extractor, extractor.outputs_of([stage]))
    outputs = {of.name.decode(): int(of.tensorIndex) for of in model.signatureDefs[0].outputs}
    return model.subgraphs[0], outputs[name]


def _needed(graph: Any, output: int) -> list[Any]:
    """Return the operators that an output needs, in their order, without those on weights alone."""
    of_image = {int(index) for index in graph.inputs}
    for operator in graph.operators:  # weights in float16 are converted by operators of their own
        if not of_image.isdisjoint(operator.inputs.tolist()):
            of_image.update(operator.outputs.tolist())
    wanted, operators = {output}, []
    for operator in reversed(graph.operators):
        made = of_image.intersection(operator.outputs.tolist())
        if not wanted.isdisjoint(made):
            wanted.update(operator.inputs.tolist())
            operators.append(operator)
    return operators[::-1]


def _peak(graph: Any, operators: Sequence[Any]) -> int:
    """Return the most bytes of activations that live at once, one for each value."""
    last = {int(index): row for row, of in enumerate(operators) for index in of.inputs}
    image = int(graph.inputs[0])
    alive = {image: _size(graph, image)}
    peak = 2 * alive[image]  # the bytes of the image, and the same as signed integers
    for row, operator in enumerate(operators):
        alive |= {int(index): _size(graph, index) for index in operator.outputs}
        peak = max(peak, sum(alive.values()))
        alive = {index: size for index, size in alive.items() if last.get(index, row) > row}
    return peak


def _size(graph: Any, index: int) -> int:
    return int(np.prod(graph.tensors[index].shape))
