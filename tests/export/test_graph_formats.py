"""ONNX and OpenVINO: files that their own runtimes run, and that answer as Keras does."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlearn.artifacts.contract import LAYOUTS
from tlearn.artifacts.extras import EXTRAS, import_openvino, require_extra
from tlearn.artifacts.interface import read_interface
from tlearn.artifacts.metadata import NOTES
from tlearn.artifacts.runtime import open_runtime, run_artifact
from tlearn.artifacts.verification import check_artifact
from tlearn.errors import ExportError, HostError
from tlearn.export.formats import FORMATS, artifact_path, find_format
from tlearn.export.onnx import write_onnx
from tlearn.export.openvino import write_openvino
from tlearn.export.parity import compare_with_model
from tlearn.export.write import export_artifact, write_and_check

LABELS = ("a, b", "ü\n☃", "c")
ABOUT = {"name": "drawn [x]", "image_size": 32, "resize": "squash"}
WRITERS = {"onnx": write_onnx, "openvino": write_openvino}


def installed(extra: str) -> str:
    """Skip the test where an extra is missing; to import OpenVINO would be to be counted."""
    if not all(map(find_spec, EXTRAS[extra])):
        pytest.skip(f"pip install -e '.[{extra}]'")
    return extra


@pytest.fixture(params=WRITERS)
def format(request: pytest.FixtureRequest) -> str:
    """Each of the two, skipped where its extra is not installed."""
    return installed(request.param)


@pytest.fixture
def write(format: str, tmp_path: Path) -> Callable[[Any], Path]:
    """Write a model in the format; gives the path."""

    def write(model: Any) -> Path:
        path = tmp_path / FORMATS[format].file
        WRITERS[format](model, path, LABELS, ABOUT)
        return path

    return write


def many(path: Path, pixels: np.ndarray) -> np.ndarray:
    """What a file says of a batch, by a plain call of its runtime."""
    inputs = {"image": pixels.astype(np.float32)}
    if path.suffix == ".xml":
        compiled = (
            import_openvino()
            .Core()
            .compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        )
        return np.array(compiled(inputs)["probabilities"])
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return np.array(session.run(["probabilities"], inputs)[0])


def network(*layers: Any) -> Any:
    """Layers between an image and three probabilities, with weights that make a difference."""
    import keras

    keras.utils.set_random_seed(0)
    image = x = keras.Input((32, 32, 3), name="image")
    for layer in layers:
        x = layer(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, keras.layers.Dense(3, "softmax", name="probabilities")(x))


STUMBLING_BLOCKS = (
    *("normalization", "groups", "depthwise groups", "gelu", "layer norm", "hard swish"),
    "first blocks of EfficientNet",
)


def stumbling_block(name: str) -> Any:
    """A network with something that converters are known to break on."""
    import keras
    from keras import layers

    scaled, wide = layers.Rescaling(1 / 50, offset=-2.5), layers.Conv2D(8, 1)
    if name == "first blocks of EfficientNet":
        # Its Normalization layers used to become inputs that nobody could fill.
        trunk = keras.applications.EfficientNetB0(False, None, input_shape=(32, 32, 3))
        return network(keras.Model(trunk.input, trunk.get_layer("block2b_add").output))
    plain = {
        "normalization": (
            layers.Normalization(mean=(120, 110, 100), variance=(60, 61, 62)),
            layers.Conv2D(8, 3, activation="swish"),
        ),
        "groups": (scaled, wide, layers.Conv2D(8, 3, groups=4)),
        "depthwise groups": (scaled, wide, layers.Conv2D(8, 7, groups=8)),
        "gelu": (scaled, layers.Conv2D(8, 3, activation="gelu")),
        "layer norm": (scaled, wide, layers.LayerNormalization()),
        "hard swish": (scaled, layers.Conv2D(8, 3, use_bias=False, activation="hard_silu"), wide),
    }
    return network(*plain[name])


def test_answers_as_the_model_does(write: Callable[[Any], Path], trained: Any) -> None:
    path = write(trained.model)
    actual = run_artifact(path, trained.pixels).probabilities
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, trained.probabilities, atol=1e-5)
    for size in (1, 3, 7):
        answers = many(path, trained.pixels[:size])
        np.testing.assert_allclose(answers, trained.probabilities[:size], atol=1e-5)


@pytest.mark.parametrize("name", STUMBLING_BLOCKS)
def test_stumbling_blocks(write: Callable[[Any], Path], name: str) -> None:
    model = stumbling_block(name)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    pixels[1] //= 4
    expected = model.predict(pixels.astype("float32"), verbose=0)
    assert np.ptp(expected, axis=0).max() > 1e-4, "the network answers the same to everything"
    answers = run_artifact(write(model), pixels).probabilities
    np.testing.assert_allclose(answers, expected, atol=5e-6)


def test_scalars_leave_no_transpositions(tmp_path: Path) -> None:
    installed("onnx")
    import onnx

    write_onnx(stumbling_block("hard swish"), tmp_path / "model.onnx", LABELS, {})
    nodes = onnx.load(tmp_path / "model.onnx").graph.node
    assert sum(node.op_type == "Transpose" for node in nodes) == 1


def test_onnx_carries_labels_metadata_and_an_open_batch(trained: Any, tmp_path: Path) -> None:
    installed("onnx")
    import onnx

    path = tmp_path / "model.onnx"
    write_onnx(trained.model, path, LABELS, ABOUT)
    proto = onnx.load(path)
    onnx.checker.check_model(proto, full_check=True)
    noted = {entry.key: entry.value for entry in proto.metadata_props}
    assert json.loads(noted.pop("labels")) == list(LABELS)
    how = {"layout": "NHWC", "color_order": "RGB", "range": "0 to 255"}
    assert noted == {key: str(value) for key, value in ABOUT.items()} | how
    for end, name, rest in (
        (proto.graph.input, "image", [32, 32, 3]),
        (proto.graph.output, "probabilities", [3]),
    ):
        assert [value.name for value in end] == [name]
        batch, *others = end[0].type.tensor_type.shape.dim
        assert batch.dim_param == "batch" and [dim.dim_value for dim in others] == rest


@pytest.mark.parametrize("layout", LAYOUTS)
def test_onnx_takes_the_order_of_axes_that_it_names_and_no_other(
    trained: Any, tmp_path: Path, layout: str
) -> None:
    """Programs that do not look at the shape of an input meet an error, and no wrong answer."""
    installed("onnx")
    from onnx.reference import ReferenceEvaluator

    path = tmp_path / "model.onnx"
    write_onnx(trained.model, path, LABELS, ABOUT, layout)
    assert read_interface(path).images["layout"] == layout
    assert open_runtime(path).shape == (32, 32, 3)
    answers = run_artifact(path, trained.pixels).probabilities
    np.testing.assert_allclose(answers, trained.probabilities, atol=1e-5)
    color_last = trained.pixels[:2].astype(np.float32)
    orders = {"NHWC": color_last, "NCHW": color_last.transpose(0, 3, 1, 2)}
    program = ReferenceEvaluator(str(path))
    np.testing.assert_allclose(
        program.run(None, {"image": orders.pop(layout)})[0], answers[:2], atol=1e-5
    )
    (other,) = orders.values()
    with pytest.raises((TypeError, ValueError), match="Mul"):
        program.run(None, {"image": other})


def test_the_contract_says_the_order_of_axes(trained: Any, tmp_path: Path) -> None:
    installed("onnx")
    inputs = replace(trained.inputs(), layout="NCHW")
    artifact = export_artifact(inputs, tmp_path, ("onnx", "none"))
    report = check_artifact(artifact.path)
    assert report.passed
    assert report.contract.preprocessing.layout == "NCHW"
    assert report.contract.input.shape == (None, 3, 32, 32)
    other = export_artifact(inputs, tmp_path, ("tflite", "none"))
    assert check_artifact(other.path).contract.preprocessing.layout == "NHWC"


def test_openvino_needs_no_room_among_temporary_files(
    trained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed("openvino")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "full"))
    with monkeypatch.context() as changed:
        changed.setattr("tlearn.export.openvino.silence_output", nullcontext)
        write_openvino(trained.model, tmp_path / "model.xml", LABELS, ABOUT)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.bin", "model.xml"]


def test_openvino_carries_labels_and_metadata(trained: Any, tmp_path: Path) -> None:
    installed("openvino")
    path = tmp_path / "model.xml"
    write_openvino(trained.model, path, LABELS, ABOUT)
    network = import_openvino().Core().read_model(str(path))
    assert json.loads(network.get_rt_info([NOTES, "labels"]).astype(str)) == list(LABELS)
    assert network.get_rt_info([NOTES, "name"]).astype(str) == ABOUT["name"]
    assert network.input("image").partial_shape.to_string() == "[?,32,32,3]"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["model.bin", "model.xml"]


def test_a_place_that_is_taken(write: Callable[[Any], Path], format: str, tmp_path: Path) -> None:
    (tmp_path / FORMATS[format].file).mkdir()
    with pytest.raises(HostError, match="Is a directory"):
        write(network())


def test_an_operator_that_is_lacking_is_named(write: Callable[[Any], Path], tmp_path: Path) -> None:
    import keras
    import tensorflow as tf

    class Beta(keras.layers.Layer):
        def call(self, x: Any) -> Any:
            return tf.math.betainc(x, x, x)

    with pytest.raises(ExportError, match="Betainc, which the layer 'beta' needs") as caught:
        write(network(Beta(name="beta")))
    assert "--tflite" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_labels_have_to_fit(trained: Any, format: str, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="2 labels for 3 classes"):
        WRITERS[format](trained.model, tmp_path / FORMATS[format].file, LABELS[:2], {})


def test_writing_and_running_are_silent(
    write: Callable[[Any], Path], trained: Any, capfd: Any
) -> None:
    run_artifact(write(trained.model), trained.pixels[:2])
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


def test_the_whole_way_and_a_failed_gate(format: str, trained: Any, tmp_path: Path) -> None:
    inputs = trained.inputs()
    good = write_and_check(inputs, tmp_path, (format, "none"))
    assert good.passed and good.agreement == 1.0 and good.milliseconds > 0
    parts = sorted(tmp_path.iterdir())
    assert good.size_bytes == sum(part.stat().st_size for part in parts)

    failed = compare_with_model(replace(inputs, max_drop=-1.0), good.path, (format, "none"))
    assert not failed.passed and failed.path.exists()
    renamed = sorted(f"{part.stem}.failed{part.suffix}" for part in parts)
    assert sorted(part.name for part in tmp_path.iterdir()) == renamed
    assert open_runtime(failed.path)(trained.pixels[0]).probabilities.shape == (3,)


def test_broken_files_are_refused(format: str, tmp_path: Path) -> None:
    path = tmp_path / FORMATS[format].file
    path.write_text("this is not a model")
    with pytest.raises(ExportError, match="cannot run") as error:
        open_runtime(path)
    assert "core.cpp" not in error.value.message
    with pytest.raises(ExportError, match="cannot read"):
        read_interface(path)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tlearn.artifacts.extras.find_spec", lambda name: None)
    for extra in ("onnx", "openvino"):
        with pytest.raises(HostError, match=EXTRAS[extra][0]) as error:
            require_extra(extra)
        assert f".[{extra}]" in error.value.hint
        with pytest.raises(HostError, match="not installed"):
            find_format(extra, "none")
        for look in (open_runtime, read_interface):
            with pytest.raises(HostError, match="not installed"):
                look(tmp_path / FORMATS[extra].file)


def test_formats_and_modes_that_are_not(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="coreml"):
        find_format("coreml", "none")
    with pytest.raises(ExportError, match="no mode 'int8'"):
        find_format("saved_model", "int8")
    assert artifact_path(tmp_path, FORMATS["tflite"], "int8").name == "model_int8.tflite"
    assert artifact_path(tmp_path, FORMATS["saved_model"], "none").name == "saved_model"
