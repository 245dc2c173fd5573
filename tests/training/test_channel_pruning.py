"""A narrow network answers as its wider relative where that is possible, and says where not."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from tlearn.models.applications import build_network
from tlearn.models.catalog import find_backbone
from tlearn.training.channel_pruning import prune_into

SIDE = 32


def network(width: int, seed: int = 0) -> keras.Model:
    """Residual, depthwise, with and without norms: what real ones are made of."""
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    image = keras.Input((SIDE, SIDE, 3))
    x = layers.Conv2D(width, 3, strides=2, use_bias=False)(layers.Rescaling(1 / 127.5, -1)(image))
    skip = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    x = layers.Conv2D(2 * width, 1, use_bias=False)(skip)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.DepthwiseConv2D(3, padding="same")(x)
    x = layers.Add()([skip, layers.Conv2D(width, 1)(x)])
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(5, activation="softmax")(x))


@pytest.fixture
def images() -> np.ndarray:
    """Coarse colored squares: noise would be the same gray to every average."""
    coarse = np.random.default_rng(0).uniform(0, 255, (96, 4, 4, 3)).astype(np.float32)
    return coarse.repeat(SIDE // 4, axis=1).repeat(SIDE // 4, axis=2)


def difference(one: keras.Model, other: keras.Model, images: np.ndarray) -> float:
    return float(abs(one.predict(images, verbose=0) - other.predict(images, verbose=0)).max())


def doubled(narrow: keras.Model, wide: keras.Model) -> keras.Model:
    """The wide network with every channel of the narrow one twice: the same function."""
    for mine, theirs in zip(narrow.layers, wide.layers, strict=True):
        if not mine.weights:
            continue
        values = []
        for small, shape in zip(mine.get_weights(), [w.shape for w in theirs.weights], strict=True):
            for axis, (have, want) in enumerate(zip(small.shape, shape, strict=True)):
                if want == 2 * have:
                    small = np.concatenate([small, small], axis)
                    reads = len(shape) > 1 and axis == len(shape) - 2
                    if reads and not isinstance(mine, keras.layers.DepthwiseConv2D):
                        small = small / 2
            values.append(small)
        theirs.set_weights(values)
    return wide


def test_the_same_width_is_the_same_function(images: np.ndarray) -> None:
    student, teacher = network(8, seed=1), network(8, seed=2)
    assert difference(student, teacher, images) > 0.01
    assert prune_into(student, teacher, images)
    assert difference(student, teacher, images) < 1e-6


def test_superfluous_channels_are_not_missed(images: np.ndarray) -> None:
    teacher = doubled(network(8, seed=2), network(16))
    student = network(8, seed=3)
    before = difference(student, teacher, images)
    assert prune_into(student, teacher, images)
    # Of two equal channels either may stay, so some are lost altogether: the readers of the
    # others make up for what they can.
    assert difference(student, teacher, images) < before / 2


def test_channels_that_nobody_reads_go_first(images: np.ndarray) -> None:
    teacher, exact = network(16, seed=2), network(8, seed=3)
    used = np.random.default_rng(1).permutation(16)[:8]
    for layer in teacher.layers:
        mixes = type(layer) in (keras.layers.Conv2D, keras.layers.Dense)
        if mixes and layer.kernel.shape[-2] == 16:
            kernel = np.array(layer.kernel)
            kernel[..., np.setdiff1d(np.arange(16), used), :] = 0
            layer.kernel.assign(kernel)
    student = keras.models.clone_model(network(16))
    assert prune_into(student, teacher, images)
    assert difference(student, teacher, images) < 1e-6
    assert prune_into(exact, teacher, images)
    stem = next(x for x in teacher.layers if isinstance(x, keras.layers.Conv2D))
    mine = next(x for x in exact.layers if isinstance(x, keras.layers.Conv2D))
    assert np.array_equal(mine.kernel, np.array(stem.kernel)[..., np.sort(used)])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ("mobilenet_v2_035", "mobilenet_v2"),
        ("mobilenet_v3_small_075", "mobilenet_v3_small"),
        ("mobilenet_025", "mobilenet_050"),
    ],
)
def test_students_of_the_catalog_are_pruned_from_wider_networks(
    narrow: str, wide: str, images: np.ndarray
) -> None:
    keras.utils.set_random_seed(0)
    student, teacher = (built(name) for name in (narrow, wide))
    for layer in teacher.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    teacher([images], training=True)  # its norms know images now, as those of a trained one do
    assert prune_into(student, teacher, images)
    # On the images it saw: a random deep network says nothing coherent of others.
    assert correlation(student, teacher, images) > 0.5


def built(name: str) -> keras.Model:
    image = keras.Input((SIDE, SIDE, 3))
    return build_network(find_backbone(name), image, 7)[0]


def correlation(one: keras.Model, other: keras.Model, images: np.ndarray) -> float:
    """Of the logarithms of their answers, each class centered."""
    logs = [np.log(model.predict(images, verbose=0)) for model in (one, other)]
    centered: list[Any] = [(log - log.mean(0)).ravel() for log in logs]
    return float(np.corrcoef(*centered)[0, 1])


@pytest.mark.slow
def test_unrelated_networks_are_left_alone(images: np.ndarray) -> None:
    for student, teacher in [
        (network(16), network(8)),  # wider than its teacher
        (built("mobilenet_025"), network(8)),
        (built("densenet121"), built("densenet121")),  # concatenates channels
    ]:
        before = student.get_weights()
        assert not prune_into(student, teacher, images)
        for old, new in zip(before, student.get_weights(), strict=True):
            assert np.array_equal(old, new)


def test_a_teacher_with_operations_of_several_outputs_is_left_alone(images: np.ndarray) -> None:
    image = keras.Input((64, 64, 3))
    halves = keras.ops.split(keras.layers.Conv2D(8, 3)(image), 2, axis=-1)
    teacher = keras.Model(image, keras.layers.Add()(halves[::-1]))
    assert not prune_into(network(8), teacher, images)
    assert not prune_into(teacher, teacher, images)
