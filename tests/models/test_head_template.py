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

from tlearn.confidence.novelty import fit_novelty, fit_subspace, level, margins
from tlearn.features.head import centered
from tlearn.models.head_template import (
    head_weights,
    keep_template,
    make_template,
    open_template,
    read_saved,
    read_weights,
    with_weights,
)
from tlearn.models.known_weights import known_stages, known_weights

AXES = 2


@pytest.fixture(scope="module")
def template(small_backbone: Any) -> bytes:
    return make_template(small_backbone, [len(small_backbone.stages)], AXES)


def _head(width: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(classes)
    kernel = rng.normal(size=(width, classes)).astype(np.float32)
    return kernel, rng.normal(size=classes).astype(np.float32)


def _read_head(path: Path, template: bytes) -> tuple[np.ndarray, ...]:
    return (*read_weights(path, template, ["head"])["head"],)


@pytest.mark.parametrize("classes", [2, 7, 300])
def test_keras_loads_the_file_and_predicts_with_the_new_head(
    template: bytes, small_backbone: Any, tmp_path: Path, classes: int
) -> None:
    import keras

    from tlearn.features.linear_head import softmax

    trunk = small_backbone.trunk
    kernel, bias = _head(trunk.output_shape[-1], classes)
    path = tmp_path / "model.keras"
    path.write_bytes(with_weights(template, head_weights(kernel, bias)))
    model = keras.models.load_model(path, compile=False, safe_mode=True)

    images = np.random.default_rng(0).uniform(0, 255, (3, 32, 32, 3)).astype(np.float32)
    embeddings = np.asarray(trunk(images)).mean(axis=(1, 2))
    expected = softmax(embeddings @ kernel + bias)
    np.testing.assert_allclose(model(images)[0], expected, atol=1e-5)
    assert model.output_shape == [(None, classes), (None, 1)]
    assert (model.inputs[0].name, model.output_names) == ("image", ["probabilities", "known"])


@pytest.mark.parametrize("classes", [2, 7])
def test_keras_computes_known_as_it_was_fitted(
    template: bytes, small_backbone: Any, tmp_path: Path, classes: int
) -> None:
    import keras

    from tlearn.models.backbone import head_inputs

    images = np.random.default_rng(0).uniform(0, 255, (20, 32, 32, 3)).astype(np.float32)
    maps = head_inputs(small_backbone, known_stages([len(small_backbone.stages)]))
    read = keras.Model(small_backbone.trunk.inputs[0], maps).predict_on_batch(images)
    pooled = [values.mean(axis=(1, 2)) for values in read]
    kernel, bias = map(centered, _head(pooled[-1].shape[1], classes))
    logits, features = pooled[-1] @ kernel + bias, np.concatenate(pooled, axis=1)
    widths = [part.shape[1] for part in pooled]
    features = level(features, widths)
    subspace = fit_subspace(features, widths, AXES)
    novelty = fit_novelty(subspace, margins(logits), subspace.residuals(features), "val")
    path = tmp_path / "model.keras"
    layers = {**head_weights(kernel, bias), **known_weights(novelty)}
    path.write_bytes(with_weights(template, layers))
    known = keras.models.load_model(path, compile=False)(images)[1]
    np.testing.assert_allclose(known[:, 0], novelty.known(features, logits), atol=1e-3)
    for weights in (read_weights(path, template, layers), read_saved(path, layers)):
        assert weights.keys() == layers.keys()
        for name, written in layers.items():
            for values, original in zip(weights[name], written, strict=True):
                np.testing.assert_array_equal(values, original)


def test_the_head_is_read_back_from_the_file(template: bytes, tmp_path: Path) -> None:
    kernel, bias = _head(256, 5)
    path = tmp_path / "model.keras"
    path.write_bytes(with_weights(template, head_weights(kernel, bias)))
    for read, written in zip(_read_head(path, template), (kernel, bias), strict=True):
        np.testing.assert_array_equal(read, written)


def test_of_a_file_without_a_layer_the_others_are_read(template: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(with_weights(template, head_weights(*_head(256, 5))))
    assert read_saved(path, ["head", "nowhere"]).keys() == {"head"}
    path.write_bytes(b"damaged")
    assert not read_saved(path, ["head"])


def test_a_file_is_made_without_keras_and_equal_to_the_byte(
    template: bytes, tmp_path: Path
) -> None:
    kernel, bias = _head(256, 5)
    np.savez(tmp_path / "head.npz", kernel=kernel, bias=bias)
    (tmp_path / "template.keras").write_bytes(template)
    code = (
        "import sys, numpy; from pathlib import Path\n"
        "from tlearn.models.head_template import head_weights, with_weights\n"
        f"folder = Path({str(tmp_path)!r}); head = numpy.load(folder / 'head.npz')\n"
        "template = (folder / 'template.keras').read_bytes()\n"
        "content = with_weights(template, head_weights(head['kernel'], head['bias']))\n"
        "(folder / 'model.keras').write_bytes(content)\n"
        "assert not {'keras', 'tensorflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    expected = with_weights(template, head_weights(kernel, bias))
    assert (tmp_path / "model.keras").read_bytes() == expected


def test_templates_of_one_backbone_are_equal_to_the_byte(
    template: bytes, small_backbone: Any
) -> None:
    assert make_template(small_backbone, [len(small_backbone.stages)], AXES) == template


@pytest.mark.parametrize("stages", [[2], [3, 4, 5]])
def test_a_head_may_read_any_stages(small_backbone: Any, stages: list[int], tmp_path: Path) -> None:
    import keras

    template = make_template(small_backbone, stages, AXES)
    width = sum(small_backbone.stages[number - 1].width for number in stages)
    path = tmp_path / "model.keras"
    path.write_bytes(with_weights(template, head_weights(*_head(width, 4))))
    assert keras.models.load_model(path, compile=False).output_shape == [(None, 4), (None, 1)]
    assert _read_head(path, template)[0].shape == (width, 4)


def test_a_changed_backbone_is_refused(template: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    whole = with_weights(template, head_weights(*_head(256, 5)))
    with zipfile.ZipFile(io.BytesIO(whole)) as file:
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
        _read_head(path, template)


def test_a_template_is_stored_for_its_backbone_alone(template: bytes, tmp_path: Path) -> None:
    keep_template(tmp_path, "one", template)
    assert open_template(tmp_path, "one") == template
    assert open_template(tmp_path, "two") is None
