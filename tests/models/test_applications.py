"""Networks of Keras with tlearn's scaling inside: same pixels in, same outputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from keras.src.utils import file_utils

from tests.models.keras_networks import (
    assert_close,
    keras_network,
    outputs,
    save_legacy,
    weights_file,
)
from tlearn.errors import BackboneError
from tlearn.models.backbone import load_backbone
from tlearn.models.catalog import find_backbone
from tlearn.models.cuts import last_feature_map

Pixels = Callable[..., np.ndarray]
PREPROCESSING = {
    "mobilenet_025": keras.applications.mobilenet.preprocess_input,
    "mobilenet_v3_small_minimalistic": keras.applications.mobilenet_v3.preprocess_input,
    "efficientnet_v2_b0": keras.applications.efficientnet_v2.preprocess_input,
    "resnet50": keras.applications.resnet.preprocess_input,
    "densenet121": keras.applications.densenet.preprocess_input,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PREPROCESSING)
def test_trunk_and_classifier_scale_pixels_as_keras_does(
    name: str, tmp_path: Path, pixels: Pixels, randomize_statistics: Callable[..., None]
) -> None:
    spec = find_backbone(name)
    network = keras_network(spec, 64, classes=10)
    randomize_statistics(network, lambda images: PREPROCESSING[name](images.copy()))
    network.save_weights(tmp_path / "w.weights.h5")
    backbone = load_backbone(spec, weights_file(tmp_path / "w.weights.h5"), 64)
    images = pixels(64)
    scaled = PREPROCESSING[name](images.copy())
    assert backbone.classifier is not None
    assert backbone.trunk.output_shape[-1] == spec.embedding_size
    assert_close(outputs(backbone.classifier, images), outputs(network, scaled))
    features = keras.Model(network.inputs[0], last_feature_map(network))
    expected = outputs(features, scaled)
    for wrong in (scaled[..., ::-1], scaled / 2, scaled + np.ptp(scaled) / 4):
        with pytest.raises(AssertionError):
            assert_close(outputs(features, wrong), expected)
    assert_close(outputs(backbone.trunk, images), expected)


LAYOUTED = "mobilenet_025"


@pytest.fixture(scope="module", params=[True, False], ids=["with top", "without top"])
def written(
    request: pytest.FixtureRequest, randomize_statistics: Callable[..., None]
) -> keras.Model:
    """A network whose weights are written in every layout."""
    top = {"classes": 11} if request.param else {}
    network = keras_network(find_backbone(LAYOUTED), 64, include_top=request.param, **top)
    randomize_statistics(network, lambda images: images / 127.5 - 1)
    return network


@pytest.mark.parametrize("layout", ["legacy", "model", "keras", "archive"])
def test_every_layout_of_a_file_is_loaded_with_and_without_top(
    layout: str, written: keras.Model, tmp_path: Path, pixels: Pixels
) -> None:
    path = tmp_path / "weights.bin"
    if layout == "legacy":
        save_legacy(written, path)
    else:
        suffix = {"model": ".h5", "keras": ".weights.h5", "archive": ".keras"}[layout]
        save = written.save_weights if layout == "keras" else written.save
        save(path.with_suffix(suffix))
        path.with_suffix(suffix).rename(path)
    backbone = load_backbone(find_backbone(LAYOUTED), weights_file(path), 64)
    images = pixels(64)
    assert (backbone.classifier is not None) is (len(written.output_shape) == 2)
    loaded = backbone.classifier or backbone.trunk
    assert_close(outputs(loaded, images), outputs(written, images / 127.5 - 1))


@pytest.fixture
def efficientnet_file(
    tmp_path: Path, randomize_statistics: Callable[..., None]
) -> Callable[..., Path]:
    """Write an EfficientNetB0 in the legacy layout with these statistics of the pixels."""

    def write(mean: tuple[float, ...], variance: tuple[float, ...]) -> Path:
        network = keras.applications.EfficientNetB0(weights=None)
        randomize_statistics(network)
        network.get_layer(index=2).set_weights([np.array(mean), np.array(variance), np.array(0)])
        return save_legacy(network, tmp_path / "efficientnetb0.h5")

    return write


def test_efficientnet_equals_keras_with_imagenet_weights(
    efficientnet_file: Callable[..., Path], pixels: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = efficientnet_file((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    monkeypatch.setattr(file_utils, "get_file", lambda *_, **__: str(path))
    with_imagenet = keras.applications.EfficientNetB0(weights="imagenet")
    without = keras.applications.EfficientNetB0(weights=None)
    without.load_weights(path)
    backbone = load_backbone(find_backbone("efficientnet_b0"), weights_file(path), 224)
    images = pixels(224, n=1)
    # After the scaling and the stem: deeper, random weights amplify rounding to percents, and their
    # probabilities are nearly equal whatever the input.
    actual, expected, wrong = (
        outputs(keras.Model(x.inputs[0], x.get_layer("stem_activation").output), images)
        for x in (backbone.trunk, with_imagenet, without)
    )
    assert_close(actual, expected)
    with pytest.raises(AssertionError):
        assert_close(wrong, expected)


def test_efficientnet_trained_otherwise_is_left_as_it_is(
    efficientnet_file: Callable[..., Path], pixels: Pixels
) -> None:
    path = efficientnet_file((0.485, 0.456, 0.406), (0.229**2, 0.224**2, 0.225**2))
    network = keras.applications.EfficientNetB0(weights=None)
    network.load_weights(path)
    backbone = load_backbone(find_backbone("efficientnet_b0"), weights_file(path), 224)
    images = pixels(224, n=1)
    assert backbone.classifier is not None
    assert_close(outputs(backbone.classifier, images), outputs(network, images))


def test_vgg_has_its_dense_layers_at_its_own_size_only(tmp_path: Path, pixels: Pixels) -> None:
    spec = replace(find_backbone("vgg16"), image_size=32)
    network = keras_network(spec, 32, classes=3)
    scale = keras.applications.vgg16.preprocess_input
    file = weights_file(save_legacy(network, tmp_path / "w.h5"))
    backbone = load_backbone(spec, file, 32)
    assert backbone.classifier is not None
    small = pixels(32)
    assert_close(outputs(backbone.classifier, small), outputs(network, scale(small.copy())))
    larger = load_backbone(spec, file, 48)
    assert larger.classifier is None
    convolutions = keras_network(spec, 48, include_top=False)
    for copy, layer in zip(convolutions.layers, network.layers, strict=False):
        copy.set_weights(layer.get_weights())
    image = pixels(48)
    assert_close(outputs(larger.trunk, image), outputs(convolutions, scale(image.copy())))


def test_channels_are_turned_once(tmp_path: Path, pixels: Pixels) -> None:
    spec = find_backbone("vgg16")
    first = load_backbone(spec, None, 32)
    first.trunk.save(tmp_path / "own.keras")
    again = load_backbone(spec, weights_file(tmp_path / "own.keras"), 32)
    image = pixels(32)
    assert_close(outputs(again.trunk, image), outputs(first.trunk, image))


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "convnext_tiny", "efficientnet_lite0"])
def test_layers_have_the_same_names_whatever_was_built_before(name: str) -> None:
    first, second = (load_backbone(find_backbone(name), None, 64).trunk for _ in range(2))
    assert first.get_config() == second.get_config()


@pytest.mark.parametrize(
    ("written", "requested", "layout"),
    [
        ("mobilenet_025", "mobilenet_v2_035", "keras"),
        ("mobilenet_025", "mobilenet_050", "keras"),
        ("mobilenet_025", "mobilenet_v2_035", "legacy"),
        ("mobilenet_025", "vgg16", "legacy"),
    ],
)
def test_weights_of_another_network_are_refused(
    written: str, requested: str, layout: str, tmp_path: Path
) -> None:
    network = keras_network(find_backbone(written), 32, classes=5)
    path = tmp_path / ("w.weights.h5" if layout == "keras" else "w.h5")
    (network.save_weights if layout == "keras" else network.save)(path)
    with pytest.raises(BackboneError, match=f"weights of {requested}: expected") as error:
        load_backbone(find_backbone(requested), weights_file(path), 32)
    assert f"{network.count_params():,}" in error.value.message


def test_a_file_with_more_layers_than_the_network_is_refused(tmp_path: Path) -> None:
    # Keras would read the first blocks of such a file, without a warning.
    path = tmp_path / "w.weights.h5"
    keras_network(find_backbone("vgg19"), 32, include_top=False).save_weights(path)
    with pytest.raises(BackboneError, match="expected 14,714,688"):
        load_backbone(find_backbone("vgg16"), weights_file(path), 32)
