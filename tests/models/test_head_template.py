"""Model files with a solved head, made from a template without Keras."""

from __future__ import annotations

import io
import subprocess
import sys
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


@pytest.mark.parametrize("classes", [2, 7, 300])
def test_keras_loads_the_file_and_predicts_with_the_new_head(
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
    for read, written in zip(read_head(path, template), (kernel, bias), strict=True):
        np.testing.assert_array_equal(read, written)


def test_a_file_is_made_without_keras_and_equal_to_the_byte(
    template: bytes, tmp_path: Path
) -> None:
    kernel, bias = _head(256, 5)
    np.savez(tmp_path / "head.npz", kernel=kernel, bias=bias)
    (tmp_path / "template.keras").write_bytes(template)
    code = (
        "import sys, numpy; from pathlib import Path\n"
        "from tlearn.models.head_template import with_head\n"
        f"folder = Path({str(tmp_path)!r}); head = numpy.load(folder / 'head.npz')\n"
        "template = (folder / 'template.keras').read_bytes()\n"
        "content = with_head(template, head['kernel'], head['bias'])\n"
        "(folder / 'model.keras').write_bytes(content)\n"
        "assert not {'keras', 'tensorflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (tmp_path / "model.keras").read_bytes() == with_head(template, kernel, bias)


def test_templates_of_one_backbone_are_equal_to_the_byte(
    template: bytes, small_backbone: Any
) -> None:
    assert make_template(small_backbone, [len(small_backbone.stages)]) == template


@pytest.mark.parametrize("stages", [[2], [3, 4, 5]])
def test_a_head_may_read_any_stages(small_backbone: Any, stages: list[int], tmp_path: Path) -> None:
    import keras

    template = make_template(small_backbone, stages)
    width = sum(small_backbone.stages[number - 1].width for number in stages)
    path = tmp_path / "model.keras"
    path.write_bytes(with_head(template, *_head(width, 4)))
    assert keras.models.load_model(path, compile=False).output_shape == (None, 4)
    assert read_head(path, template)[0].shape == (width, 4)


def test_a_changed_backbone_is_refused(template: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(io.BytesIO(with_head(template, *_head(256, 5)))) as file:
        members = {name: file.read(name) for name in file.namelist()}
    weights = io.BytesIO(members["model.weights.h5"])
    with h5py.File(weights, "r+") as layers:
        kernel = layers["layers/conv2d/vars/0"]
        kernel[0, 0, 0, 0] += 1e-3
    members["model.weights.h5"] = weights.getvalue()
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    with pytest.raises(ValueError, match="layers/conv2d/vars/0"):
        read_head(path, template)


def test_a_template_is_stored_for_its_backbone_alone(template: bytes, tmp_path: Path) -> None:
    keep_template(tmp_path, "one", template)
    assert open_template(tmp_path, "one") == template
    assert open_template(tmp_path, "two") is None
