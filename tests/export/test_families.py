"""Every family of keras.applications and every classic becomes a file that plain LiteRT runs.

InceptionResNetV2 is left to its siblings: its 55 million weights take half a minute.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from tlearn.backend.litert import convert
from tlearn.backend.silence import silence_output
from tlearn.models.backbone import load_backbone
from tlearn.models.catalog import CATALOG
from tlearn.models.classics import BUILDERS
from tlearn.models.classifier import build_classifier

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


CLASSICS = [
    spec.name
    for spec in CATALOG.values()
    if spec.builder in BUILDERS and spec.name not in ("fitnet_4", "wide_resnet_28_10")
]


def _model_of_keras(name: str) -> Any:
    import keras

    size, arguments = SMALLEST[name]
    image = keras.Input((size, size, 3), name="image")
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1)(image)
    trunk = getattr(keras.applications, name)(
        weights=None, include_top=False, pooling="avg", input_tensor=scaled, **arguments
    )
    head = keras.layers.Dense(3, "softmax", name="probabilities")
    return keras.Model(image, [trunk.output, head(trunk.output)])


def _classic_model(name: str) -> Any:
    import keras

    spec = CATALOG[name]
    classifier = build_classifier(load_backbone(spec, None, spec.min_image_size).trunk, 3)
    embedding = classifier.get_layer("embedding").output
    return keras.Model(classifier.inputs[0], [embedding, classifier.outputs[0]])


@pytest.mark.slow
@pytest.mark.parametrize("name", [*SMALLEST, *CLASSICS])
def test_float32_file_equals_keras(name: str) -> None:
    import keras

    model = _model_of_keras(name) if name in SMALLEST else _classic_model(name)
    size = model.input_shape[1]
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
        # 54 residual units without learned statistics amplify: PyramidNet's map is large.
        assert np.abs(outputs - part).max() < 1e-3 * max(1, np.abs(part).max())
        if key != "probabilities":
            spread = np.abs(part[0] - part[1]).max()
            assert spread > 0
            assert np.abs(outputs - part).max() < 0.01 * spread
    keras.backend.clear_session()
