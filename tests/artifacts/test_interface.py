"""The input, the output and the labels that an artifact itself holds."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tlearn.artifacts.contract import Tensor
from tlearn.artifacts.extras import EXTRAS
from tlearn.artifacts.interface import Interface, read_interface
from tlearn.errors import ExportError, HostError
from tlearn.export.onnx import write_onnx
from tlearn.export.openvino import write_openvino
from tlearn.export.saved_model import write_saved_model
from tlearn.export.tflite import write_tflite

LABELS = ("a, b", "ü\n☃", "c")
OPEN_BATCH = (
    Tensor("image", (None, 32, 32, 3), "float32"),
    Tensor("probabilities", (None, 3), "float32"),
)


def test_a_litert_file(trained: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    write_tflite(trained.model, path, "none", None, LABELS, {})
    image = Tensor("image", (1, 32, 32, 3), "float32")
    probabilities = Tensor("probabilities", (1, 3), "float32")
    assert read_interface(path) == Interface(
        "serving_default", image, probabilities, None, None, None, LABELS
    )


def test_a_quantized_file_holds_its_scales(trained: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    write_tflite(trained.model, path, "int8", trained.train_pixels[:60], LABELS, {})
    interface = read_interface(path)
    assert interface.input == Tensor("image", (1, 32, 32, 3), "uint8", 1.0, 0)
    assert interface.output == Tensor("probabilities", (1, 3), "uint8", 1 / 256, 0)


def test_a_saved_model(trained: Any, tmp_path: Path) -> None:
    write_saved_model(trained.model, tmp_path / "saved_model", LABELS)
    interface = read_interface(tmp_path / "saved_model")
    assert interface == Interface("serving_default", *OPEN_BATCH, None, None, None, LABELS)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("extra", "name", "write"),
    [("onnx", "model.onnx", write_onnx), ("openvino", "model.xml", write_openvino)],
)
def test_formats_of_extras(trained: Any, tmp_path: Path, extra: str, name: str, write: Any) -> None:
    if not all(map(find_spec, EXTRAS[extra])):
        pytest.skip(f"tlearn[{extra}] is not installed")
    write(trained.model, tmp_path / name, LABELS, {})
    assert read_interface(tmp_path / name) == Interface("", *OPEN_BATCH, None, None, None, LABELS)


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("these are my notes")
    with pytest.raises(ExportError, match="not an artifact"):
        read_interface(tmp_path / "notes.txt")
    (tmp_path / "model.tflite").write_text("these are my notes")
    with pytest.raises(ExportError, match="cannot read"):
        read_interface(tmp_path / "model.tflite")


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ai_edge_litert.interpreter", None)
    (tmp_path / "model.tflite").touch()
    with pytest.raises(HostError, match="ai_edge_litert") as error:
        read_interface(tmp_path / "model.tflite")
    assert "pip install" in error.value.hint
