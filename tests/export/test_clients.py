"""MediaPipe Tasks, a client that tlearn has no part in, runs our LiteRT files as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tlearn.backend.silence import silence_output
from tlearn.export.inputs import ExportInputs
from tlearn.export.quantization import MODES
from tlearn.export.tflite import write_tflite

LABELS = ("horizontal", "vertical", "checks")

mediapipe = pytest.importorskip(
    "mediapipe", reason="MediaPipe is not installed: pip install -e '.[clients]'"
)


def classify(path: Path, images: np.ndarray) -> list[tuple[str, float]]:
    """The best class of each image, by name, as MediaPipe says it."""
    tasks = mediapipe.tasks
    options = tasks.vision.ImageClassifierOptions(
        base_options=tasks.BaseOptions(model_asset_path=str(path)), max_results=1
    )
    answers = []
    with silence_output(), tasks.vision.ImageClassifier.create_from_options(options) as classifier:
        for pixels in images:
            image = mediapipe.Image(mediapipe.ImageFormat.SRGB, np.ascontiguousarray(pixels))
            (best,) = classifier.classify(image).classifications[0].categories
            answers.append((best.category_name, best.score))
    return answers


@pytest.mark.parametrize("model", ["inputs", "known_inputs"])
@pytest.mark.parametrize("mode", MODES)
def test_mediapipe_names_the_right_class(
    request: pytest.FixtureRequest, tmp_path: Path, mode: str, model: str
) -> None:
    inputs: ExportInputs = request.getfixturevalue(model)
    path = tmp_path / "model.tflite"
    write_tflite(inputs.model, path, mode, inputs.calibration, LABELS, {"name": "drawn"})
    answers_of_client = classify(path, np.asarray(inputs.check.pixels[:30]))
    expected = inputs.expected.probabilities[:30]
    names = [LABELS[index] for index in expected.argmax(1)]
    same = [name == answer for name, (answer, _) in zip(names, answers_of_client, strict=True)]
    assert np.mean(same) > 0.9
    scores = np.array([score for _, score in answers_of_client])
    tolerance = 1e-4 if mode == "none" else 0.1
    assert np.median(np.abs(scores - expected.max(1))) < tolerance
