from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving import legacy_h5_format
from keras.src.utils import file_utils
from PIL import Image

from tlearn.errors import BackboneError
from tlearn.models.backbone import load_backbone
from tlearn.models.catalog import CATALOG, BackboneSpec, find_backbone
from tlearn.models.stages import last_feature_map
from tlearn.models.weights import WeightsFile, find_weights

Pixels = Callable[..., np.ndarray]
PREPROCESSING = {
    "mobilenet_025": keras.applications.mobilenet.preprocess_input,
    "mobilenet_v3_small_minimalistic": keras.applications.mobilenet_v3.preprocess_input,
    "efficientnet_v2_b0": keras.applications.efficientnet_v2.preprocess_input,
    "resnet50": keras.applications.resnet.preprocess_input,
    "densenet121": keras.applications.densenet.preprocess_input,
}


def given(path: Path) -> WeightsFile:
    return WeightsFile(path, "given", "0" * 64)


def plain(spec: BackboneSpec, size: int, **arguments: object) -> keras.Model:
    """The network as Keras gives it, which leaves the scaling to its user."""
    builder = getattr(keras.applications, spec.builder)
    return builder(weights=None, input_shape=(size, size, 3), **spec.arguments, **arguments)


def answer(network: keras.Model, images: np.ndarray) -> np.ndarray:
    return np.asarray(network(images, training=False))


def assert_close(ours: np.ndarray, theirs: np.ndarray) -> None:
    assert np.std(theirs) > 0
    np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=2e-5 * np.abs(theirs).max())


@pytest.mark.slow
@pytest.mark.parametrize("name", PREPROCESSING)
def test_trunk_and_source_read_pixels_as_keras_does(
    name: str, tmp_path: Path, pixels: Pixels, randomize_statistics: Callable[..., None]
) -> None:
    spec = find_backbone(name)
    theirs = plain(spec, 64, classes=10)
    randomize_statistics(theirs, lambda images: PREPROCESSING[name](images.copy()))
    theirs.save_weights(tmp_path / "w.weights.h5")
    ours = load_backbone(spec, given(tmp_path / "w.weights.h5"), 64)
    images = pixels(64)
    scaled = PREPROCESSING[name](images.copy())
    assert ours.source is not None
    assert ours.trunk.output_shape[-1] == spec.embedding_size
    assert_close(answer(ours.source, images), answer(theirs, scaled))
    features = keras.Model(theirs.inputs[0], last_feature_map(theirs))
    right = answer(features, scaled)
    for wrong in (scaled[..., ::-1], scaled / 2, scaled + np.ptp(scaled) / 4):
        with pytest.raises(AssertionError):
            assert_close(answer(features, wrong), right)
    assert_close(answer(ours.trunk, images), right)


@pytest.mark.parametrize("layout", ["legacy", "model", "keras", "archive"])
@pytest.mark.parametrize("top", [True, False])
def test_every_layout_with_and_without_top(
    layout: str,
    top: bool,
    tmp_path: Path,
    pixels: Pixels,
    randomize_statistics: Callable[..., None],
) -> None:
    spec = find_backbone("mobilenet_v2_035")
    theirs = plain(spec, 64, include_top=top, **({"classes": 11} if top else {}))
    randomize_statistics(theirs, lambda images: images / 127.5 - 1)
    path = tmp_path / "weights.bin"
    if layout == "legacy":
        with h5py.File(path, "w") as file:
            legacy_h5_format.save_weights_to_hdf5_group(file, theirs)
    else:
        suffix = {"model": ".h5", "keras": ".weights.h5", "archive": ".keras"}[layout]
        save = theirs.save_weights if layout == "keras" else theirs.save
        save(path.with_suffix(suffix))
        path.with_suffix(suffix).rename(path)
    ours = load_backbone(spec, given(path), 64)
    images = pixels(64)
    scaled = images / 127.5 - 1
    if top:
        assert ours.source is not None
        assert_close(answer(ours.source, images), answer(theirs, scaled))
    else:
        assert ours.source is None
        assert_close(answer(ours.trunk, images), answer(theirs, scaled))


