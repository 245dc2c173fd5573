"""What is checked before anything is served."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tlearn import api
from tlearn.commands.serve import serve
from tlearn.errors import ExportError, GateError, HostError


@pytest.fixture(scope="module")
def exported(linear_head_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TLEARN_CACHE", str(linear_head_run / "cache"))
        out = tmp_path_factory.mktemp("to-serve") / "export"
        (artifact,) = api.export(linear_head_run / "run", [("tflite", "none")], out=out)
    return artifact.path


def test_other_machines_need_a_token(exported: Path) -> None:
    with pytest.raises(HostError, match=r"'0\.0\.0\.0' lets other machines ask") as error:
        serve(exported, "0.0.0.0", 0)
    assert error.value.hint.endswith("--token TOKEN")
    serve(exported, "0.0.0.0", 0, "secret").listener.close()


def test_a_file_that_was_changed_is_not_served(exported: Path, tmp_path: Path) -> None:
    changed = Path(shutil.copytree(exported.parent, tmp_path / "export")) / exported.name
    changed.write_bytes(changed.read_bytes() + b"x")
    with pytest.raises(GateError, match="does not keep its contract") as error:
        serve(changed, port=0)
    assert error.value.hint.endswith(f"tlearn check {changed}")
    with pytest.raises(ExportError):
        serve(tmp_path / "missing.tflite", port=0)


def test_packages_that_are_missing_are_named(
    exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tlearn.artifacts.extras.find_spec", lambda name: None)
    with pytest.raises(HostError, match="starlette, uvicorn") as error:
        serve(exported, port=0)
    assert error.value.hint.endswith("pip install '.[serve]'")
