from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from tlearn.errors import BackboneError
from tlearn.models.backbone import load_own_backbone
from tlearn.models.stages import find_cuts

Pixels = Callable[..., np.ndarray]


@pytest.fixture
def nested(tmp_path: Path) -> tuple[keras.Model, Path]:
    """A network as the transfer-learning guide of Keras builds it: the base is one layer."""
    base = keras.applications.MobileNet(
        alpha=0.25, weights=None, include_top=False, input_shape=(64, 64, 3)
    )
    given = keras.Input((64, 64, 3), name="picture")
    x = base(keras.layers.Rescaling(1 / 127.5, -1.0)(given), training=False)
    x = keras.layers.Dropout(0.2)(keras.layers.GlobalAveragePooling2D()(x))
    network = keras.Model(given, keras.layers.Dense(4, activation="softmax")(x))
    network.save(tmp_path / "mine.keras")
    return network, tmp_path / "mine.keras"


def test_nested_network_becomes_flat(nested: tuple[keras.Model, Path], pixels: Pixels) -> None:
    network, path = nested
    own = load_own_backbone(path)
    assert own.trunk.inputs[0].name == "image"
    assert own.trunk.output_shape == (None, 2, 2, 256)
    assert [stage.channels for stage in own.stages] == [16, 32, 64, 128, 256]
    assert len(find_cuts(own.trunk)) > 50
    assert (own.spec.name, own.spec.embedding_size, own.spec.image_size) == ("mine", 256, 64)
    assert own.source is not None
    expected = np.asarray(network(pixels(64), training=False))
    given = np.asarray(own.source(pixels(64), training=False))
    np.testing.assert_allclose(given, expected, rtol=1e-4)


def test_another_image_size(nested: tuple[keras.Model, Path]) -> None:
    own, larger = load_own_backbone(nested[1]), load_own_backbone(nested[1], 96)
    assert larger.trunk.input_shape == (None, 96, 96, 3)
    assert larger.trunk.output_shape == (None, 3, 3, 256)
    assert larger.fingerprint != own.fingerprint
    assert load_own_backbone(nested[1]).fingerprint == own.fingerprint


def test_sequential_network_of_any_size_without_probabilities(tmp_path: Path) -> None:
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
    assert own.source is None
    assert load_own_backbone(tmp_path / "s.keras").trunk.input_shape == (None, 224, 224, 3)


def test_size_that_does_not_fit_the_dense_layers(tmp_path: Path) -> None:
    given = keras.Input((16, 16, 3))
    x = keras.layers.Flatten()(keras.layers.Conv2D(4, 3)(given))
    keras.Model(given, keras.layers.Dense(2)(x)).save(tmp_path / "f.keras")
    assert load_own_backbone(tmp_path / "f.keras").trunk.output_shape == (None, 14, 14, 4)
    with pytest.raises(BackboneError, match="32 x 32") as error:
        load_own_backbone(tmp_path / "f.keras", 32)
    assert "16" in error.value.hint


def save(network: keras.Model, folder: Path) -> Path:
    network.save(folder / "n.keras")
    return folder / "n.keras"


def no_images(folder: Path) -> Path:
    given = keras.Input((8,))
    return save(keras.Model(given, keras.layers.Dense(2)(given)), folder)


def two_inputs(folder: Path) -> Path:
    a, b = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
    return save(keras.Model([a, b], keras.layers.Add()([a, b])), folder)


def no_map(folder: Path) -> Path:
    given = keras.Input((8, 8, 3))
    x = keras.layers.Reshape((192,))(given)
    return save(keras.Model(given, keras.layers.Dense(2)(x)), folder)


def code(folder: Path) -> Path:
    given = keras.Input((8, 8, 3))
    return save(keras.Model(given, keras.layers.Lambda(lambda x: x + 1)(given)), folder)


def missing(folder: Path) -> Path:
    return folder / "none.keras"


def words(folder: Path) -> Path:
    (folder / "words.keras").write_text("not a network")
    return folder / "words.keras"


def other_zip(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "zip.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    return folder / "zip.keras"


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (no_images, "expected one input"),
        (two_inputs, "expected one input"),
        (no_map, "no feature map"),
        (code, "cannot be loaded"),
        (missing, "no file"),
        (words, "not a .keras file"),
        (other_zip, "cannot be loaded"),
    ],
)
def test_what_is_no_backbone_is_a_fault(
    make: Callable[[Path], Path], found: str, tmp_path: Path
) -> None:
    with pytest.raises(BackboneError, match=found) as error:
        load_own_backbone(make(tmp_path))
    assert error.value.hint
