"""Frozen batch normalisations folded into the convolutions before them, while they train."""

from __future__ import annotations

from collections import Counter
from typing import Any

import keras
import numpy as np
from keras import ops


class FoldedConvolution(keras.layers.Layer):
    """A convolution and its frozen normalisation as one convolution.

        scale = gamma / sqrt(variance + epsilon)
        normalise(convolve(x, kernel)) = convolve(x, kernel * scale) + beta - mean * scale

    The kernel is the convolution's own variable, so gradients, rates and what is saved are those
    of the two layers; one pass over the activations is saved forward and two back.

    Args:
        convolution: Conv2D or DepthwiseConv2D without activation.
        normalization: The BatchNormalization that alone reads it, not trainable.
    """

    def __init__(
        self, convolution: keras.layers.Layer, normalization: keras.layers.BatchNormalization
    ) -> None:
        super().__init__(name=convolution.name, dtype=convolution.dtype_policy)
        self.convolution = convolution
        self.built = True
        norm, depthwise = normalization, isinstance(convolution, keras.layers.DepthwiseConv2D)
        scale = 1 / np.sqrt(np.array(norm.moving_variance) + norm.epsilon)
        if norm.scale:
            scale = scale * np.array(norm.gamma)
        shift = -np.array(norm.moving_mean) * scale
        if norm.center:
            shift = shift + np.array(norm.beta)
        self._convolve = ops.depthwise_conv if depthwise else ops.conv
        shape = convolution.kernel.shape[-2:] if depthwise else (1, len(scale))
        self._scale, self._shift = scale.reshape(shape).astype(np.float32), shift

    def call(self, inputs: Any) -> Any:
        """Feature maps (n, h, w, c) to (n, h', w', c')."""
        layer, shift = self.convolution, self._shift
        if layer.use_bias:
            shift = shift + layer.bias * self._scale.ravel()
        maps = self._convolve(
            inputs,
            layer.kernel * ops.cast(self._scale, self.compute_dtype),
            strides=layer.strides,
            padding=layer.padding,
            dilation_rate=layer.dilation_rate,
        )
        return maps + ops.cast(shift, self.compute_dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """That of the convolution."""
        return self.convolution.compute_output_shape(input_shape)


def fold_frozen_norms(network: keras.Model) -> keras.Model:
    """The same function on the same variables, with fewer passes over the activations."""
    pairs = _pairs(network)
    absorbed = {id(norm) for norm in pairs.values()}

    def call(operation: Any, *args: Any, **kwargs: Any) -> Any:
        if id(operation) in pairs:
            return FoldedConvolution(operation, pairs[id(operation)])(args[0])
        return args[0] if id(operation) in absorbed else operation(*args, **kwargs)

    image = keras.Input(batch_shape=network.inputs[0].shape, dtype=network.inputs[0].dtype)
    output = network._run_through_graph([image], call_fn=call)
    return keras.Model(image, keras.tree.flatten(output)[0], name=network.name)


def _pairs(network: keras.Model) -> dict[int, keras.layers.BatchNormalization]:
    """Id of a convolution to the frozen normalisation that alone reads it."""
    nodes = [node for level in network._nodes_by_depth.values() for node in level]
    calls = Counter(id(node.operation) for node in nodes)
    readers: dict[int, list[Any]] = {}
    for node in nodes:
        for tensor in node.input_tensors:
            readers.setdefault(id(tensor._keras_history.operation), []).append(node.operation)
    alone = ((x, readers[id(x)][0]) for x in network.layers if len(readers.get(id(x), ())) == 1)
    return {
        id(layer): reader
        for layer, reader in alone
        if _foldable(layer) and _frozen_norm(reader) and calls[id(layer)] == calls[id(reader)] == 1
    }


def _foldable(layer: keras.layers.Layer) -> bool:
    plain = type(layer) in (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
    return (
        plain
        and layer.data_format == "channels_last"
        and getattr(layer, "groups", 1) == 1
        and layer.activation is keras.activations.linear
    )


def _frozen_norm(operation: Any) -> bool:
    return (
        type(operation) is keras.layers.BatchNormalization
        and not operation.trainable
        and operation.axis in (-1, 3)
    )
