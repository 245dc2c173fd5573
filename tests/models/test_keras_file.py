"""Model files: equal models give equal bytes, which Keras loads."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.models.keras_networks import assert_close, outputs
from tlearn.models.backbone import load_backbone
from tlearn.models.catalog import find_backbone
from tlearn.models.keras_file import save_model

SAVE = """
import sys
from pathlib import Path

import keras

from tlearn.models.backbone import load_backbone
from tlearn.models.catalog import find_backbone
from tlearn.models.classifier import build_classifier
from tlearn.models.keras_file import save_model

path, *built_before = sys.argv[1:]
for name in built_before:
    load_backbone(find_backbone(name), None, 64)
trunk = load_backbone(find_backbone("mobilenet_v3_small_075"), None, 64).trunk
keras.utils.set_random_seed(1)
model = build_classifier(trunk, 3)
model.compile(keras.optimizers.Adam(1e-3), "categorical_crossentropy")
save_model(model, Path(path))
"""


def test_the_same_model_gives_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    paths = tmp_path / "a.keras", tmp_path / "b.keras"
    for path, built_before in zip(paths, ([], ["mobilenet_v3_small_075"]), strict=True):
        subprocess.run([sys.executable, "-c", SAVE, str(path), *built_before], check=True)
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    assert keras.saving.load_model(paths[0], compile=False).output_shape == (None, 3)
    assert sorted(tmp_path.iterdir()) == sorted(paths)


# Those whose graphs hold layers or operations of Keras's own making, or statistics of pixels.
@pytest.mark.parametrize("name", ["mobilenet_v3_small_075", "efficientnet_b0", "convnext_tiny"])
def test_a_saved_network_gives_the_same_outputs_when_loaded(
    name: str,
    pixels: Callable[..., np.ndarray],
    randomize_statistics: Callable[..., None],
    tmp_path: Path,
) -> None:
    trunk = load_backbone(find_backbone(name), None, 64).trunk
    randomize_statistics(trunk)
    save_model(trunk, tmp_path / "trunk.keras")
    loaded = keras.saving.load_model(tmp_path / "trunk.keras", safe_mode=True)
    images = pixels(64)
    assert_close(outputs(loaded, images), outputs(trunk, images))


def test_dates_are_fixed_and_addresses_are_numbered(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    save_model(load_backbone(find_backbone("mobilenet_025"), None, 32).trunk, path)
    with zipfile.ZipFile(path) as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        metadata = json.loads(archive.read("metadata.json"))
        config = archive.read("config.json").decode()
    assert metadata == {"keras_version": keras.__version__, "date_saved": "1980-01-01@00:00:00"}
    numbers = {int(number) for number in re.findall(r'"shared_object_id": (\d+)', config)}
    assert numbers == set(range(len(numbers))) != set()
