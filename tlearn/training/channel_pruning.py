"""Channel pruning: keep a teacher's most important channels and refit the layers that read them.

Of each group of channels, those are kept that contribute most to the layers reading them. Then one
pass over some images refits every pointwise convolution that reads fewer channels, from the input
on, so that its output approximates the teacher's: least-squares reconstruction, no gradient steps.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from tlearn.models.cuts import nodes_in_order

PIXELS = 2**23
"""Number of pixels of all images together up to which images are used, which bounds the memory."""

_IMAGE = -1  # index of the input among the nodes
_BATCH = 32
_ROWS = 20_000  # positions of a feature map in one least-squares problem
_RIDGE = 1e-3  # relative to the mean variance of the inputs
_FEWEST_IMAGES = 64
# Layers with weights that treat each channel by itself.
_CHANNELWISE = (
    keras.layers.DepthwiseConv2D,
    keras.layers.BatchNormalization,
    keras.layers.Normalization,
)

_Channels = dict[int, np.ndarray]
"""Group of channels to the teacher's channels that the student keeps."""


def prune_into(student: keras.Model, teacher: keras.Model, images: np.ndarray) -> bool:
    """Fill a student with the weights of a wider network that has the same layers.

    Args:
        student: Flat functional network; its weights are replaced.
        teacher: Flat functional network on images of the same size.
        images: float32 (n, side, side, 3), 0-255; `PIXELS` bounds how many are used.

    Returns:
        Whether it was possible: the student is a narrower copy of the teacher.

    References:
        He et al. 2017, Channel pruning for accelerating very deep networks (arXiv 1707.06168):
        each layer's output is reconstructed by least squares from the pruned network's input.
    """
    student_graph, teacher_graph = _Graph(student), _Graph(teacher)
    if not student_graph.is_narrower_copy(teacher_graph):
        return False
    images = images[: max(_FEWEST_IMAGES, PIXELS // images.shape[1] ** 2)]
    channels = _choose_channels(student_graph, teacher_graph, images)
    operations = zip(student_graph.operations, teacher_graph.operations, strict=True)
    for index, (student_layer, teacher_layer) in enumerate(operations):
        if getattr(student_layer, "weights", None):
            inputs = channels[student_graph.group[student_graph.reads[index][0]]]
            outputs = channels[student_graph.group[index]]
            student_layer.set_weights(_sliced_weights(teacher_layer, inputs, outputs))
    _refit_all(student_graph, _teacher_outputs(teacher_graph, channels, images), images)
    return True


class _Graph:
    """The nodes of a network by index, and which of them share their channels.

    Attributes:
        network: The network.
        nodes: Keras's nodes in the order of execution.
        operations: The layer or operation of each node.
        reads: Indices of the nodes that each node reads.
        widths: Channels of each node's output.
        group: Group of channels of each node's output; empty where channels cannot be followed.
    """

    def __init__(self, network: keras.Model) -> None:
        self.network = network
        self.nodes = list(nodes_in_order(network))
        self.operations = [node.operation for node in self.nodes]
        index = {id(network.inputs[0]): _IMAGE}
        index |= {id(x): n for n, node in enumerate(self.nodes) for x in node.outputs}
        self.reads = [tuple(index[id(x)] for x in node.input_tensors) for node in self.nodes]
        self.widths = {n: int(node.outputs[0].shape[-1]) for n, node in enumerate(self.nodes)}
        self.widths[_IMAGE] = int(network.inputs[0].shape[-1])
        self.group = self._groups()

    def _groups(self) -> dict[int, int]:
        group = {_IMAGE: _IMAGE}
        for index, operation in enumerate(self.operations):
            group[index] = index
            if _is_dense(operation):
                continue
            channelwise = isinstance(operation, _CHANNELWISE)
            several = len(self.nodes[index].outputs) > 1
            if several or (getattr(operation, "weights", None) and not channelwise):
                return {}
            for read in self.reads[index]:
                if self.widths[read] != self.widths[index]:
                    return {}
                merged, into = group[index], group[read]
                group = {n: into if g == merged else g for n, g in group.items()}
        return group

    def is_narrower_copy(self, other: _Graph) -> bool:
        """Return whether this is the other network with fewer channels, or as many."""
        types = [type(operation) for operation in self.operations]
        return (
            types == [type(operation) for operation in other.operations]
            and self.reads == other.reads
            and self.group == other.group != {}
            and all(self.widths[n] <= width for n, width in other.widths.items())
        )

    def run(self, images: np.ndarray, visit: Callable[[int, Any], None]) -> None:
        """Run node by node; `visit` is called with the index and the input before each one."""
        left = Counter(read for reads in self.reads for read in reads)
        values = {id(self.network.inputs[0]): keras.ops.convert_to_tensor(images)}
        for index, node in enumerate(self.nodes):
            arguments, options = node.arguments.fill_in(values)
            visit(index, values[id(node.input_tensors[0])])
            values[id(node.outputs[0])] = node.operation(*arguments, **options)
            for read, tensor in zip(self.reads[index], node.input_tensors, strict=True):
                left[read] -= 1
                if not left[read]:
                    values.pop(id(tensor), None)


def _is_dense(operation: Any) -> bool:
    """Return whether every output channel reads every input channel."""
    if isinstance(operation, keras.layers.Conv2D):
        return operation.groups == 1
    return isinstance(operation, keras.layers.Dense)


def _is_pointwise(operation: Any) -> bool:
    return _is_dense(operation) and set(getattr(operation, "kernel_size", (1,))) == {1}


def _choose_channels(student: _Graph, teacher: _Graph, images: np.ndarray) -> _Channels:
    """Choose the channels of each group with the largest variance times squared weights."""
    importance: dict[int, Any] = defaultdict(float)

    def visit(index: int, tensor: Any) -> None:
        if _is_dense(teacher.operations[index]):
            kernel = np.array(teacher.operations[index].kernel)
            weights = (kernel.reshape(-1, *kernel.shape[-2:]) ** 2).sum((0, 2))
            values = np.array(tensor)
            group = teacher.group[teacher.reads[index][0]]
            importance[group] += values.var(axis=tuple(range(values.ndim - 1))) * weights

    for start in range(0, len(images), _BATCH):
        teacher.run(images[start : start + _BATCH], visit)
    channels = {}
    for index, group in teacher.group.items():
        have, want = teacher.widths[index], student.widths[index]
        best = np.argsort(-importance[group])[:want] if want < have else np.arange(have)
        channels[group] = np.sort(best)
    return channels


def _sliced_weights(layer: Any, inputs: np.ndarray, outputs: np.ndarray) -> list[np.ndarray]:
    """Return the weights of a layer for some of its input and output channels."""
    values = layer.get_weights()
    if _is_dense(layer):
        kernel, *bias = values
        return [kernel[..., inputs, :][..., outputs], *(value[outputs] for value in bias)]
    if isinstance(layer, keras.layers.DepthwiseConv2D):
        kernel, *bias = values
        return [kernel[..., inputs, :], *(value[outputs] for value in bias)]
    return [value[outputs] if value.ndim else value for value in values]


def _teacher_outputs(
    teacher: _Graph, channels: _Channels, images: np.ndarray
) -> dict[int, np.ndarray]:
    """Return the outputs of pointwise convolutions whose input is pruned, before their bias.

    Returns:
        Index of a node to (rows, kept output channels).
    """
    outputs = defaultdict(list)

    def visit(index: int, tensor: Any) -> None:
        read = teacher.reads[index][0]
        is_pruned = len(channels[teacher.group[read]]) < teacher.widths[read]
        if is_pruned and _is_pointwise(teacher.operations[index]):
            kernel = np.array(teacher.operations[index].kernel)
            kernel = kernel.reshape(kernel.shape[-2:])[:, channels[teacher.group[index]]]
            outputs[index].append(_sample_rows(tensor, start, len(images)) @ kernel)

    for start in range(0, len(images), _BATCH):
        teacher.run(images[start : start + _BATCH], visit)
    return {index: np.concatenate(rows) for index, rows in outputs.items()}


def _sample_rows(tensor: Any, start: int, count: int) -> np.ndarray:
    """Return the same random positions of the maps of `count` images, those from `start` on."""
    values = np.array(tensor)
    shape = (count, *values.shape[1:-1])
    chosen = np.zeros(shape, bool)
    total = int(np.prod(shape))
    positions = np.random.default_rng(total).choice(total, min(total, _ROWS), replace=False)
    chosen.flat[positions] = True
    return values[chosen[start : start + len(values)]]


def _refit_all(student: _Graph, targets: dict[int, np.ndarray], images: np.ndarray) -> None:
    def visit(index: int, tensor: Any) -> None:
        if index in targets:
            _refit(student, index, _sample_rows(tensor, 0, len(images)), targets.pop(index))

    student.run(images, visit)


def _refit(student: _Graph, index: int, inputs: np.ndarray, targets: np.ndarray) -> None:
    layer = student.operations[index]
    kernel, shift = ridge_regression(inputs, targets)
    layer.kernel.assign(kernel.reshape(layer.kernel.shape))
    readers = [student.operations[n] for n, reads in enumerate(student.reads) if index in reads]
    if layer.use_bias:
        layer.bias.assign(np.array(layer.bias) + shift)
    elif [type(reader) for reader in readers] == [keras.layers.BatchNormalization]:
        mean = readers[0].moving_mean
        mean.assign(np.array(mean) - shift)


def ridge_regression(inputs: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fit a linear map with a small L2 penalty.

    Args:
        inputs: (rows, n).
        targets: (rows, m).

    Returns:
        Kernel (n, m) and bias (m,).
    """
    input_mean, target_mean = inputs.mean(axis=0), targets.mean(axis=0)
    centered = (inputs - input_mean).astype(np.float64)
    gram = centered.T @ centered
    gram.flat[:: len(gram) + 1] += _RIDGE * np.trace(gram) / len(gram) or 1.0
    kernel = np.linalg.solve(gram, centered.T @ (targets - target_mean))
    return kernel, target_mean - input_mean @ kernel
