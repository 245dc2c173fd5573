"""A classifier on a trunk: its head, and which of its layers are trained."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest

from tlearn.models.backbone import Backbone, load_backbone
from tlearn.models.catalog import find_backbone
from tlearn.models.classifier import build_classifier, pooled_maps, set_head, set_trainable
from tlearn.models.cuts import find_cuts
from tlearn.models.stages import layers_of_stage

CLASSES = 3


@pytest.fixture(scope="module")
def backbone(randomize_statistics: Callable[..., None]) -> Backbone:
    loaded = load_backbone(find_backbone("mobilenet_025"), None, 32)
    randomize_statistics(loaded.trunk)
    return loaded


def batch_norms(network: keras.Model) -> list[keras.layers.Layer]:
    return [x for x in network.layers if isinstance(x, keras.layers.BatchNormalization)]


def trained(network: keras.Model) -> set[int]:
    return {id(weight) for weight in network.trainable_weights}


def test_a_classifier_takes_pixels_and_gives_probabilities(
    backbone: Backbone, pixels: Callable[..., np.ndarray]
) -> None:
    model = build_classifier(backbone.trunk, CLASSES, dropout=0.5)
    assert model.inputs[0].name == "image"
    assert model.output_names == ["probabilities"]
    probabilities = np.asarray(model(pixels(32), training=False))
    assert probabilities.shape == (2, CLASSES)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
    assert [x.name for x in model.layers[-4:]] == ["embedding", "dropout", "head", "probabilities"]
    assert model.get_layer("dropout").rate == 0.5


@pytest.mark.parametrize("cuts", [(-1,), (20, -1)])
def test_logits_are_the_mean_of_the_kernel_at_every_position_of_the_maps(
    backbone: Backbone, pixels: Callable[..., np.ndarray], cuts: tuple[int, ...]
) -> None:
    """That is what makes a class activation map exact."""
    features = [find_cuts(backbone.trunk)[cut] for cut in cuts]
    model = build_classifier(backbone.trunk, CLASSES, features=features, dropout=0.5)
    kernel, bias = (np.asarray(weight) for weight in model.get_layer("head").get_weights())
    network = keras.Model(model.inputs[0], [*pooled_maps(model), model.output])
    *maps, probabilities = (np.asarray(x) for x in network(pixels(32), training=False))
    rows = np.split(kernel, np.cumsum([stage.shape[-1] for stage in maps])[:-1])
    logits = bias + sum((m @ k).mean(axis=(1, 2)) for m, k in zip(maps, rows, strict=True))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities, shares, rtol=1e-4)


def test_the_head_takes_solved_weights(
    backbone: Backbone, pixels: Callable[..., np.ndarray]
) -> None:
    rng = np.random.default_rng(0)
    kernel, bias = rng.normal(0, 0.05, (256, CLASSES)), rng.normal(size=CLASSES)
    model = build_classifier(backbone.trunk, CLASSES)
    set_head(model, kernel, bias)
    embedding = np.asarray(backbone.trunk(pixels(32), training=False)).mean(axis=(1, 2))
    scores = np.exp(embedding @ kernel + bias)
    expected = scores / scores.sum(1, keepdims=True)
    np.testing.assert_allclose(np.asarray(model(pixels(32), training=False)), expected, rtol=1e-3)
    with pytest.raises(ValueError, match="shape"):
        set_head(model, kernel.T, bias)


def test_the_head_has_penalties_and_a_bound_on_its_norm(backbone: Backbone) -> None:
    plain = build_classifier(backbone.trunk, CLASSES)
    assert plain.losses == []
    model = build_classifier(backbone.trunk, CLASSES, l1=0.1, l2=0.01, max_norm=2.0)
    kernel = np.full((256, CLASSES), 0.5, "float32")
    set_head(model, kernel, np.zeros(CLASSES))
    expected = 0.1 * np.abs(kernel).sum() + 0.01 * (kernel**2).sum()
    assert float(sum(model.losses)) == pytest.approx(expected, rel=1e-5)
    bounded = np.asarray(model.get_layer("head").kernel.constraint(kernel))
    np.testing.assert_allclose(np.linalg.norm(bounded, axis=0), 2.0, rtol=1e-4)


def test_stages_of_the_trunk_are_those_of_the_classifier(backbone: Backbone) -> None:
    model = build_classifier(backbone.trunk, CLASSES)
    whole, trunk = find_cuts(model), find_cuts(backbone.trunk)
    assert all(a is b for a, b in zip(whole, trunk, strict=False))
    for in_model, in_trunk in zip(
        layers_of_stage(model, backbone.stages),
        layers_of_stage(backbone.trunk, backbone.stages),
        strict=True,
    ):
        assert [id(layer) for layer in in_model] == [id(layer) for layer in in_trunk]


@pytest.mark.parametrize("first", [None, 0, 2, 4])
@pytest.mark.parametrize("batch_norm", ["frozen", "trained"])
def test_only_the_chosen_stages_are_trained(
    backbone: Backbone, first: int | None, batch_norm: str
) -> None:
    model = build_classifier(backbone.trunk, CLASSES)
    set_trainable(model, backbone.stages, first, batch_norm)
    groups = layers_of_stage(model, backbone.stages)
    free = [] if first is None else [x for group in groups[first:] for x in group]
    learning = [model.get_layer("head")]
    for layer in free:
        if batch_norm == "trained" or not isinstance(layer, keras.layers.BatchNormalization):
            learning.append(layer)
    assert trained(model) == {id(w) for x in learning for w in x.trainable_weights}
    assert len(trained(model)) >= 2
    frozen = {id(x) for x in batch_norms(model)} - {id(x) for x in learning}
    assert all(not x.trainable for x in batch_norms(model) if id(x) in frozen)


def test_stages_can_be_trained_after_they_were_frozen(backbone: Backbone) -> None:
    model = build_classifier(backbone.trunk, CLASSES)
    set_trainable(model, backbone.stages, 1)
    before = trained(model)
    set_trainable(model, backbone.stages, None)
    assert len(trained(model)) == 2
    set_trainable(model, backbone.stages, 1)
    assert trained(model) == before


def test_nested_layers_are_trained_and_frozen_too() -> None:
    convnext = load_backbone(find_backbone("convnext_tiny"), None, 32)
    model = build_classifier(convnext.trunk, CLASSES)
    set_trainable(model, convnext.stages, 3)
    expected = [w for x in layers_of_stage(model, convnext.stages)[3] for w in x.weights]
    assert len(trained(model)) == len(expected) + 2
    with pytest.raises(ValueError, match="batch_norm"):
        set_trainable(model, convnext.stages, 3, "free")


def fit(model: keras.Model, images: np.ndarray) -> None:
    model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
    model.optimizer.learning_rate = 0.05
    labels = np.arange(len(images)) % CLASSES
    model.fit(images, labels, batch_size=4, epochs=1, verbose=0)


def statistics(network: keras.Model) -> list[np.ndarray]:
    return [np.array(w) for x in batch_norms(network) for w in (x.moving_mean, x.moving_variance)]


@pytest.mark.parametrize("batch_norm", ["frozen", "trained"])
def test_training_leaves_frozen_statistics_equal_to_the_bit(
    backbone: Backbone, batch_norm: str, pixels: Callable[..., np.ndarray]
) -> None:
    model = build_classifier(backbone.trunk, CLASSES)
    set_trainable(model, backbone.stages, 0, batch_norm)
    kernels = [x.weights[0] for x in model.layers if isinstance(x, keras.layers.Conv2D)]
    kernels_before = [np.array(kernel) for kernel in kernels]
    before = statistics(model)
    fit(model, pixels(32, n=8))
    after = statistics(model)
    moved = [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
    assert len(moved) > 50
    assert all(moved) if batch_norm == "trained" else not any(moved)
    unequal = [
        not np.array_equal(a, np.array(b)) for a, b in zip(kernels_before, kernels, strict=True)
    ]
    assert all(unequal)