@pytest.fixture
def efficientnet_file(
    tmp_path: Path, randomize_statistics: Callable[..., None]
) -> Callable[..., Path]:
    """Write an EfficientNetB0 in the legacy layout with the given statistics of the pixels."""

    def write(mean: tuple[float, ...], variance: tuple[float, ...]) -> Path:
        network = keras.applications.EfficientNetB0(weights=None)
        randomize_statistics(network)
        network.get_layer(index=2).set_weights([np.array(mean), np.array(variance), np.array(0)])
        with h5py.File(tmp_path / "efficientnetb0.h5", "w") as file:
            legacy_h5_format.save_weights_to_hdf5_group(file, network)
        return tmp_path / "efficientnetb0.h5"

    return write


def test_efficientnet_equals_keras_with_imagenet_weights(
    efficientnet_file: Callable[..., Path], pixels: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = efficientnet_file((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    monkeypatch.setattr(file_utils, "get_file", lambda *_, **__: str(path))
    theirs = keras.applications.EfficientNetB0(weights="imagenet")
    without = keras.applications.EfficientNetB0(weights=None)
    without.load_weights(path)
    ours = load_backbone(find_backbone("efficientnet_b0"), given(path), 224)
    images = pixels(224, n=1)
    # Behind the scaling and the stem: deeper, random weights blow rounding up to per cents, and
    # their probabilities are nearly equal whatever comes in.
    mine, right, wrong = (
        answer(keras.Model(x.inputs[0], x.get_layer("stem_activation").output), images)
        for x in (ours.trunk, theirs, without)
    )
    assert_close(mine, right)
    with pytest.raises(AssertionError):
        assert_close(wrong, right)


def test_efficientnet_trained_otherwise_is_left_as_it_is(
    efficientnet_file: Callable[..., Path], pixels: Pixels
) -> None:
    path = efficientnet_file((0.485, 0.456, 0.406), (0.229**2, 0.224**2, 0.225**2))
    theirs = keras.applications.EfficientNetB0(weights=None)
    theirs.load_weights(path)
    ours = load_backbone(find_backbone("efficientnet_b0"), given(path), 224)
    images = pixels(224, n=1)
    assert ours.source is not None
    assert_close(answer(ours.source, images), answer(theirs, images))


def test_vgg_has_its_dense_layers_at_its_own_size_only(tmp_path: Path, pixels: Pixels) -> None:
    spec = replace(find_backbone("vgg16"), image_size=32)
    theirs = plain(spec, 32, classes=3)
    scale = keras.applications.vgg16.preprocess_input
    with h5py.File(tmp_path / "w.h5", "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, theirs)
    ours = load_backbone(spec, given(tmp_path / "w.h5"), 32)
    assert ours.source is not None
    small = pixels(32)
    assert_close(answer(ours.source, small), answer(theirs, scale(small.copy())))
    larger = load_backbone(spec, given(tmp_path / "w.h5"), 48)
    assert larger.source is None
    same = plain(spec, 48, include_top=False)
    for mine, its in zip(same.layers, theirs.layers, strict=False):
        mine.set_weights(its.get_weights())
    image = pixels(48)
    assert_close(answer(larger.trunk, image), answer(same, scale(image.copy())))


def test_channels_are_turned_once(tmp_path: Path, pixels: Pixels) -> None:
    spec = find_backbone("vgg16")
    first = load_backbone(spec, None, 32)
    first.trunk.save(tmp_path / "mine.keras")
    again = load_backbone(spec, given(tmp_path / "mine.keras"), 32)
    image = pixels(32)
    assert_close(answer(again.trunk, image), answer(first.trunk, image))


def test_convnext_embedding_keeps_the_normalisation_of_its_head(
    tmp_path: Path, pixels: Pixels
) -> None:
    spec = find_backbone("convnext_tiny")
    theirs = plain(spec, 32, classes=3)
    norm = theirs.get_layer("convnext_tiny_head_layernorm")
    rng = np.random.default_rng(0)
    norm.set_weights([rng.uniform(0.5, 2, 768), rng.normal(size=768)])
    theirs.save_weights(tmp_path / "w.weights.h5")
    ours = load_backbone(spec, given(tmp_path / "w.weights.h5"), 32)
    # At 32 pixels the map is one position, where both orders of norm and average are the same.
    normalized = keras.Model(theirs.inputs[0], norm.output)
    image = pixels(32)
    assert_close(answer(ours.trunk, image)[:, 0, 0], answer(normalized, image))
    assert ours.source is not None
    assert_close(answer(ours.source, image), answer(theirs, image))


@pytest.mark.parametrize(
    ("written", "asked", "layout"),
    [
        ("mobilenet_025", "mobilenet_v2_035", "keras"),
        ("mobilenet_025", "mobilenet_050", "keras"),
        ("mobilenet_025", "mobilenet_v2_035", "legacy"),
        ("mobilenet_025", "vgg16", "legacy"),
    ],
)
def test_weights_of_another_network(written: str, asked: str, layout: str, tmp_path: Path) -> None:
    network = plain(find_backbone(written), 32, classes=5)
    if layout == "keras":
        network.save_weights(tmp_path / "w.weights.h5")
    else:
        network.save(tmp_path / "w.h5")
    path = next(tmp_path.glob("w*"))
    with pytest.raises(BackboneError, match=f"weights of {asked}: expected") as error:
        load_backbone(find_backbone(asked), given(path), 32)
    assert f"{network.count_params():,}" in error.value.message


def test_file_with_more_layers_than_the_network(tmp_path: Path) -> None:
    # Keras would read the first blocks of such a file and say nothing.
    plain(find_backbone("vgg19"), 32, include_top=False).save_weights(tmp_path / "w.weights.h5")
    with pytest.raises(BackboneError, match="expected 14,714,688"):
        load_backbone(find_backbone("vgg16"), given(tmp_path / "w.weights.h5"), 32)


@pytest.mark.parametrize(("name", "size"), [("mobilenet_v2", 31), ("inception_v3", 74)])
def test_image_size_below_the_smallest(name: str, size: int) -> None:
    with pytest.raises(BackboneError, match=f"at least {size + 1}") as error:
        load_backbone(CATALOG[name], None, size)
    assert "--image-size" in error.value.hint


def test_seed_fixes_random_weights(pixels: Pixels) -> None:
    spec = find_backbone("mobilenet_025")
    first, second, other = (load_backbone(spec, None, 32, seed) for seed in (1, 1, 2))
    image = pixels(32)
    np.testing.assert_array_equal(answer(first.trunk, image), answer(second.trunk, image))
    assert np.abs(answer(first.trunk, image) - answer(other.trunk, image)).max() > 0
    assert first.fingerprint != other.fingerprint


def test_fingerprint_is_the_same_in_every_process(tmp_path: Path) -> None:
    spec = find_backbone("mobilenet_025")
    plain(spec, 32, classes=5).save_weights(tmp_path / "w.weights.h5")
    weights = given(tmp_path / "w.weights.h5")
    assert load_backbone(spec, None, 32, 1).fingerprint == "random-1-88034084"
    assert load_backbone(spec, weights, 32).fingerprint == "01c6a77a250c4bfc"
    assert load_backbone(spec, weights, 64).fingerprint != "01c6a77a250c4bfc"


@pytest.mark.parametrize(
    ("name", "size", "source", "file", "classes"),
    [
        ("mobilenet_v2", 224, "folder", None, 1000),
        ("mobilenet_075", 192, "folder", None, 1000),
        ("mobilenet_v2", 224, "given", "mobilenet_v2_1.00_224_inat_birds.weights.h5", 964),
    ],
)
def test_real_weights(
    name: str,
    size: int,
    source: str,
    file: str | None,
    classes: int,
    shared: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TLEARN_WEIGHTS", str(shared / "weights"))
    spec = find_backbone(name)
    weights = find_weights(spec, shared / "weights" / file if file else None)
    assert weights.origin == source
    backbone = load_backbone(spec, weights, size)
    assert backbone.source is not None
    bees = sorted((shared / "data/hymenoptera/train/bees").glob("*.jpg"))[
        : 30 if classes == 1000 else 3
    ]
    images = [Image.open(path).convert("RGB").resize((size, size), 2) for path in bees]
    given_probabilities = answer(backbone.source, np.stack(images).astype("float32"))
    assert given_probabilities.shape == (len(bees), classes)
    np.testing.assert_allclose(given_probabilities.sum(1), 1, rtol=1e-4)
    if classes == 1000:
        # ImageNet's class of bees; with wrong scaling or channels less than .6 come first.
        best = np.argsort(-given_probabilities, axis=1)
        assert np.mean(best[:, 0] == 309) > 0.65
        assert np.mean((best[:, :5] == 309).any(1)) > 0.85
