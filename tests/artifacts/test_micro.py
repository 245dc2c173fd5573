"""A file in TensorFlow Lite Micro: the same answers from fewer bytes, in so much memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tlearn.artifacts.micro import operators_of, output_names, run_micro, slimmed
from tlearn.backend.litert import convert
from tlearn.errors import ExportError
from tlearn.export.inputs import ExportInputs
from tlearn.export.tflite import write_tflite

pytest.importorskip("tflite_micro", reason="TensorFlow Lite Micro has wheels for Linux on x86-64")


@pytest.fixture(scope="module")
def file(known_inputs: ExportInputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn classifier in int8, with both outputs."""
    path = tmp_path_factory.mktemp("int8") / "model_int8.tflite"
    inputs = known_inputs
    write_tflite(inputs.model, path, "int8", inputs.calibration, inputs.class_names, {})
    return path


def test_the_file_without_words_answers_as_the_reference_kernels_do(
    file: Path, known_inputs: ExportInputs
) -> None:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    content, images = file.read_bytes(), list(known_inputs.check.pixels[:20])
    names = output_names(content)
    found = run_micro(slimmed(content), names, images).outputs
    reference = Interpreter(
        model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    run = reference.get_signature_runner()
    for row, image in enumerate(images):
        expected = run(image=image[np.newaxis])
        assert {name: found[name][row].tolist() for name in names} == {
            name: values[0].tolist() for name, values in expected.items()
        }


def test_slimming_takes_more_than_names(file: Path) -> None:
    content = file.read_bytes()
    slim = slimmed(content)
    assert len(slim) < 0.8 * len(content)
    assert b"classifier" not in slim and b"labels.txt" not in slim
    assert operators_of(slim) == operators_of(content)


def test_a_map_is_pooled_before_the_next_ones_are_computed() -> None:
    import keras

    layers = keras.layers
    x = image = keras.Input((32, 32, 3), name="image")
    pooled = []
    for stride in (1, 2, 1):
        x = layers.Conv2D(16, 3, strides=stride, padding="same", activation="relu")(x)
        pooled.append(layers.GlobalAveragePooling2D()(x))
    value = layers.Dense(2, name="value")(layers.Concatenate()(pooled))
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), np.uint8)
    model = keras.Model(image, value)
    content = convert(model, quantization="int8", representative=images, io_dtype="uint8")
    before, after = (run_micro(file, ["value"], images) for file in (content, slimmed(content)))
    assert after.arena_bytes < before.arena_bytes
    assert (after.outputs["value"] == before.outputs["value"]).all()


def test_the_arena_is_as_large_as_it_has_to_be(file: Path, known_inputs: ExportInputs) -> None:
    from tflite_micro.python.tflite_micro import runtime

    content, image = slimmed(file.read_bytes()), known_inputs.check.pixels[0]
    arena = run_micro(content, output_names(file.read_bytes()), [image]).arena_bytes
    runtime.Interpreter.from_bytes(content, arena_size=arena)
    with pytest.raises(RuntimeError):
        runtime.Interpreter.from_bytes(content, arena_size=arena - 256)


def test_operators_are_named_as_a_resolver_adds_them(file: Path) -> None:
    operators = operators_of(file.read_bytes())
    assert {"Conv2D", "MaxPool2D", "FullyConnected", "ReduceMax", "Softmax"} <= operators.keys()
    assert operators["Conv2D"] == 2


def test_an_operator_that_boards_lack_is_named() -> None:
    import keras

    image = keras.Input((8, 8, 3), name="image")
    curved = keras.layers.Activation("gelu")(image)
    model = keras.Model(image, keras.layers.GlobalAveragePooling2D(name="value")(curved))
    images = np.zeros((2, 8, 8, 3), np.uint8)
    content = convert(model, quantization="int8", representative=images, io_dtype="uint8")
    with pytest.raises(ExportError, match="GELU"):
        run_micro(content, output_names(content), images)
