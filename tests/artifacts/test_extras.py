"""A format whose packages are missing says how to install them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tlearn.artifacts.extras import EXTRAS, require_extra
from tlearn.errors import HostError


@pytest.mark.parametrize("extra", EXTRAS)
def test_a_missing_package_is_named_with_the_command_that_installs_it(
    extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tlearn.artifacts.extras.find_spec", lambda name: None)
    with pytest.raises(HostError, match=EXTRAS[extra][0]) as error:
        require_extra(extra)
    assert error.value.hint.endswith(f"pip install '.[{extra}]'")


def test_only_the_packages_that_are_needed_count(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = {"onnxruntime": "spec"}
    monkeypatch.setattr("tlearn.artifacts.extras.find_spec", installed.get)
    require_extra("onnx", ("onnxruntime",))
    with pytest.raises(HostError, match=r"not installed: tf2onnx, onnx$"):
        require_extra("onnx")


def test_onnx_runtime_leaves_nothing_in_the_temporary_folder(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    program = "from tlearn.artifacts.extras import import_onnxruntime as load; load()"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    assert not [*tmp_path.iterdir()]
