"""What int8 costs is counted on images of classes that the head could have known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tlearn.commands.int8_cost import measure_int8_cost
from tlearn.commands.session import Session
from tlearn.features.head import CrossValidation
from tlearn.suggestion.depth_profile import HeadScore

N_CLASSES = 205
"""More than half of the images that are looked at by default, so that there are two of each."""


@pytest.fixture
def colors(tmp_path: Path) -> Path:
    """Hundreds of classes, each a color of its own: six images of a slightly different shade."""
    rng = np.random.default_rng(0)
    for label in range(N_CLASSES):
        folder = tmp_path / "colors" / f"{label:03}"
        folder.mkdir(parents=True)
        color = np.array([label % 6, label // 6 % 6, label // 36]) * 45 + 10
        for number in range(6):
            shade = tuple((color + rng.integers(-4, 5, 3)).tolist())
            Image.new("RGB", (32, 32), shade).save(folder / f"{number}.png")
    return tmp_path / "colors"


def test_of_hundreds_of_classes_none_is_held_out_that_no_head_has_seen(
    colors: Path, tiny_backbone_flags: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def quarter_lost(classifier: Any, calibration: np.ndarray, pixels: Any) -> np.ndarray:
        import keras

        network = keras.Model(classifier.inputs[0], classifier.get_layer("head").input)
        embeddings: np.ndarray = network.predict(pixels[:].astype(np.float32), verbose=0)
        embeddings[::4] = 0  # every fourth image says nothing any more
        return embeddings

    monkeypatch.setattr("tlearn.features.int8.int8_embeddings", quarter_lost)
    with Session(colors, None, tiny_backbone_flags) as session:
        workspace = session.extract_features(session.open_workspace())
        score = HeadScore((5,), CrossValidation(1e-3, np.zeros((0, N_CLASSES)), 1.0, (1.0,)))
        cost = measure_int8_cost(session, workspace, score)
    assert cost.n_images == 2 * N_CLASSES
    assert cost.accuracy > 0.5  # a class that is held out alone is never answered rightly
    assert cost.drop == pytest.approx(cost.accuracy / 4, abs=0.05) and not cost.passes_gate
