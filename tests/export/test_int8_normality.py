"""What good images are like, learned again from what int8 gives."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
from sklearn.metrics import roc_auc_score

from tests.stripes import learn, network, scratched, textures
from tlearn.backend.litert import convert
from tlearn.confidence.answers import ANOMALY
from tlearn.export.int8_normality import relearn_for_int8
from tlearn.features.engine import LiteRTEngine
from tlearn.models.one_class import judged_layers, set_normality


def in_int8(model: keras.Model, good: np.ndarray, pixels: np.ndarray, path: Path) -> np.ndarray:
    content = convert(model, quantization="int8", representative=good, in_int8=judged_layers(model))
    path.write_bytes(content)
    (answers,) = LiteRTEngine(path, [ANOMALY]).run([pixels])
    return answers[:, 0]


def test_a_file_whose_backbone_is_in_int8_tells_bad_from_good(tmp_path: Path) -> None:
    model, good = network(), textures(60, 0)
    set_normality(model, learn(model, good))
    before = model.get_weights()
    tested = np.concatenate([textures(40, 3), scratched(textures(40, 4))[0]])
    with relearn_for_int8(model, good.astype(np.uint8)):
        answers = in_int8(model, good, tested, tmp_path / "model.tflite")
    assert roc_auc_score(np.repeat([0, 1], 40), answers) > 0.9
    assert np.mean(answers[:40] > 0.95) < 0.2
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
