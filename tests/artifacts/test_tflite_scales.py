"""Scales that LiteRT cannot compute with are found before it tries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ai_edge_litert import schema_py_generated as schema

from tlearn.artifacts.runtime import open_runtime
from tlearn.artifacts.tflite_scales import extreme_scale
from tlearn.backend.litert import pack
from tlearn.errors import ExportError
from tlearn.export.tflite import write_tflite

LABELS = ("horizontal", "vertical", "checks")


def test_a_file_that_would_end_the_process_is_refused(trained: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    write_tflite(trained.model, path, "int8", trained.train_pixels[:60], LABELS, {})
    assert extreme_scale(path.read_bytes()) is None
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes())
    graph, dense = model.subgraphs[0], schema.BuiltinOperator.FULLY_CONNECTED
    for operator in graph.operators:
        if model.operatorCodes[operator.opcodeIndex].builtinCode == dense:
            graph.tensors[operator.outputs[0]].quantization.scale = [1e-9]
    path.write_bytes(pack(model))
    with pytest.raises(ExportError, match="all but vanishes"):
        open_runtime(path)


def test_a_file_in_floating_point_has_no_scales(trained: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    write_tflite(trained.model, path, "none", None, LABELS, {})
    assert extreme_scale(path.read_bytes()) is None
