"""Folding changes the speed of a step and nothing else."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from tlearn.models.classifier import build_classifier, set_trainable
from tlearn.training.batch_norm_folding import FoldedConvolution, fold_frozen_norms


def network(batch_norm: str = "frozen") -> keras.Model:
    """Every kind of pair there is, and some that must be left alone."""
    image = keras.Input((8, 8, 3))
    layers = keras.layers
    x = layers.Conv2D(4, 3, strides=2, padding="same", use_bias=True)(image)
    x = layers.BatchNormalization(epsilon=0.01)(x)
    x = layers.ReLU()(x)
    y = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2, use_bias=False)(x)
    y = layers.BatchNormalization(scale=False)(y)
    y = layers.Conv2D(4, 1, activation="relu")(y)
    y = layers.BatchNormalization(center=False)(y)  # the activation stands between them
    z = layers.Conv2D(4, 1)(layers.Add()([x, y]))
    z = layers.Add()([layers.BatchNormalization()(z), z])  # the convolution is read twice
    model = keras.Model(image, layers.Dense(2)(layers.GlobalAveragePooling2D()(z)))
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights([rng.uniform(0.5, 2, w.shape) for w in layer.get_weights()])
            layer.trainable = batch_norm == "trained"
    return model


def folded(model: keras.Model) -> int:
    return sum(isinstance(layer, FoldedConvolution) for layer in model.layers)


def test_the_function_is_the_same_and_so_is_a_step() -> None:
    keras.utils.set_random_seed(0)
    plain = network()
    twin = keras.models.clone_model(plain)
    twin.set_weights(plain.get_weights())
    for layer, original in zip(twin.layers, plain.layers, strict=True):
        layer.trainable = original.trainable
    quick = fold_frozen_norms(twin)
    assert folded(quick) == 2
    rng = np.random.default_rng(1)
    x = rng.normal(size=(16, 8, 8, 3)).astype(np.float32)
    y = rng.normal(size=(16, 2)).astype(np.float32)
    np.testing.assert_allclose(quick(x), plain(x), rtol=1e-4, atol=1e-5)
    before = plain.get_weights()
    for model in (plain, quick):
        model.compile(keras.optimizers.SGD(0.05), "mse")
        model.fit(x, y, epochs=3, shuffle=False, verbose=0)
    for start, one, other in zip(before, plain.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)
        assert one.ndim == 1 or (one != start).any()


def test_norms_that_learn_are_left_alone() -> None:
    assert folded(fold_frozen_norms(network("trained"))) == 0


@pytest.mark.parametrize("first", [0, 3])
def test_every_norm_of_a_backbone_is_folded(small_backbone: Any, first: int) -> None:
    model = build_classifier(small_backbone.trunk, 3)
    set_trainable(model, small_backbone.stages, first)
    quick = fold_frozen_norms(model)
    assert not any(isinstance(x, keras.layers.BatchNormalization) for x in quick.layers)
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    np.testing.assert_allclose(quick(images), model(images), atol=1e-4)
    paths = {weight.path for weight in model.trainable_weights}
    assert {weight.path for weight in quick.trainable_weights} == paths
