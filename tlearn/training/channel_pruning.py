"""A narrow network begins as its wider relative: the best channels kept, their readers solved.

Of every group of channels those stay whose readers would miss them most. Then one pass over
some pictures refits each pointwise convolution, from the input on, to give what the teacher's
gives although it reads fewer channels: least squares, no descent.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from tlearn.models.stages import nodes_in_order

PIXELS = 2**23
"""Pictures are passed as long as they have so many pixels together, which bounds the memory."""

_IMAGE = -1  # place of the input among the nodes
_BATCH = 32
_ROWS = 20_000  # positions of a map that one least squares problem sees
_RIDGE = 1e-3  # of the mean variance of what is read
_FEWEST_IMAGES = 64
# Layers with weights that treat each channel by itself.
_CHANNELWISE = (
    keras.layers.DepthwiseConv2D,
    keras.layers.BatchNormalization,
    keras.layers.Normalization,
)

_Kept = dict[int, np.ndarray]
"""By group of channels: which of the teacher's the student has."""


def prune_into(student: keras.Model, teacher: keras.Model, images: np.ndarray) -> bool:
    """Fill a student from a wider network of the same layers; False where they are no relatives.

    Args:
        student: Flat functional network; its weights are replaced.
        teacher: Flat functional network on pictures of the same size.
        images: float32 (n, side, side, 3), 0-255; `PIXELS` says how many are used.

    References:
        He et al. 2017, Channel pruning for accelerating very deep networks (arXiv 1707.06168):
        each layer's output is reconstructed by least squares from the narrowed network's input.
    """
    own, wide = _Graph(student), _Graph(teacher)
    if not own.is_narrower_copy(wide):
        return False
    images = images[: max(_FEWEST_IMAGES, PIXELS // images.shape[1] ** 2)]
    kept = _choose(own, wide, images)
    for place, (mine, theirs) in enumerate(zip(own.operations, wide.operations, strict=True)):
        if getattr(mine, "weights", None):
            read, given = kept[own.group[own.reads[place][0]]], kept[own.group[place]]
            mine.set_weights(_slices(theirs, read, given))
    _solve(own, _targets(wide, kept, images), kept, images)
    return True


class _Graph:
    """The nodes of a network by place, and which of them share their channels.

    Attributes:
        network: The network.
        nodes: Keras's nodes in the order of execution.
        operations: What each node does.
        reads: Places of the nodes that each node reads.
        widths: Channels of each node's output.
        group: Group of each node's output; empty where channels cannot be followed.
    """

    def __init__(self, network: keras.Model) -> None:
        self.network = network
        self.nodes = list(nodes_in_order(network))
        self.operations = [node.operation for node in self.nodes]
        place = {id(network.inputs[0]): _IMAGE}
        place |= {id(node.outputs[0]): n for n, node in enumerate(self.nodes)}
        self.reads = [tuple(place[id(x)] for x in node.input_tensors) for node in self.nodes]
        self.widths = {n: int(node.outputs[0].shape[-1]) for n, node in enumerate(self.nodes)}
        self.widths[_IMAGE] = int(network.inputs[0].shape[-1])
        self.group = self._groups()

    def _groups(self) -> dict[int, int]:
        group = {_IMAGE: _IMAGE}
        for place, operation in enumerate(self.operations):
            group[place] = place
            if _is_dense(operation):
                continue
            channelwise = isinstance(operation, _CHANNELWISE)
            if getattr(operation, "weights", None) and not channelwise:
                return {}
            for read in self.reads[place]:
                if self.widths[read] != self.widths[place]:
                    return {}
                one, other = group[read], group[place]
                group = {n: one if g == other else g for n, g in group.items()}
        return group

    def is_narrower_copy(self, wide: _Graph) -> bool:
        """Whether this is the other network with fewer channels."""
        kinds = [type(operation) for operation in self.operations]
        return (
            kinds == [type(operation) for operation in wide.operations]
            and self.reads == wide.reads
            and self.group == wide.group != {}
            and all(self.widths[n] <= width for n, width in wide.widths.items())
        )

    def run(self, images: np.ndarray, visit: Callable[[int, Any], None]) -> None:
        """Run node by node; `visit` is given each place and what it reads, before it acts."""
        left = Counter(read for reads in self.reads for read in reads)
        values = {id(self.network.inputs[0]): keras.ops.convert_to_tensor(images)}
        for place, node in enumerate(self.nodes):
            arguments, options = node.arguments.fill_in(values)
            visit(place, values[id(node.input_tensors[0])])
            values[id(node.outputs[0])] = node.operation(*arguments, **options)
            for read, tensor in zip(self.reads[place], node.input_tensors, strict=True):
                left[read] -= 1
                if not left[read]:
                    values.pop(id(tensor), None)


def _is_dense(operation: Any) -> bool:
    """Whether every output reads every input."""
    if isinstance(operation, keras.layers.Conv2D):
        return operation.groups == 1
    return isinstance(operation, keras.layers.Dense)


def _pointwise(operation: Any) -> bool:
    return _is_dense(operation) and set(getattr(operation, "kernel_size", (1,))) == {1}


def _choose(own: _Graph, wide: _Graph, images: np.ndarray) -> _Kept:
    """The channels of each group with the largest variance times squared weights that read it."""
    missed: dict[int, Any] = defaultdict(float)

    def visit(place: int, tensor: Any) -> None:
        if _is_dense(wide.operations[place]):
            kernel = np.array(wide.operations[place].kernel)
            weights = (kernel.reshape(-1, *kernel.shape[-2:]) ** 2).sum((0, 2))
            values = np.array(tensor)
            group = wide.group[wide.reads[place][0]]
            missed[group] += values.var(axis=tuple(range(values.ndim - 1))) * weights

    for start in range(0, len(images), _BATCH):
        wide.run(images[start : start + _BATCH], visit)
    kept = {}
    for place, group in wide.group.items():
        have, want = wide.widths[place], own.widths[place]
        best = np.argsort(-missed[group])[:want] if want < have else np.arange(have)
        kept[group] = np.sort(best)
    return kept


def _slices(layer: Any, read: np.ndarray, given: np.ndarray) -> list[np.ndarray]:
    """Weights of a layer for some of its channels."""
    values = layer.get_weights()
    if _is_dense(layer):
        kernel, *bias = values
        return [kernel[..., read, :][..., given], *(value[given] for value in bias)]
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        kernel, *bias = values
        return [kernel[..., read, :], *(value[given] for value in bias)]
    return [value[given] if value.ndim else value for value in values]


def _targets(wide: _Graph, kept: _Kept, images: np.ndarray) -> dict[int, np.ndarray]:
    """What the teacher's pointwise convolutions give, before their bias: (rows, kept) by place."""
    found = defaultdict(list)

    def visit(place: int, tensor: Any) -> None:
        read = wide.reads[place][0]
        narrowed = len(kept[wide.group[read]]) < wide.widths[read]
        if narrowed and _pointwise(wide.operations[place]):
            kernel = np.array(wide.operations[place].kernel)
            kernel = kernel.reshape(kernel.shape[-2:])[:, kept[wide.group[place]]]
            found[place].append(_rows(tensor, start, len(images)) @ kernel)

    for start in range(0, len(images), _BATCH):
        wide.run(images[start : start + _BATCH], visit)
    return {place: np.concatenate(rows) for place, rows in found.items()}


def _rows(tensor: Any, start: int, count: int) -> np.ndarray:
    """Some positions of maps from the `start`-th of `count` pictures on, always the same."""
    values = np.array(tensor)
    shape = (count, *values.shape[1:-1])
    chosen = np.zeros(shape, bool)
    total = int(np.prod(shape))
    places = np.random.default_rng(total).choice(total, min(total, _ROWS), replace=False)
    chosen.flat[places] = True
    return values[chosen[start : start + len(values)]]


def _solve(own: _Graph, targets: dict[int, np.ndarray], kept: _Kept, images: np.ndarray) -> None:
    def visit(place: int, tensor: Any) -> None:
        if place in targets:
            _refit(own, place, _rows(tensor, 0, len(images)), targets.pop(place))

    own.run(images, visit)


def _refit(own: _Graph, place: int, read: np.ndarray, given: np.ndarray) -> None:
    layer = own.operations[place]
    kernel, shift = ridge_regression(read, given)
    layer.kernel.assign(kernel.reshape(layer.kernel.shape))
    readers = [own.operations[n] for n, reads in enumerate(own.reads) if place in reads]
    if layer.use_bias:
        layer.bias.assign(np.array(layer.bias) + shift)
    elif [type(reader) for reader in readers] == [keras.layers.BatchNormalization]:
        mean = readers[0].moving_mean
        mean.assign(np.array(mean) - shift)


def ridge_regression(read: np.ndarray, given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The linear map from (rows, n) to (rows, m), slightly shrunk: kernel (n, m), bias (m,)."""
    center, aim = read.mean(axis=0), given.mean(axis=0)
    moved = (read - center).astype(np.float64)
    gram = moved.T @ moved
    gram.flat[:: len(gram) + 1] += _RIDGE * np.trace(gram) / len(gram) or 1.0
    kernel = np.linalg.solve(gram, moved.T @ (given - aim))
    return kernel, aim - center @ kernel
