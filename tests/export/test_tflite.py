from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from tlearn.artifacts.metadata import read_metadata
from tlearn.artifacts.runtime import run_artifact
from tlearn.errors import ExportError
from tlearn.export.quantization import MODES
from tlearn.export.tflite import write_tflite

LABELS = ("horizontal", "vertical", "checks")


@pytest.fixture(scope="module")
def files(trained: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("files")
    paths = {mode: folder / f"model_{mode}.tflite" for mode in MODES}
    for mode, path in paths.items():
        write_tflite(trained.model, path, mode, trained.train_pixels[:60], LABELS, {"name": "x"})
    return paths


@pytest.mark.parametrize(
    ("mode", "difference"),
    [("none", 1e-5), ("float16", 0.02), ("dynamic", 0.1), ("int8", 0.25), ("int8_float", 0.25)],
)
def test_answers_as_the_model_does(
    files: dict[str, Path], trained: Any, mode: str, difference: float
) -> None:
    probabilities = run_artifact(files[mode], trained.pixels).probabilities
    assert np.abs(probabilities - trained.probabilities).max() < difference
    assert np.mean(probabilities.argmax(1) == trained.labels) > 0.9
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=0.01)


@pytest.mark.parametrize("mode", MODES)
def test_signature_input_and_output(files: dict[str, Path], trained: Any, mode: str) -> None:
    runner = Interpreter(model_path=str(files[mode])).get_signature_runner()
    (input_details,) = runner.get_input_details().values()
    (result,) = runner.get_output_details().values()
    assert list(runner.get_input_details()) == ["image"]
    assert list(runner.get_output_details()) == ["probabilities"]
    assert input_details["shape_signature"].tolist() == [1, 32, 32, 3]
    ends = np.uint8 if mode == "int8" else np.float32
    assert input_details["dtype"] is result["dtype"] is ends
    image = trained.pixels[:1].astype(input_details["dtype"])
    answer = runner(image=image)["probabilities"] * (1 / 256 if mode == "int8" else 1)
    expected = run_artifact(files[mode], trained.pixels[:1]).probabilities
    np.testing.assert_allclose(answer, expected, atol=1e-6)


def test_int8_takes_the_bytes_of_an_image(trained: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    dull = np.clip(trained.train_pixels[:20], 50, 180)
    write_tflite(trained.model, path, "int8", dull, LABELS, {})
    (input_details,) = Interpreter(model_path=str(path)).get_input_details()
    assert input_details["quantization"] == (1.0, 0)
    (result,) = Interpreter(model_path=str(path)).get_output_details()
    assert result["quantization"] == (1 / 256, 0)
    assert (dull.min(), dull.max()) == (50, 180), "the caller's images were written to"


def test_int8_has_a_scale_for_every_channel(files: dict[str, Path]) -> None:
    tensors = Interpreter(model_path=str(files["int8"])).get_tensor_details()
    scales = [len(t["quantization_parameters"]["scales"]) for t in tensors if len(t["shape"]) == 4]
    assert {16, 32} <= set(scales)


@pytest.mark.parametrize(("mode", "ends"), [("int8", 0), ("int8_float", 2)])
def test_int8_has_no_float_inside(files: dict[str, Path], mode: str, ends: int) -> None:
    interpreter = Interpreter(model_path=str(files[mode]))
    floats = [t["name"] for t in interpreter.get_tensor_details() if t["dtype"] is np.float32]
    assert len(floats) == ends, floats


def test_half_and_quarter_of_the_size(trained: Any, files: dict[str, Path]) -> None:
    def weights(mode: str) -> int:
        model = schema.ModelT.InitFromPackedBuf(files[mode].read_bytes())
        return max(0 if b.data is None else len(b.data) for b in model.buffers)

    assert weights("none") == 2 * weights("float16") == 4 * weights("dynamic")
    assert weights("none") == 4 * weights("int8")


def test_the_same_model_gives_the_same_bytes(
    files: dict[str, Path], trained: Any, tmp_path: Path
) -> None:
    again = tmp_path / "again.tflite"
    write_tflite(trained.model, again, "none", None, LABELS, {"name": "x"})
    assert again.read_bytes() == files["none"].read_bytes()


def test_weights_are_aligned(files: dict[str, Path]) -> None:
    content = files["none"].read_bytes()
    model = schema.Model.GetRootAsModel(content)
    base = np.frombuffer(content, np.uint8).__array_interface__["data"][0]
    buffers = [model.Buffers(i) for i in range(model.BuffersLength())]
    starts = [
        b.DataAsNumpy().__array_interface__["data"][0] - base for b in buffers if not b.DataIsNone()
    ]
    assert len(starts) > 5
    assert all(start % 16 == 0 for start in starts)


@pytest.mark.parametrize("mode", MODES)
def test_labels_travel_inside(files: dict[str, Path], mode: str) -> None:
    assert read_metadata(files[mode])["labels"] == LABELS


def test_an_operator_that_litert_lacks(tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    class Beta(keras.layers.Layer):
        def call(self, x: Any) -> Any:
            return tf.math.betainc(x, x, x)

    image = keras.Input((8, 8, 3), name="image")
    pooled = keras.layers.GlobalAveragePooling2D()(Beta()(image))
    model = keras.Model(image, keras.layers.Dense(3, name="probabilities")(pooled))
    path = tmp_path / "model.tflite"
    with pytest.raises(ExportError, match="Betainc") as caught:
        write_tflite(model, path, "none", None, LABELS, {})
    assert "--saved-model" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_an_operator_of_tensorflow_alone_is_refused(tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    class Determinant(keras.layers.Layer):
        def call(self, x: Any) -> Any:
            return x * tf.linalg.det(tf.transpose(x, (0, 3, 1, 2)))[:, None, None]

    image = keras.Input((8, 8, 3), name="image")
    pooled = keras.layers.GlobalAveragePooling2D()(Determinant()(image))
    model = keras.Model(image, keras.layers.Dense(3, name="probabilities")(pooled))
    with pytest.raises(ExportError, match=re.escape("MatrixDeterminant")):
        write_tflite(model, tmp_path / "model.tflite", "none", None, LABELS, {})


def test_labels_have_to_fit(trained: Any, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="2 labels for 3 classes"):
        write_tflite(trained.model, tmp_path / "m.tflite", "none", None, LABELS[:2], {})


def test_int8_needs_images(trained: Any, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="int8 needs images") as caught:
        write_tflite(trained.model, tmp_path / "m.tflite", "int8", None, LABELS, {})
    assert "--quantize dynamic" in caught.value.hint


def test_conversion_is_silent(trained: Any, tmp_path: Path, capfd: Any) -> None:
    write_tflite(trained.model, tmp_path / "m.tflite", "none", None, LABELS, {})
    run_artifact(tmp_path / "m.tflite", trained.pixels[:2])
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""
