"""A Keras network becomes a LiteRT file that keeps its names and takes the batch it should."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from tlearn.backend.litert import convert
from tlearn.errors import BackboneError


@pytest.fixture(scope="module")
def model() -> Any:
    import keras
    from keras import layers

    image = keras.Input((16, 16, 3), name="image")
    z = layers.Conv2D(4, 3, name="zebra")(image)
    a = layers.Conv2D(4, 3, name="ant")(z)
    m = layers.GlobalAveragePooling2D(name="mole")(a)
    return keras.Model(image, [z, a, m])


PIXELS = np.random.default_rng(0).uniform(0, 1, (3, 16, 16, 3)).astype("float32")


def test_outputs_keep_their_names_in_any_order(model: Any) -> None:
    expected = dict(zip(model.output_names, model.predict(PIXELS[:1], verbose=0), strict=True))
    runner = Interpreter(model_content=convert(model)).get_signature_runner("serving_default")
    outputs = runner(image=PIXELS[:1])
    assert set(outputs) == {"zebra", "ant", "mole"}
    for name, value in expected.items():
        np.testing.assert_allclose(outputs[name], value, atol=1e-5)


def test_the_batch_may_be_of_any_size(model: Any) -> None:
    interpreter = Interpreter(model_content=convert(model, batch=None))
    (tensor,) = interpreter.get_input_details()
    assert tensor["shape_signature"].tolist() == [-1, 16, 16, 3]
    interpreter.resize_tensor_input(tensor["index"], (3, 16, 16, 3), strict=True)
    interpreter.allocate_tensors()
    interpreter.set_tensor(tensor["index"], PIXELS)
    interpreter.invoke()
    sizes = {output["name"]: output["shape"][0] for output in interpreter.get_output_details()}
    assert set(sizes.values()) == {3}


def test_the_batch_may_be_of_one_size(model: Any) -> None:
    (tensor,) = Interpreter(model_content=convert(model, batch=2)).get_input_details()
    assert tensor["shape_signature"].tolist() == [2, 16, 16, 3]


def test_wrong_arguments_are_named(model: Any) -> None:
    with pytest.raises(ValueError, match="'int4'"):
        convert(model, quantization="int4")
    with pytest.raises(ValueError, match="representative"):
        convert(model, quantization="int8")


def test_the_import_needs_no_tensorflow() -> None:
    code = "import sys, tlearn.backend.litert; print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "False"


def test_an_operator_that_litert_lacks_is_named() -> None:
    import keras
    import tensorflow as tf

    class Beta(keras.layers.Layer):
        def call(self, x: Any) -> Any:
            return tf.math.betainc(x, x, x)

    image = keras.Input((4, 4, 3), name="image")
    with pytest.raises(BackboneError, match="no operator for Betainc") as error:
        convert(keras.Model(image, Beta()(image)))
    assert "--saved-model" in error.value.hint and error.value.hint.endswith("--backbone NAME")


def test_int8_tells_each_value_of_a_pixel_from_the_next() -> None:
    """A step that scales pixels before it shifts them would leave two thirds of the values."""
    import keras
    from keras import layers

    image = keras.Input((16, 16, 1), name="image")
    scaled = layers.Rescaling(1 / 127.5, -1.0)(image)
    model = keras.Model(
        image, layers.Conv2D(1, 3, padding="same", kernel_initializer="ones")(scaled)
    )
    flat = np.broadcast_to(np.arange(256, dtype=np.uint8).reshape(-1, 1, 1, 1), (256, 16, 16, 1))
    content = convert(model, quantization="int8", representative=flat, io_dtype="uint8")
    runner = Interpreter(model_content=content).get_signature_runner("serving_default")
    (name,) = model.output_names
    answers = {int(runner(image=values[np.newaxis])[name][0, 8, 8, 0]) for values in flat}
    assert len(answers) > 250


def test_an_image_that_is_scaled_twice_converts_to_int8_all_the_same() -> None:
    import keras
    from keras import layers

    image = keras.Input((8, 8, 3), name="image")
    ways = [layers.Rescaling(1 / 127.5, -1.0)(image), layers.Rescaling(1 / 255)(image)]
    model = keras.Model(image, layers.GlobalAveragePooling2D()(layers.Concatenate()(ways)))
    pixels = np.random.default_rng(1).uniform(0, 255, (4, 8, 8, 3)).astype(np.float32)
    content = convert(model, quantization="int8", representative=pixels)
    runner = Interpreter(model_content=content).get_signature_runner("serving_default")
    (answer,) = runner(image=pixels[:1]).values()
    np.testing.assert_allclose(answer, model.predict(pixels[:1], verbose=0), atol=0.05)


def test_a_sigmoid_in_int8_answers_beyond_what_set_its_range() -> None:
    """A stranger's logit, far below those of all calibration images, was clipped to the least."""
    import keras
    from keras import layers

    image = keras.Input((2,), name="image")
    answer = layers.Dense(1, "sigmoid", name="known")
    model = keras.Model(image, answer(image))
    answer.set_weights([np.array([[4.0], [-4.0]]), np.zeros(1)])
    usual = np.repeat(np.linspace(0, 1, 20, dtype=np.float32)[:, np.newaxis], 2, axis=1)
    for io_dtype in ("float32", "uint8"):
        content = convert(model, quantization="int8", representative=usual, io_dtype=io_dtype)
        runner = Interpreter(model_content=content).get_signature_runner("serving_default")
        unusual = np.array([[0, 255 if io_dtype == "uint8" else 1]], io_dtype)
        (found,) = runner(image=unusual).values()
        found = found / 256 if io_dtype == "uint8" else found
        assert found.item() == pytest.approx(0.018, abs=0.005)
