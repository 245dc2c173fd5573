from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tlearn.commands import export as exporting
from tlearn.errors import HostError, RunError
from tlearn.export.budget import Budget
from tlearn.export.parity import Artifact
from tlearn.runs.directory import RunDirectory

FILE = Artifact(Path("model.tflite"), "tflite", "none", 9_000, 1.0, 0.95, 0.0, 3.6, True, "")


@pytest.mark.parametrize("export", [exporting.export, exporting.export_within])
@pytest.mark.parametrize("out", [None, "closed"])
def test_a_place_that_cannot_be_written_is_met_before_the_model_is_read(
    export: Any, out: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unread = SimpleNamespace(directory=RunDirectory(tmp_path))
    opened = SimpleNamespace(open=lambda *_: unread)
    monkeypatch.setattr(exporting, "TrainedRun", opened)
    monkeypatch.setattr(os, "access", lambda place, mode: False)
    more = [Budget(1e6)] if export is exporting.export_within else []
    with pytest.raises(HostError, match="Permission denied") as error:
        export(tmp_path, [("tflite", "none")], *more, out=tmp_path / out if out else None)
    assert "--out" in error.value.hint and not list(tmp_path.iterdir())


def test_a_run_that_is_not_there_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="does not exist"):
        exporting.export(tmp_path / "nope", [("tflite", "none")], out=tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_programs_are_written_around_litert_files_that_passed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        exporting, "write_snippet", lambda path, platform: path.with_suffix(f".{platform}")
    )
    artifacts = [
        FILE,
        replace(FILE, path=Path("model_int8.failed.tflite"), passed=False),
        replace(FILE, path=Path("saved_model"), format="saved_model"),
    ]
    assert exporting.write_snippets(artifacts, ["ios", "web"]) == [
        *(Path("model.ios"), Path("model.web"))
    ]
    assert exporting.write_snippets(artifacts, []) == []
