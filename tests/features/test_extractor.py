"""The feature extractor: every output is that of Keras, and its file is found again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlearn.features.engine import KERAS, LITERT
from tlearn.features.extractor import (
    EMBEDDING,
    SOURCE,
    extractor_engines,
    make_extractor,
    open_extractor,
    prefix_engines,
    stage_infos,
)
from tlearn.models.catalog import BUILTIN
from tlearn.models.cuts import find_cuts
from tlearn.models.resolve import resolve_backbone

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)


def run(engine: Any, images: np.ndarray = IMAGES) -> np.ndarray:
    return next(engine.run([images]))


def test_outputs_are_the_pooled_stages_and_the_source_classes(
    small_backbone: Any, tmp_path: Path
) -> None:
    extractor = make_extractor(tmp_path, small_backbone)
    rows = run(extractor_engines(extractor, pytest.fail)[LITERT]())
    images = IMAGES.astype(np.float32)
    embeddings = small_backbone.trunk.predict(images, verbose=0).mean((1, 2))
    probabilities = small_backbone.classifier.predict(images, verbose=0)
    np.testing.assert_allclose(rows[:, extractor.columns(EMBEDDING)], embeddings, atol=1e-4)
    np.testing.assert_allclose(rows[:, extractor.columns(SOURCE)], probabilities, atol=1e-5)
    names = ["stage 1", "stage 2", "stage 3", "stage 4", EMBEDDING, SOURCE]
    assert [name for name, _ in extractor.outputs] == names
    assert rows.shape == (6, extractor.width)
    assert extractor.columns("stage 9") is None


def test_outputs_can_be_chosen_and_ordered(small_backbone: Any, tmp_path: Path) -> None:
    extractor = make_extractor(tmp_path, small_backbone)
    rows = run(extractor_engines(extractor, pytest.fail)[LITERT]())
    chosen = run(extractor_engines(extractor, pytest.fail, [SOURCE, "stage 2"])[LITERT]())
    expected = [rows[:, extractor.columns(name)] for name in (SOURCE, "stage 2")]
    np.testing.assert_array_equal(chosen, np.concatenate(expected, axis=1))


def test_an_extractor_is_found_again_by_its_fingerprint(
    small_backbone: Any, tmp_path: Path
) -> None:
    extractor = make_extractor(tmp_path, small_backbone)
    assert open_extractor(tmp_path, small_backbone.fingerprint) == extractor
    assert extractor.stages == stage_infos(small_backbone.stages)
    assert open_extractor(tmp_path, "another") is None
    extractor.path.with_suffix(".json").write_text("{")
    assert open_extractor(tmp_path, small_backbone.fingerprint) is None


def test_the_network_before_a_cut_is_converted_once(small_backbone: Any, tmp_path: Path) -> None:
    import keras

    cut = small_backbone.stages[1].end_cut
    trunk = small_backbone.trunk
    prefix = keras.Model(trunk.inputs[0], find_cuts(trunk)[cut])
    rows = run(prefix_engines(tmp_path, "fingerprint", cut, lambda: prefix)[LITERT]())
    again = run(prefix_engines(tmp_path, "fingerprint", cut, pytest.fail)[LITERT]())
    np.testing.assert_array_equal(rows, again)
    maps = prefix.predict(IMAGES.astype(np.float32), verbose=0).reshape(len(IMAGES), -1)
    np.testing.assert_allclose(rows, maps, atol=1e-4)


def test_the_shipped_extractor_is_that_of_the_shipped_weights(tmp_path: Path) -> None:
    resolved = resolve_backbone(BUILTIN, None, None)
    extractor = open_extractor(tmp_path, resolved.fingerprint)
    assert extractor is not None, (
        "it belongs to other weights: run tools/pack_builtin_backbone.py --features"
    )
    assert dict(extractor.outputs)[SOURCE] > 100
    side = resolved.image_size
    images = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    images = images.repeat(side // 8, axis=1).repeat(side // 8, axis=2)
    engines = extractor_engines(extractor, resolved.load)
    lite, full = (run(engines[name](), images) for name in (LITERT, KERAS))
    np.testing.assert_allclose(lite, full, atol=1e-4 * abs(full).max())


def test_a_folder_is_measured_without_tensorflow(
    image_folder: Callable[..., Path], tmp_path: Path
) -> None:
    folder = image_folder(classes=3, per_class=20)
    code = (
        "import sys; from pathlib import Path; from tlearn import api\n"
        f"advice = api.suggest(Path({str(folder)!r}), flags={{'backbone': 'builtin'}})\n"
        "assert advice.profile and not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
