"""The formats: which there are, which modes they have, and where their files go."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlearn.errors import ExportError, HostError
from tlearn.export.formats import FORMATS, artifact_path, find_format
from tlearn.export.quantization import MODES


def test_only_litert_files_are_quantized() -> None:
    assert set(FORMATS["tflite"].modes) == set(MODES)
    assert all(FORMATS[name].modes == ("none",) for name in FORMATS if name != "tflite")


@pytest.mark.parametrize(
    ("name", "mode", "words"),
    [("coreml", "none", "no format 'coreml'"), ("onnx", "int8", "no mode 'int8'")],
)
def test_what_there_is_not_is_refused(name: str, mode: str, words: str) -> None:
    with pytest.raises(ExportError, match=words) as error:
        find_format(name, mode)
    assert error.value.hint


def test_a_format_whose_packages_are_missing_says_how_to_get_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tlearn.artifacts.extras.find_spec", lambda name: None)
    with pytest.raises(HostError) as error:
        find_format("openvino", "none")
    assert ".[openvino]" in error.value.hint


@pytest.mark.parametrize(
    ("name", "mode", "file"),
    [
        ("tflite", "none", "model.tflite"),
        ("tflite", "int8", "model_int8.tflite"),
        ("openvino", "none", "model.xml"),
        ("saved_model", "none", "saved_model"),
    ],
)
def test_names_of_files(name: str, mode: str, file: str) -> None:
    assert artifact_path(Path("out"), FORMATS[name], mode) == Path("out", file)
