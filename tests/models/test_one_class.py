"""The network of one class: what its record computes, in every runtime, on drawn textures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.stripes import PLACES, SIDE, learn, network, scratched, textures
from tlearn.backend.litert import convert
from tlearn.confidence.false_alarms import choose_threshold
from tlearn.confidence.normality import Normality
from tlearn.features.engine import LiteRTEngine
from tlearn.models.one_class import (
    ANOMALY,
    MAP,
    normality_features,
    one_class_maps,
    set_normality,
)


@pytest.fixture(scope="module")
def learned() -> tuple[keras.Model, Normality]:
    model = network()
    normality = learn(model, textures(60, 0))
    set_normality(model, normality)
    return model, normality


def test_the_network_computes_what_its_record_does(learned: tuple, tmp_path: Path) -> None:
    model, normality = learned
    images = np.concatenate([textures(6, 1), scratched(textures(6, 2))[0]])
    *features, patches = normality_features(model).predict_on_batch(images)
    anomaly, heat = normality.score(features, patches)
    by_keras = model.predict_on_batch(images)
    assert by_keras[0].shape == (12, 1)
    np.testing.assert_allclose(by_keras[0][:, 0], anomaly, atol=1e-4)
    np.testing.assert_allclose(by_keras[1], heat, atol=1e-4)
    path = tmp_path / "one_class.tflite"
    path.write_bytes(convert(model))
    (by_litert,) = LiteRTEngine(path, (ANOMALY, MAP)).run([images])
    np.testing.assert_allclose(by_litert[:, 0], anomaly, atol=1e-4)
    np.testing.assert_allclose(by_litert[:, 1:], heat.reshape(12, -1), atol=1e-4)


def test_with_weights_in_int8_it_still_tells_bad_from_good(learned: tuple, tmp_path: Path) -> None:
    path = tmp_path / "dynamic.tflite"
    path.write_bytes(convert(learned[0], quantization="dynamic"))
    tested = np.concatenate([textures(40, 3), scratched(textures(40, 4))[0]])
    (rows,) = LiteRTEngine(path, (ANOMALY,)).run([tested])
    assert roc_auc_score(np.repeat([0, 1], 40), rows[:, 0]) > 0.9


def test_it_answers_a_half_before_it_has_learned() -> None:
    anomaly, heat = network().predict_on_batch(textures(2, 0))
    assert np.all(anomaly == 0.5)
    assert np.all(heat == 0.5)


def test_it_is_saved_and_read_back(learned: tuple, tmp_path: Path) -> None:
    model, _ = learned
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    for one, other in zip(
        model.predict_on_batch(textures(3, 1)), again.predict_on_batch(textures(3, 1)), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_a_scratch_is_seen_and_the_map_peaks_at_it(learned: tuple) -> None:
    model, _ = learned
    good = model.predict_on_batch(textures(60, 3))[0][:, 0]
    images, middles = scratched(textures(60, 4))
    anomaly, heat = model.predict_on_batch(images)
    truth = np.repeat([0, 1], 60)
    assert roc_auc_score(truth, np.concatenate([good, anomaly[:, 0]])) > 0.95
    peaks = np.stack(np.unravel_index(heat.reshape(60, -1).argmax(axis=1), (PLACES, PLACES)), 1)
    apart = np.abs((peaks + 0.5) * SIDE / PLACES - middles).max(axis=1)
    assert np.mean(apart <= 2 * SIDE / PLACES) > 0.75  # .4 by chance


def test_another_texture_is_seen(learned: tuple) -> None:
    model, _ = learned
    other = model.predict_on_batch(textures(40, 5, period=11))[0]
    assert np.median(other) > 0.99


def test_the_threshold_keeps_its_false_alarms_on_fresh_images(learned: tuple) -> None:
    model, normality = learned
    chosen = choose_threshold(normality.held_out, 0.1)
    fresh = model.predict_on_batch(textures(400, 6))[0]
    assert 0.01 < np.mean(fresh >= chosen.threshold) <= chosen.interval[1]


def test_the_places_are_fine_and_the_whole_is_of_the_last_stages(small_backbone: Any) -> None:
    whole, places = one_class_maps(small_backbone)
    assert [map.shape[1] for map in whole] == [4, 2, 1]
    assert places.shape[1] == 16  # none of its maps has 20 places a side
