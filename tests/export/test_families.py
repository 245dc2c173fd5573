"""Every family of keras.applications becomes a file that plain LiteRT runs.

InceptionResNetV2 is left to its siblings: its 55 million weights take half a minute.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from tlearn.backend.litert import convert
from tlearn.backend.silence import silence_output

SMALLEST: dict[str, tuple[int, dict[str, Any]]] = {
    "MobileNet": (32, {"alpha": 0.25}),
    "MobileNetV2": (32, {"alpha": 0.35}),
    "MobileNetV3Small": (32, {"alpha": 0.75}),
    "EfficientNetB0": (32, {}),
    "EfficientNetV2B0": (32, {}),
    "ResNet50": (32, {}),
    "ResNet50V2": (32, {}),
    "DenseNet121": (32, {}),
    "ConvNeXtTiny": (32, {}),
    "NASNetMobile": (32, {}),
    "InceptionV3": (75, {}),
    "Xception": (71, {}),
    "VGG16": (32, {}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALLEST)
def test_float32_file_equals_keras(name: str) -> None:
    import keras

    size, arguments = SMALLEST[name]
    image = keras.Input((size, size, 3), name="image")
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1)(image)
    trunk = getattr(keras.applications, name)(
        weights=None, include_top=False, pooling="avg", input_tensor=scaled, **arguments
    )
    head = keras.layers.Dense(3, "softmax", name="probabilities")
    model = keras.Model(image, [trunk.output, head(trunk.output)])
    pixels = np.random.default_rng(0).uniform(0, 255, (2, size, size, 3)).astype("float32")
    pixels[1] *= np.linspace(0, 1, size)[:, np.newaxis]
    with silence_output():
        expected = [np.array(part) for part in model(pixels, training=False)]
        runner = Interpreter(model_content=convert(model), num_threads=2).get_signature_runner()
    answers = [runner(image=pixel_row[np.newaxis]) for pixel_row in pixels]

    # Random weights answer nearly the same to everything and on any scale: an error has to be
    # small beside the difference between two images.
    for key, part in zip(model.output_names, expected, strict=True):
        outputs = np.concatenate([answer[key] for answer in answers])
        assert np.abs(outputs - part).max() < 1e-3
        if key != "probabilities":
            spread = np.abs(part[0] - part[1]).max()
            assert spread > 0
            assert np.abs(outputs - part).max() < 0.01 * spread
    keras.backend.clear_session()
