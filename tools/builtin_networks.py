"""Build the networks of `distill_builtin_backbone.py`: two teachers, and the student."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import keras
from keras import layers, ops

from tlearn.models.applications import build_network
from tlearn.models.catalog import BUILTIN, find_backbone
from tlearn.models.cuts import last_feature_map
from tlearn.models.resolve import resolve_backbone

SIDE, TEACHER_SIDE = 128, 192
HINTS = ("block_5_add", "block_12_add")
CLASSES = 1000


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
    image = keras.Input((TEACHER_SIDE, TEACHER_SIDE, 3), dtype="float32")
    features, hints, answers = [], [], []
    for name, file in (("mobilenet_v2", mobilenet), ("efficientnet_lite0", lite0)):
        network = resolve_backbone(name, file, TEACHER_SIDE).load().classifier
        own = [] if hints else pooled_hints(network)
        outputs = [quadrants(last_feature_map(network)), network.outputs[0], *own]
        quarters, answer, *pooled = keras.Model(network.inputs, outputs, name=name)(image)
        features.append(quarters)
        answers.append(ops.cast(answer, "float32"))
        hints += pooled
    return keras.Model(image, [*features, *hints, (answers[0] + answers[1]) / 2])


def build_student(outputs: Sequence[Any]) -> tuple[keras.Model, keras.Model]:
    """Build the student from the shipped weights, and the model that answers as the teachers do."""
    image = keras.Input((SIDE, SIDE, 3), name="image", dtype="float32")
    network = build_network(find_backbone(BUILTIN), image, CLASSES)[0]
    shipped = resolve_backbone(BUILTIN, None, None).load().classifier
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
