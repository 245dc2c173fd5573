"""The oldest runtime of a file is what its converter says, and versions compare as versions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from tests.trained_model import TrainedModel
from tlearn.artifacts.least_runtime import LAST_TFLITE_RUNTIME, is_newer, least_runtime
from tlearn.backend.litert import convert, pack


def test_weights_in_int8_alone_need_a_newer_runtime(tmp_path: Path) -> None:
    import keras

    image = keras.Input((64,), name="image")
    network = keras.Model(image, keras.layers.Dense(64)(image))
    needed = {}
    for mode in ("none", "float16", "dynamic", "int8"):
        path = tmp_path / f"{mode}.tflite"
        values = np.eye(64) if mode == "int8" else None
        path.write_bytes(convert(network, quantization=mode, representative=values))
        needed[mode] = least_runtime(path)
    newer = {mode for mode, version in needed.items() if is_newer(version, LAST_TFLITE_RUNTIME)}
    assert all(needed.values()) and newer == {"dynamic"}


def test_a_file_that_does_not_say_needs_nothing(trained: TrainedModel, tmp_path: Path) -> None:
    model = schema.ModelT.InitFromPackedBuf(convert(trained.model))
    model.metadata = []
    path = tmp_path / "model.tflite"
    path.write_bytes(pack(model))
    assert least_runtime(path) == "" and not is_newer("", "1.0")


@pytest.mark.parametrize(
    ("version", "other", "newer"),
    [
        ("2.14.0", "2.14", False),
        ("2.14.4", "2.14", True),
        ("2.9", "2.14", False),
        ("2.17.0", "2.14.0", True),
        ("1.15.0", "2.0", False),
    ],
)
def test_numbers_are_compared_not_letters(version: str, other: str, newer: bool) -> None:
    assert is_newer(version, other) is newer
