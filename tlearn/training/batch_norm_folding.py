"""Fold frozen batch normalizations into the convolutions before them, for faster training."""

from __future__ import annotations

from collections import Counter
from typing import Any

import keras
import numpy as np
from keras import ops


class FoldedConvolution(keras.layers.Layer):
    """A convolution and the frozen normalization after it, as one convolution.

        scale = gamma / sqrt(variance + epsilon)
        normalize(convolve(x, kernel)) = convolve(x, kernel * scale) + beta - mean * scale

    The kernel is the convolution's own variable, so gradients, learning rates and saved weights are
    those of the two layers. It saves one pass over the activations forwards and two backwards.

    Args:
        convolution: Conv2D or DepthwiseConv2D without activation.
        normalization: The only layer that reads it, not trainable.
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
        """Compute feature maps (n, h', w', c') from (n, h, w, c)."""
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
        """Return the shape of the convolution's output."""
        return self.convolution.compute_output_shape(input_shape)


def fold_frozen_norms(network: keras.Model) -> keras.Model:
    """Return a network that computes the same with the same variables, in fewer passes.

    Args:
        network: Functional network; its layers are shared.
    """
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
    """Return the id of a convolution to the frozen normalization that alone reads it."""
    nodes = [node for level in network._nodes_by_depth.values() for node in level]
    calls = Counter(id(node.operation) for node in nodes)
    readers: dict[int, list[Any]] = {}
    for node in nodes:
        for tensor in node.input_tensors:
            readers.setdefault(id(tensor._keras_history.operation), []).append(node.operation)
    read_once = [x for x in network.layers if len(readers.get(id(x), ())) == 1]
    return {
        id(layer): reader
        for layer in read_once
        for reader in readers[id(layer)]
        if _is_foldable(layer)
        and _is_frozen_norm(reader)
        and calls[id(layer)] == calls[id(reader)] == 1
    }


def _is_foldable(layer: keras.layers.Layer) -> bool:
    return (
        type(layer) in (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
        and layer.data_format == "channels_last"
        and getattr(layer, "groups", 1) == 1
        and layer.activation is keras.activations.linear
    )


def _is_frozen_norm(operation: Any) -> bool:
    return (
        type(operation) is keras.layers.BatchNormalization
        and not operation.trainable
        and operation.axis in (-1, 3)
    )
