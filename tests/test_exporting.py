from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tlearn import exporting
from tlearn.export.parity import Artefact

FILE = Artefact(Path("model.tflite"), "tflite", "none", 9_000, 1.0, 0.95, 0.0, 3.6, True, "")


def test_programs_are_written_around_litert_files_that_passed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        exporting, "write_program", lambda path, platform: path.with_suffix(f".{platform}")
    )
    artefacts = [
        FILE,
        replace(FILE, path=Path("model_int8.failed.tflite"), passed=False),
        replace(FILE, path=Path("saved_model"), format="saved_model"),
    ]
    assert exporting.write_snippets(artefacts, ["ios", "web"]) == [
        *(Path("model.ios"), Path("model.web"))
    ]
    assert exporting.write_snippets(artefacts, []) == []
