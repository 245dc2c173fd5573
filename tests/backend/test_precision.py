"""A model of any precision is exported in float32."""

from __future__ import annotations

from typing import Any

import numpy as np

from tlearn.backend.precision import as_float32


def network(policy: str) -> Any:
    import keras
    from keras import layers

    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy(policy)
    try:
        keras.utils.set_random_seed(1)
        image = keras.Input((16, 16, 3), name="image")
        x = layers.Conv2D(8, 3)(layers.Rescaling(1 / 255)(image))
        x = layers.BatchNormalization()(x) * 2.0 + x
        x = keras.Sequential([layers.Conv2D(8, 2), layers.LayerNormalization()])(x)
        x = layers.GlobalAveragePooling2D()(keras.ops.relu(x + 3.0))
        return keras.Model(image, layers.Dense(3, "softmax", name="probabilities")(x))
    finally:
        keras.mixed_precision.set_dtype_policy(before)


def test_a_float32_model_is_returned_itself() -> None:
    model = network("float32")
    assert as_float32(model) is model


def test_mixed_precision_becomes_float32() -> None:
    model, reference = network("mixed_bfloat16"), network("float32")
    reference.set_weights(model.get_weights())
    plain = as_float32(model)
    pixels = np.random.default_rng(0).uniform(0, 255, (4, 16, 16, 3)).astype("float32")
    expected = reference.predict(pixels, verbose=0)
    assert "bfloat16" in {layer.compute_dtype for layer in model.layers}
    np.testing.assert_allclose(plain.predict(pixels, verbose=0), expected, atol=1e-5)
    assert {layer.compute_dtype for layer in plain.layers} == {"float32"}
    assert plain.output_names == ["probabilities"]
    assert plain.inputs[0].name == "image"
