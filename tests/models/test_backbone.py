"""Loading backbones: of the catalog, and networks of a person's own."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from tests.models.keras_networks import assert_close, keras_network, outputs, weights_file
from tlearn.errors import BackboneError
from tlearn.models.backbone import load_backbone
from tlearn.models.catalog import CATALOG, find_backbone
from tlearn.models.cuts import find_cuts
from tlearn.models.joined import load_own_backbone
from tlearn.models.weights import find_weights

Pixels = Callable[..., np.ndarray]


def test_the_embedding_of_convnext_has_the_normalization_of_its_head(
    tmp_path: Path, pixels: Pixels
) -> None:
    spec = find_backbone("convnext_tiny")
    network = keras_network(spec, 32, classes=3)
    norm = network.get_layer("convnext_tiny_head_layernorm")
    rng = np.random.default_rng(0)
    norm.set_weights([rng.uniform(0.5, 2, 768), rng.normal(size=768)])
    network.save_weights(tmp_path / "w.weights.h5")
    backbone = load_backbone(spec, weights_file(tmp_path / "w.weights.h5"), 32)
    # At 32 pixels the map has one position, where norm and average commute.
    normalized = keras.Model(network.inputs[0], norm.output)
    image = pixels(32)
    assert_close(outputs(backbone.trunk, image)[:, 0, 0], outputs(normalized, image))
    assert backbone.classifier is not None
    assert_close(outputs(backbone.classifier, image), outputs(network, image))


@pytest.mark.parametrize(("name", "size"), [("mobilenet_v2", 31), ("inception_v3", 74)])
def test_image_size_below_the_smallest_is_refused(name: str, size: int) -> None:
    with pytest.raises(BackboneError, match=f"at least {size + 1}") as error:
        load_backbone(CATALOG[name], None, size)
    assert "--image-size" in error.value.hint


def test_the_seed_determines_random_weights(pixels: Pixels) -> None:
    spec = find_backbone("mobilenet_025")
    first, second, other = (load_backbone(spec, None, 32, seed) for seed in (1, 1, 2))
    image = pixels(32)
    np.testing.assert_array_equal(outputs(first.trunk, image), outputs(second.trunk, image))
    assert np.abs(outputs(first.trunk, image) - outputs(other.trunk, image)).max() > 0
    assert first.fingerprint != other.fingerprint


@pytest.mark.parametrize(
    ("name", "size", "origin", "file", "classes"),
    [
        ("mobilenet_v2", 224, "folder", None, 1000),
        ("mobilenet_075", 192, "folder", None, 1000),
        ("mobilenet_v2", 224, "given", "mobilenet_v2_1.00_224_inat_birds.weights.h5", 964),
    ],
)
def test_real_weights_recognize_bees(
    name: str,
    size: int,
    origin: str,
    file: str | None,
    classes: int,
    shared: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TLEARN_WEIGHTS", str(shared / "weights"))
    spec = find_backbone(name)
    weights = find_weights(spec, shared / "weights" / file if file else None)
    assert weights.origin == origin
    backbone = load_backbone(spec, weights, size)
    assert backbone.classifier is not None
    paths = sorted((shared / "data/hymenoptera/train/bees").glob("*.jpg"))
    bees = paths[: 30 if classes == 1000 else 3]
    images = [Image.open(path).convert("RGB").resize((size, size), 2) for path in bees]
    probabilities = outputs(backbone.classifier, np.stack(images).astype("float32"))
    assert probabilities.shape == (len(bees), classes)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-4)
    if classes == 1000:
        # 309 is ImageNet's class of bees; wrong scaling or channels put it first on less than 60%.
        ranked = np.argsort(-probabilities, axis=1)
        assert np.mean(ranked[:, 0] == 309) > 0.65
        assert np.mean((ranked[:, :5] == 309).any(1)) > 0.85


@pytest.fixture
def nested(tmp_path: Path) -> tuple[keras.Model, Path]:
    """A network as the transfer-learning guide of Keras builds it: the base is one layer."""
    base = keras.applications.MobileNet(
        alpha=0.25, weights=None, include_top=False, input_shape=(64, 64, 3)
    )
    image = keras.Input((64, 64, 3), name="photo")
    x = base(keras.layers.Rescaling(1 / 127.5, -1.0)(image), training=False)
    x = keras.layers.Dropout(0.2)(keras.layers.GlobalAveragePooling2D()(x))
    network = keras.Model(image, keras.layers.Dense(4, activation="softmax")(x))
    network.save(tmp_path / "own.keras")
    return network, tmp_path / "own.keras"


def test_a_nested_network_becomes_flat(nested: tuple[keras.Model, Path], pixels: Pixels) -> None:
    network, path = nested
    own = load_own_backbone(path)
    assert own.trunk.inputs[0].name == "image"
    assert own.trunk.output_shape == (None, 2, 2, 256)
    assert [stage.channels for stage in own.stages] == [16, 32, 64, 128, 256]
    assert len(find_cuts(own.trunk)) > 50
    assert (own.spec.name, own.spec.embedding_size, own.spec.image_size) == ("own", 256, 64)
    assert own.classifier is not None
    images = pixels(64)
    np.testing.assert_allclose(outputs(own.classifier, images), outputs(network, images), rtol=1e-4)


def test_an_own_network_at_another_image_size(nested: tuple[keras.Model, Path]) -> None:
    own, larger = load_own_backbone(nested[1]), load_own_backbone(nested[1], 96)
    assert larger.trunk.input_shape == (None, 96, 96, 3)
    assert larger.trunk.output_shape == (None, 3, 3, 256)
    assert larger.fingerprint != own.fingerprint
    assert load_own_backbone(nested[1]).fingerprint == own.fingerprint


def test_a_sequential_network_of_any_size_without_probabilities(tmp_path: Path) -> None:
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((None, None, 3)),
            layers.Conv2D(8, 3, strides=2, activation="relu"),
            layers.Conv2D(16, 3, strides=2, activation="relu"),
            layers.GlobalMaxPooling2D(),
            layers.Dense(4),
        ]
    )
    network.save(tmp_path / "s.keras")
    own = load_own_backbone(tmp_path / "s.keras", 50)
    assert own.trunk.output_shape == (None, 11, 11, 16)
    assert [stage.size for stage in own.stages] == [24, 11]
    assert own.classifier is None
    assert load_own_backbone(tmp_path / "s.keras").trunk.input_shape == (None, 224, 224, 3)


def test_a_size_that_does_not_fit_the_dense_layers_is_refused(tmp_path: Path) -> None:
    image = keras.Input((16, 16, 3))
    x = keras.layers.Flatten()(keras.layers.Conv2D(4, 3)(image))
    keras.Model(image, keras.layers.Dense(2)(x)).save(tmp_path / "f.keras")
    assert load_own_backbone(tmp_path / "f.keras").trunk.output_shape == (None, 14, 14, 4)
    with pytest.raises(BackboneError, match="32 x 32") as error:
        load_own_backbone(tmp_path / "f.keras", 32)
    assert "16" in error.value.hint


def save(network: keras.Model, folder: Path) -> Path:
    network.save(folder / "n.keras")
    return folder / "n.keras"


def no_images(folder: Path) -> Path:
    image = keras.Input((8,))
    return save(keras.Model(image, keras.layers.Dense(2)(image)), folder)


def two_inputs(folder: Path) -> Path:
    a, b = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
    return save(keras.Model([a, b], keras.layers.Add()([a, b])), folder)


def no_map(folder: Path) -> Path:
    image = keras.Input((8, 8, 3))
    x = keras.layers.Reshape((192,))(image)
    return save(keras.Model(image, keras.layers.Dense(2)(x)), folder)


def code(folder: Path) -> Path:
    image = keras.Input((8, 8, 3))
    return save(keras.Model(image, keras.layers.Lambda(lambda x: x + 1)(image)), folder)


def missing(folder: Path) -> Path:
    return folder / "none.keras"


def text(folder: Path) -> Path:
    (folder / "text.keras").write_text("not a network")
    return folder / "text.keras"


def other_zip(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "zip.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    return folder / "zip.keras"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (no_images, "expected one input"),
        (two_inputs, "expected one input"),
        (no_map, "no feature map"),
        (code, "cannot be loaded"),
        (missing, "no file"),
        (text, "not a .keras file"),
        (other_zip, "cannot be loaded"),
    ],
)
def test_a_file_that_is_no_backbone_is_refused(
    make: Callable[[Path], Path], message: str, tmp_path: Path
) -> None:
    with pytest.raises(BackboneError, match=message) as error:
        load_own_backbone(make(tmp_path))
    assert error.value.hint
