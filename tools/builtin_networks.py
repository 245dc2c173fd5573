"""Build the networks of `distill_builtin_backbone.py`: two teachers, and the student."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import keras
import numpy as np
from keras import layers, ops

from tlearn.models.applications import build_network
from tlearn.models.catalog import BUILTIN, find_backbone
from tlearn.models.resolve import resolve_backbone
from tlearn.models.stages import last_feature_map

SIDE, TEACHER_SIDE = 128, 192
HINTS = ("block_5_add", "block_12_add")
CLASSES, WIDTH = 1000, 1280
LITE0_BLOCKS = (  # expansion, kernel, stride, channels, repeats
    *((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3)),
    *((6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1)),
)
TORCH_ORDERS = {
    layers.DepthwiseConv2D: (2, 3, 0, 1),
    layers.Conv2D: (2, 3, 1, 0),
    layers.Dense: (1, 0),
}


def shifted_depthwise(layer: layers.DepthwiseConv2D, x: Any) -> Any:
    """Compute a depthwise convolution as a sum of shifted inputs, one a place of the kernel."""
    kernel, stride = ops.convert_to_tensor(layer.kernel), layer.strides[0]
    size = kernel.shape[0]
    if layer.padding == "same":
        total = [max((-(-n // stride) - 1) * stride + size - n, 0) for n in x.shape[1:3]]
        x = jnp.pad(x, ((0, 0), *((t // 2, t - t // 2) for t in total), (0, 0)))
    height, width = (((n - size) // stride) * stride + 1 for n in x.shape[1:3])
    return sum(
        x[:, i : i + height : stride, j : j + width : stride] * kernel[i, j, :, 0]
        for i in range(size)
        for j in range(size)
    )


def efficientnet_lite0(path: Path) -> keras.Model:
    """Build EfficientNet-Lite0, whose layers are named as in its PyTorch file, and load that."""
    image = keras.Input((TEACHER_SIDE, TEACHER_SIDE, 3))

    def normalized(x: Any, convolution: layers.Layer, norm: str) -> Any:
        return layers.BatchNormalization(epsilon=1e-3, name=norm)(convolution(x))

    def conv(width: int, size: int, stride: int, name: str) -> layers.Layer:
        return layers.Conv2D(width, size, stride, "same", use_bias=False, name=name)

    def relu6(x: Any) -> Any:
        return layers.ReLU(6.0)(x)

    x = layers.Rescaling(1 / 128, -127 / 128)(image)
    x = relu6(normalized(x, conv(32, 3, 2, "_conv_stem"), "_bn0"))
    blocks = [(b, n) for b in LITE0_BLOCKS for n in range(b[-1])]
    for index, ((expansion, size, stride, width, _), repeat) in enumerate(blocks):
        name, start = f"_blocks.{index}.", x
        if expansion > 1:
            expand = conv(expansion * x.shape[-1], 1, 1, f"{name}_expand_conv")
            x = relu6(normalized(x, expand, f"{name}_bn0"))
        depthwise = layers.DepthwiseConv2D(
            size, 1 if repeat else stride, "same", use_bias=False, name=f"{name}_depthwise_conv"
        )
        x = relu6(normalized(x, depthwise, f"{name}_bn1"))
        x = normalized(x, conv(width, 1, 1, f"{name}_project_conv"), f"{name}_bn2")
        x = x + start if repeat else x
    x = relu6(normalized(x, conv(WIDTH, 1, 1, "_conv_head"), "_bn1"))
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, layers.Dense(CLASSES, activation="softmax", name="_fc")(x))
    load_torch_arrays(model, np.load(path))
    return model


def load_torch_arrays(model: keras.Model, arrays: Any) -> None:
    """Set the weights of each layer from PyTorch's arrays of the same name."""
    for layer in model.layers:
        names = ["weight", "bias", "running_mean", "running_var"][: len(layer.weights)]
        values = [arrays[f"{layer.name}.{name}"] for name in names]
        if type(layer) in TORCH_ORDERS:
            values[0] = values[0].transpose(TORCH_ORDERS[type(layer)])
        layer.set_weights(values)


def quadrants(feature_map: Any) -> Any:
    """Return the mean features of the four quadrants, (batch, 4, channels), in float32."""
    x, side = ops.cast(feature_map, "float32"), feature_map.shape[1]
    half = -(-side // 2)
    starts = [(i, j) for i in (0, side - half) for j in (0, side - half)]
    means = [ops.mean(x[:, i : i + half, j : j + half], axis=(1, 2)) for i, j in starts]
    return ops.stack(means, axis=1)


def pooled_hints(network: keras.Model) -> list[Any]:
    """Return the mean features after the stages that give hints."""
    maps = (ops.cast(network.get_layer(name).output, "float32") for name in HINTS)
    return [ops.mean(x, axis=(1, 2)) for x in maps]


def build_teachers(mobilenet: Path, lite0: Path) -> keras.Model:
    """Build one model of both: quadrants of each, hints of the first, mean probabilities."""
    first = resolve_backbone("mobilenet_v2", mobilenet, TEACHER_SIDE).load().classifier
    assert first is not None, "the file has no classification layer"
    second = efficientnet_lite0(lite0)
    features = [quadrants(last_feature_map(network)) for network in (first, second)]
    answers = ops.average(
        ops.stack([ops.cast(network.outputs[0], "float32") for network in (first, second)]), axis=0
    )
    return keras.Model(first.inputs + second.inputs, [*features, *pooled_hints(first), answers])


def build_student(outputs: Sequence[Any]) -> tuple[keras.Model, keras.Model]:
    """Build the student from the shipped weights, and the model that answers as the teachers do."""
    image = keras.Input((SIDE, SIDE, 3), name="image", dtype="float32")
    network = build_network(find_backbone(BUILTIN), image, CLASSES)[0]
    shipped = resolve_backbone(BUILTIN, None, None).load().classifier
    assert shipped is not None
    for layer, source in zip(network.layers[:-1], shipped.layers[:-1], strict=True):
        layer.set_weights(source.get_weights())
    for layer in network.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.98
    own = quadrants(last_feature_map(network))
    projected = [
        layers.Dense(target.shape[-1], kernel_initializer="zeros", dtype="float32")(x)
        for x, target in zip([own, own, *pooled_hints(network)], outputs, strict=False)
    ]
    answers = ops.cast(network.outputs[0], "float32")
    return network, keras.Model(network.inputs, [*projected, answers])
