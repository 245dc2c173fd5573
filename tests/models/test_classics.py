"""Classic networks: as large as their papers say, saved and loaded, and trained from scratch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.models.keras_networks import assert_close, outputs, weights_file
from tlearn.errors import WeightsNotFoundError
from tlearn.models.applications import build_network
from tlearn.models.backbone import Backbone, load_backbone
from tlearn.models.catalog import CATALOG, find_backbone
from tlearn.models.classics import BUILDERS, normalize_locally
from tlearn.models.joined import load_own_backbone
from tlearn.models.resolve import resolve_backbone

Pixels = Callable[..., np.ndarray]
CLASSICS = [spec.name for spec in CATALOG.values() if spec.builder in BUILDERS]
LARGE = ("alexnet", "wide_resnet_28_10", "pyramidnet", "fitnet_4")

# Classes, what the paper prints, and what the last printed digit stands for.
PUBLISHED = {
    "lenet5": (None, 60_000, 1),  # section II.B: "60,000 trainable free parameters"
    "alexnet": (1000, 60e6, 10e6),  # section 1: "60 million parameters"
    "nin": (10, 1e6, 1e6),  # table 3 of Springenberg et al. 2014, who compare with it: "1 M"
    # Two linear pieces in the dense layer too: with the five of its teacher, it would have 350K.
    "fitnet_1": (10, 250e3, 10e3),  # table 5: "~250K"
    "fitnet_4": (10, 2.5e6, 0.1e6),  # table 5: "~2.5M"
    "all_cnn": (10, 1.4e6, 0.1e6),  # table 3: "1.4 M"
    "highway": (10, 2.3e6, 0.1e6),  # table 1: "~2.3M", Fitnet 4
    "wide_resnet_40_2": (10, 2.2e6, 0.1e6),  # table 4: "2.2M"
    "wide_resnet_28_10": (10, 36.5e6, 0.1e6),  # table 4: "36.5M"
    "fractalnet": (100, 2.1e6, 0.1e6),  # table 4: three columns, 20 layers, "2.1M"
    "pyramidnet": (10, 1.7e6, 0.1e6),  # table 4: 110 layers, alpha 48, "1.7M"
    "shufflenet_v2": (1000, 2.3e6, 0.1e6),  # table 5: "2.3M"
}
# Table 1 of Szegedy et al. 2014, in units of 1,024. The table's own sums go astray from 4a on (5a
# has 1,019 by its own widths, not 1,072), so later modules are held by the total alone.
GOOGLENET = {"conv 1x1 and 3x3": (112, 1, 3), "3a": (159, 3, 9), "3b": (380, 9, 15)}
GOOGLENET_TOTAL = 2.7 + 112 + 159 + 380 + 364 + 437 + 463 + 580 + 840 + 1072 + 1388 + 1000


def _size(weights: Iterable[keras.Variable]) -> int:
    return sum(math.prod(weight.shape) for weight in weights)


def _network(name: str, size: int | None = None, classes: int | None = None) -> keras.Model:
    spec = find_backbone(name)
    side = size or spec.image_size
    return build_network(spec, keras.Input((side, side, 3), name="image"), classes)[0]


@pytest.mark.parametrize(
    "name", [pytest.param(x, marks=[pytest.mark.slow] * (x in LARGE)) for x in PUBLISHED]
)
def test_as_many_weights_are_trained_as_the_paper_says(name: str) -> None:
    classes, published, digit = PUBLISHED[name]
    trained = _size(_network(name, classes=classes).trainable_weights)
    assert round(trained / digit) == round(published / digit)


def test_googlenet_has_the_weights_of_its_table() -> None:
    network = _network("googlenet", classes=1000)
    convolutions = [x for x in network.layers if isinstance(x, keras.layers.Conv2D)]
    for published, first, end in GOOGLENET.values():
        weights = [weight for layer in convolutions[first:end] for weight in layer.weights]
        assert _size(weights) / 1024 == pytest.approx(published, abs=1)
    assert _size(network.trainable_weights) / 1024 == pytest.approx(GOOGLENET_TOTAL, rel=0.01)


def test_every_classic_has_its_published_size() -> None:
    assert set(CLASSICS) == {*PUBLISHED, "googlenet"}
    assert not any(CATALOG[name].pretrained for name in CLASSICS)


@pytest.fixture(
    scope="module",
    params=[pytest.param(x, marks=[pytest.mark.slow] * (x in LARGE)) for x in CLASSICS],
)
def backbone(request: pytest.FixtureRequest) -> Backbone:
    spec = find_backbone(request.param)
    return load_backbone(spec, None, spec.image_size)


def test_the_catalog_has_the_numbers_of_the_built_network(backbone: Backbone) -> None:
    spec = backbone.spec
    assert backbone.trunk.count_params() == spec.parameters
    assert backbone.trunk.output_shape[-1] == spec.embedding_size
    assert sum(stage.parameters for stage in backbone.stages) == spec.parameters
    assert len(backbone.stages) > 2


def test_a_saved_network_is_a_backbone_of_its_own(
    backbone: Backbone, tmp_path: Path, pixels: Pixels
) -> None:
    images = pixels(backbone.spec.image_size)
    backbone.trunk.save(tmp_path / "own.keras")
    own = load_own_backbone(tmp_path / "own.keras")
    assert_close(outputs(own.trunk, images), outputs(backbone.trunk, images))


@pytest.mark.parametrize("name", ["lenet5", "highway"])
@pytest.mark.parametrize("classes", [None, 7])
@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
def test_weights_of_ones_own_are_loaded(
    name: str, classes: int | None, suffix: str, tmp_path: Path, pixels: Pixels
) -> None:
    network, path = _network(name, 32, classes), tmp_path / f"own{suffix}"
    (network.save if suffix == ".keras" else network.save_weights)(path)
    backbone = load_backbone(find_backbone(name), weights_file(path), 32)
    assert (backbone.classifier is None) is (classes is None)
    images = pixels(32)
    assert_close(outputs(backbone.classifier or backbone.trunk, images), outputs(network, images))


def test_a_classic_without_weights_is_refused_unless_trained_from_scratch() -> None:
    with pytest.raises(WeightsNotFoundError, match="lenet5 has no pretrained weights") as error:
        resolve_backbone("lenet5", None, None)
    assert error.value.hint.endswith("--backbone lenet5 --policy from-scratch")
    assert resolve_backbone("lenet5", None, None, random_seed=0).image_size == 32


def test_weights_in_the_named_folder_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _network("lenet5").save_weights(tmp_path / "lenet5_letters.weights.h5")
    monkeypatch.setenv("TLEARN_WEIGHTS", str(tmp_path))
    found = resolve_backbone("lenet5", None, None).weights
    assert found is not None and found.path.name == "lenet5_letters.weights.h5"


def test_gates_of_a_highway_start_nearly_closed(pixels: Pixels) -> None:
    network = _network("highway")
    gates = [
        x for x in network.layers if getattr(x, "activation", None) is keras.activations.sigmoid
    ]
    gate = keras.Model(network.inputs[0], gates[0].output)
    assert len(gates) == 14
    assert outputs(gate, pixels(32)).mean() == pytest.approx(1 / (1 + math.exp(2)), abs=0.05)


def test_paths_are_dropped_only_while_a_fractal_network_is_trained(pixels: Pixels) -> None:
    network, images = _network("fractalnet"), pixels(32)
    first = next(x for x in network.layers if isinstance(x, keras.layers.Dropout))
    path = keras.Model(network.inputs[0], first.output)
    assert np.all(outputs(path, images).any(axis=(1, 2, 3)))
    keras.utils.set_random_seed(0)
    trained = np.asarray(path(np.repeat(images, 50, axis=0), training=True))
    kept = trained.any(axis=(1, 2, 3)).mean()
    assert 0.7 < kept < 0.95  # whole images, 15% of them


def test_neighboring_channels_quiet_each_other() -> None:
    image = keras.Input((2, 2, 9))
    network = keras.Model(image, normalize_locally(image))
    x = np.random.default_rng(0).normal(0, 100, (1, 2, 2, 9)).astype("float32")
    for channel in range(9):
        near = x[..., max(channel - 2, 0) : channel + 3]
        expected = x[..., channel] / (2 + 1e-4 * (near**2).sum(-1)) ** 0.75
        np.testing.assert_allclose(outputs(network, x)[..., channel], expected, rtol=1e-5)
