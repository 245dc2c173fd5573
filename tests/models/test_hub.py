"""Presets of KerasHub: the network KerasHub runs, as maps; what cannot be one is refused."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from tlearn import api
from tlearn.cli.app import app
from tlearn.errors import BackboneError
from tlearn.models.fingerprint import PRESET_FILES
from tlearn.models.resolve import resolve_backbone

Preset = Callable[[str], Path]
SIZE = 64
FAMILIES = ("ResNet-vd", "MobileNetV5", "DeiT", "DINOv2, registers", "DINOv3")

# Keras warns of masks that a layer does not take, wherever KerasHub builds Swin.
pytestmark = pytest.mark.filterwarnings("ignore:Layer .* does not support masking:UserWarning")


@pytest.fixture
def keras_hub() -> Any:
    return pytest.importorskip("keras_hub", reason="KerasHub is not installed")


@pytest.fixture
def preset(keras_hub: Any, tmp_path: Path) -> Preset:
    """Saves a small random network of a family, with an image converter."""
    from benchmarks.hub import save_preset

    def save(family: str) -> Path:
        save_preset(family, tmp_path / "preset")
        return tmp_path / "preset"

    return save


def images() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (2, SIZE, SIZE, 3)).astype("float32")


@pytest.mark.parametrize("family", [*FAMILIES, pytest.param("Swin", marks=pytest.mark.slow)])
def test_a_preset_gives_what_keras_hub_gives_before_and_after_it_is_saved(
    family: str, preset: Preset, keras_hub: Any, tmp_path: Path
) -> None:
    import keras

    folder = preset(family)
    network = keras_hub.models.Backbone.from_preset(str(folder))
    converter = keras_hub.layers.ImageConverter.from_preset(str(folder))
    network = keras.Model(network.inputs, network.output)  # some take a dictionary
    expected = np.asarray(network(converter(images())))
    backbone = resolve_backbone(f"hub:{folder}", None, None).load()
    maps = np.asarray(backbone.trunk(images()))
    side = maps.shape[1]
    if expected.ndim == 3:
        others, patches = np.split(expected, [expected.shape[1] - side**2], axis=1)
        expected = patches.reshape(len(maps), side, side, -1)
        if others.size:  # the class token stands behind the patch in every place
            token = np.broadcast_to(others[:, :1, None], expected.shape)
            expected = np.concatenate([expected, token], axis=-1)
    np.testing.assert_allclose(maps, expected, rtol=1e-3, atol=1e-3)
    backbone.trunk.save(tmp_path / "trunk.keras")
    loaded = keras.models.load_model(tmp_path / "trunk.keras")
    np.testing.assert_allclose(np.asarray(loaded(images())), maps, atol=1e-4)


def test_a_transformer_has_stages_to_train_and_stop_after(preset: Preset) -> None:
    backbone = resolve_backbone(f"hub:{preset('SigLIP')}", None, None).load()
    assert len(backbone.stages) == 5
    assert [stage.size for stage in backbone.stages] == [4] * 5


@pytest.mark.slow
def test_a_run_on_a_preset_is_trained_described_and_used(
    preset: Preset, image_folder: Callable[..., Path], tmp_path: Path
) -> None:
    flags = {"backbone": f"hub:{preset('DINOv3')}", "policy": "top_stages", "epochs": 1}
    run = tmp_path / "run"
    result = api.finetune(image_folder(3, 12), flags=flags, out=run)
    assert result.plan.backbone.name == flags["backbone"]
    assert "the preset 'preset' of KerasHub" in api.describe(run).text
    shown = CliRunner().invoke(app, ["models", flags["backbone"]]).stdout
    assert "in the preset" in shown and "tlearn suggest FOLDER" in shown
    answered = CliRunner().invoke(app, ["predict", str(run), str(tmp_path / "images")])
    assert answered.exit_code == 0, answered.output


def test_a_size_that_a_transformer_has_no_positions_for_is_an_error(preset: Preset) -> None:
    with pytest.raises(BackboneError, match="96 x 96") as error:
        resolve_backbone(f"hub:{preset('ViT')}", None, 96).load()
    assert "--image-size" in error.value.hint


@pytest.mark.parametrize("name", ["vit_base_patch16_224_imagenet", "./preset"])
def test_without_keras_hub_the_error_says_how_to_install_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    write_preset(tmp_path / "preset", config={"config": {"image_shape": [SIZE, SIZE, 3]}})
    with pytest.raises(BackboneError, match="KerasHub cannot be imported") as error:
        resolve_backbone(f"hub:{name}", None, None).load()
    assert "pip install keras-hub" in error.value.hint


@pytest.mark.parametrize("config", [None, {}, [], {"config": {"image_shape": 3}}, {"config": 1}])
def test_a_folder_that_is_no_preset_is_an_error(config: Any, tmp_path: Path) -> None:
    write_preset(tmp_path / "preset", config)
    result = CliRunner().invoke(app, ["models", f"hub:{tmp_path / 'preset'}"])
    assert result.exit_code == 2 and "not a preset of KerasHub" in result.stderr


def test_a_preset_holds_its_own_weights() -> None:
    with pytest.raises(BackboneError, match="its own"):
        resolve_backbone("hub:./preset", Path("weights.h5"), None)


def write_preset(folder: Path, config: Any) -> None:
    """Files of a preset by name; without a configuration there are none."""
    folder.mkdir()
    for name in PRESET_FILES if config is not None else ():
        (folder / name).write_text(json.dumps(config))
