"""A file compiled for an NPU."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlearn.artifacts.micro import ETHOS_U, operators_of
from tlearn.errors import ExportError
from tlearn.export.inputs import ExportInputs
from tlearn.export.tflite import write_tflite
from tlearn.export.vela import compile_for_npu

pytest.importorskip("ethosu", reason="Vela is an extra: pip install '.[board]'")


def test_an_int8_network_goes_to_the_npu_whole(known_inputs: ExportInputs, tmp_path: Path) -> None:
    path, inputs = tmp_path / "model_int8.tflite", known_inputs
    write_tflite(inputs.model, path, "int8", inputs.calibration, inputs.class_names, {})
    before = path.read_bytes()
    compiled = compile_for_npu(path, "ethos-u55-64")
    assert compiled.n_on_cpu == 0
    assert operators_of(compiled.content) == {ETHOS_U: 1}
    assert compiled.sram_bytes > 32 * 32 * 3
    assert path.read_bytes() == before


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model_int8.tflite"
    path.write_bytes(b"no network")
    with pytest.raises(ExportError, match="cannot be compiled by Vela"):
        compile_for_npu(path, "ethos-u55-64")
