from __future__ import annotations

from pathlib import Path

import pytest

from tlearn.errors import ExportError
from tlearn.export.best_of import Write, export_best
from tlearn.export.budget import Budget
from tlearn.export.parity import Artifact

FORMATS = [("tflite", "none"), ("tflite", "dynamic"), ("tflite", "int8")]
SIZES = {"none": 900, "dynamic": 300, "int8": 250}


def write(folder: Path, format: str, quantization: str) -> Artifact:
    """An artefact with something that belongs to it; int8 fails the gate."""
    passed = quantization != "int8"
    folder.mkdir()
    (folder / "golden").mkdir()
    (folder / "golden" / f"{quantization}.json").write_text("{}")
    path = folder / f"model_{quantization}{'' if passed else '.failed'}.tflite"
    path.write_bytes(bytes(SIZES[quantization]))
    reason = "" if passed else "accuracy fell"
    size = SIZES[quantization]
    return Artifact(path, format, quantization, size, 1.0, 0.9, 0.0, 5.0, passed, reason)


def test_the_best_is_kept_with_what_belongs_to_it(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "export"
    found = export_best(write, FORMATS, folder, Budget(500))
    path = folder / "model_dynamic.tflite"
    assert found.kept is not None and found.kept.path == path
    assert [one.path for one in found.candidates] == [
        *(Path("model_none.tflite"), path, Path("model_int8.failed.tflite"))
    ]
    files = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    assert files == {"model_dynamic.tflite", "golden/dynamic.json"}
    assert path.stat().st_size == 300


def test_what_stands_there_stays(tmp_path: Path) -> None:
    (tmp_path / "model_none.tflite").write_text("earlier")
    (tmp_path / "model_dynamic.tflite").write_text("earlier")
    (tmp_path / "model_dynamic.failed.tflite").write_text("earlier")
    (tmp_path / "golden").mkdir()
    (tmp_path / "golden" / "mine.json").touch()
    export_best(write, FORMATS, tmp_path, Budget(500))
    assert (tmp_path / "model_none.tflite").read_text() == "earlier"
    assert (tmp_path / "model_dynamic.tflite").stat().st_size == 300
    assert {file.name for file in (tmp_path / "golden").iterdir()} == {"mine.json", "dynamic.json"}
    assert not (tmp_path / "model_dynamic.failed.tflite").exists()


def test_nothing_is_left_where_nothing_fits(tmp_path: Path) -> None:
    found = export_best(write, FORMATS, tmp_path / "export", Budget(100))
    assert found.kept is None
    assert found.nearest.path == Path("model_dynamic.tflite")
    assert not list(tmp_path.rglob("*.tflite")) and not (tmp_path / "export").exists()


def refuse(*modes: str) -> Write:
    def writer(folder: Path, format: str, quantization: str) -> Artifact:
        if quantization in modes:
            raise ExportError(f"no {quantization}")
        return write(folder, format, quantization)

    return writer


def test_a_mode_that_cannot_be_written_leaves_the_others(tmp_path: Path) -> None:
    found = export_best(refuse("dynamic"), FORMATS, tmp_path, Budget(1000))
    assert found.kept is not None and found.kept.quantization == "none"
    assert found.errors_by_mode == {"dynamic": "no dynamic"}


def test_nothing_is_left_where_none_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="no none"):
        export_best(refuse(*SIZES), FORMATS, tmp_path / "export", Budget(500))
    assert not (tmp_path / "export").exists()
