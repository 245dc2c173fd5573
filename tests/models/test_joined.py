"""Backbones side by side: one input, the last stages of each, and one head on all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tlearn.artifacts.runtime import run_artifact
from tlearn.export.tflite import write_tflite
from tlearn.features.extractor import litert_engine, make_extractor
from tlearn.features.linear_head import softmax
from tlearn.models.head_template import head_weights, make_template, with_weights
from tlearn.models.joined import classifier_stages, load_own_backbone
from tlearn.models.resolve import resolve_backbone

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)
STAGES = [1, 2, 3, 4, 5]


@pytest.fixture(scope="module")
def joined(tiny_backbone: Path, tinier_backbone: Path) -> Any:
    """One of five stages beside one of two: their layers have the same names."""
    return resolve_backbone(f"{tiny_backbone}+{tinier_backbone}", None, None).load()


@pytest.fixture(scope="module")
def saved(joined: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Any]:
    """A classifier with a head on all stages, and that head."""
    rng = np.random.default_rng(1)
    width = sum(stage.width for stage in joined.stages)
    kernel, bias = rng.normal(size=(width, 3)).astype("float32"), np.zeros(3, "float32")
    path = tmp_path_factory.mktemp("joined") / "model.keras"
    path.write_bytes(with_weights(make_template(joined, STAGES, 2), head_weights(kernel, bias)))
    return path, kernel, bias


def test_its_stages_are_the_last_ones_of_each_with_all_their_weights(
    joined: Any, tiny_backbone: Path, tinier_backbone: Path
) -> None:
    parts = [load_own_backbone(path) for path in (tiny_backbone, tinier_backbone)]
    assert [stage.name for stage in joined.stages] == [f"stage {n}" for n in STAGES]
    widths = [stage.width for part in parts for stage in part.stages[-3:]]
    assert [stage.width for stage in joined.stages] == widths
    n_weights = [sum(stage.parameters for stage in one.stages) for one in (*parts, joined)]
    assert n_weights[0] + n_weights[1] == n_weights[2] == joined.spec.parameters


def test_its_features_are_those_of_its_parts(
    joined: Any, tiny_backbone: Path, tinier_backbone: Path, tmp_path: Path
) -> None:
    rows = next(litert_engine(make_extractor(tmp_path, joined)).run([IMAGES]))
    alone = []
    for path in (tiny_backbone, tinier_backbone):
        extractor = make_extractor(tmp_path, load_own_backbone(path))
        outputs = extractor.stage_outputs[-3:]
        alone.append(next(litert_engine(extractor, outputs).run([IMAGES])))
    np.testing.assert_allclose(rows, np.concatenate(alone, axis=1), atol=1e-4)


def test_the_saved_classifier_answers_as_the_head_on_stored_features(
    joined: Any, saved: tuple[Path, Any, Any], tmp_path: Path
) -> None:
    path, kernel, bias = saved
    model = keras.models.load_model(path, compile=False, safe_mode=True)
    assert len(model.inputs) == 1 and len({layer.name for layer in model.layers}) == len(
        model.layers
    )
    probabilities, _ = model.predict(IMAGES.astype("float32"), verbose=0)
    rows = next(litert_engine(make_extractor(tmp_path, joined)).run([IMAGES]))
    np.testing.assert_allclose(probabilities, softmax(rows @ kernel + bias), atol=1e-4)
    write_tflite(model, tmp_path / "model.tflite", "none", IMAGES, ("a", "b", "c"), {"name": "x"})
    answers = run_artifact(tmp_path / "model.tflite", IMAGES).probabilities
    np.testing.assert_allclose(answers, probabilities, atol=1e-4)


def test_a_saved_classifier_is_read_as_the_networks_that_its_head_reads(
    saved: tuple[Path, Any, Any],
) -> None:
    own = load_own_backbone(saved[0])
    assert own.joined and own.classifier is not None and len(own.stages) == len(STAGES)
    again = keras.models.load_model(saved[0], compile=False, safe_mode=True)
    assert [end.shape[-1] for end in classifier_stages(again)] == [s.width for s in own.stages]


def test_relatives_do_not_share_names_of_layers() -> None:
    name = "efficientnet_lite0+efficientnet_lite1"
    backbone = resolve_backbone(name, None, 64, random_seed=0).load()
    assert backbone.spec.name == name and len(backbone.stages) == 6
    names = [operation.name for operation in backbone.trunk.operations]
    assert len({*names}) == len(names)
