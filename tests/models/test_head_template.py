from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tlearn.models.head_template import (
    keep_template,
    make_template,
    open_template,
    read_head,
    with_head,
)


@pytest.fixture(scope="module")
def template(small_backbone: Any) -> bytes:
    return make_template(small_backbone, [len(small_backbone.stages)])


def _head(width: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(classes)
    kernel = rng.normal(size=(width, classes)).astype(np.float32)
    return kernel, rng.normal(size=classes).astype(np.float32)


@pytest.mark.parametrize("classes", [2, 7, 211, 300])
def test_keras_reads_the_file_and_answers_with_the_new_head(
    template: bytes, small_backbone: Any, tmp_path: Path, classes: int
) -> None:
    import keras

    from tlearn.features.linear_head import softmax

    trunk = small_backbone.trunk
    kernel, bias = _head(trunk.output_shape[-1], classes)
    path = tmp_path / "model.keras"
    path.write_bytes(with_head(template, kernel, bias))
    model = keras.models.load_model(path, compile=False, safe_mode=True)

    images = np.random.default_rng(0).uniform(0, 255, (3, 32, 32, 3)).astype(np.float32)
    embeddings = np.asarray(trunk(images)).mean(axis=(1, 2))
    expected = softmax(embeddings @ kernel + bias)
    np.testing.assert_allclose(model(images), expected, atol=1e-5)
    assert model.output_shape == (None, classes)
    assert (model.inputs[0].name, model.output_names) == ("image", ["probabilities"])


def test_the_head_is_read_back_from_the_file(template: bytes, tmp_path: Path) -> None:
    kernel, bias = _head(256, 5)
    path = tmp_path / "model.keras"
    path.write_bytes(with_head(template, kernel, bias))
    for found, written in zip(read_head(path, template), (kernel, bias), strict=True):
        np.testing.assert_array_equal(found, written)


def test_a_changed_backbone_is_noticed(template: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(io.BytesIO(with_head(template, *_head(256, 5)))) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    weights = io.BytesIO(parts["model.weights.h5"])
    with h5py.File(weights, "r+") as layers:
        kernel = layers["layers/conv2d/vars/0"]
        kernel[0, 0, 0, 0] += 1e-3
    parts["model.weights.h5"] = weights.getvalue()
    with zipfile.ZipFile(path, "w") as file:
        for name, content in parts.items():
            file.writestr(name, content)
    with pytest.raises(ValueError, match="layers/conv2d/vars/0"):
        read_head(path, template)


def test_a_template_is_kept_for_its_backbone_alone(template: bytes, tmp_path: Path) -> None:
    keep_template(tmp_path, "one", template)
    assert open_template(tmp_path, "one") == template
    assert open_template(tmp_path, "two") is None
