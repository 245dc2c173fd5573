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
from tlearn.models.backbone import load_backbone, up_to
from tlearn.models.catalog import find_backbone
from tlearn.models.classifier import build_classifier
from tlearn.models.keras_file import save_model

ROOT = Path(__file__).parents[2]
IN_ANOTHER_PROCESS = """
import sys
from pathlib import Path
from tests.models.test_keras_file import save_classifier
save_classifier(Path(sys.argv[1]))
"""


def save_classifier(path: Path) -> None:
    """Save a classifier with weights and an optimizer, always the same (Keras numbers its name)."""
    trunk = load_backbone(find_backbone("mobilenet_v3_small_075"), None, 64).trunk
    keras.utils.set_random_seed(1)
    model = build_classifier(trunk, 3)
    model.compile(keras.optimizers.Adam(1e-3, name="adam"), "categorical_crossentropy")
    save_model(model, path)


def test_the_same_model_gives_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    here, there = tmp_path / "here.keras", tmp_path / "there.keras"
    for _ in range(2):  # whatever was built before
        save_classifier(here)
    line = [sys.executable, "-c", IN_ANOTHER_PROCESS, str(there)]
    subprocess.run(line, check=True, cwd=ROOT)
    assert here.read_bytes() == there.read_bytes()
    assert keras.saving.load_model(here, compile=False).output_shape == (None, 3)
    assert sorted(tmp_path.iterdir()) == [here, there]


# Those whose graphs hold layers or operations of Keras's own making, or statistics of pixels.
@pytest.mark.parametrize("name", ["mobilenet_v3_small_075", "efficientnet_b0", "convnext_tiny"])
def test_a_saved_network_gives_the_same_outputs_when_loaded(
    name: str,
    pixels: Callable[..., np.ndarray],
    randomize_statistics: Callable[..., None],
    tmp_path: Path,
) -> None:
    trunk = up_to(load_backbone(find_backbone(name), None, 64), 2).trunk
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


def test_what_keras_leaves_behind_goes_with_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tempfile

    class FullDisk:
        def save(self, path: Path) -> None:
            tempfile.mkdtemp()  # as Keras does, which removes it only if all goes well
            raise OSError(28, "No space left on device")

    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    with pytest.raises(OSError, match="No space"):
        save_model(FullDisk(), tmp_path / "model.keras")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == [temporary] and not list(temporary.iterdir())
    assert tempfile.tempdir == str(temporary)
