from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tlearn.errors import ExportError
from tlearn.export.best_of import export_best
from tlearn.export.budget import Budget, BudgetResult
from tlearn.export.parity import Artifact
from tlearn.progress import no_progress

TARGETS = [("tflite", "none"), ("tflite", "dynamic"), ("tflite", "int8")]
SIZES = {"none": 900, "dynamic": 300, "int8": 250}


def write(inputs: Any, folder: Path, target: tuple[str, str]) -> Artifact:
    """An artifact with something that belongs to it; int8 fails the gate."""
    format, quantization = target
    passed = quantization != "int8"
    folder.mkdir()
    (folder / "golden").mkdir()
    (folder / "golden" / f"{quantization}.json").write_text("{}")
    path = folder / f"model_{quantization}{'' if passed else '.failed'}.tflite"
    path.write_bytes(bytes(SIZES[quantization]))
    reason = "" if passed else "accuracy fell"
    size = SIZES[quantization]
    return Artifact(path, format, quantization, size, 1.0, 0.9, 0.0, 5.0, passed, reason)


@pytest.fixture
def keep_best(monkeypatch: pytest.MonkeyPatch) -> Callable[..., BudgetResult]:
    def run(folder: Path, budget: Budget, refused: Sequence[str] = ()) -> BudgetResult:
        def export(inputs: Any, target_folder: Path, target: tuple[str, str]) -> Artifact:
            if target[1] in refused:
                raise ExportError(f"no {target[1]}")
            return write(inputs, target_folder, target)

        monkeypatch.setattr("tlearn.export.best_of.export_artifact", export)
        nothing: Any = None
        return export_best(nothing, TARGETS, folder, budget, no_progress)

    return run


def test_the_best_is_kept_with_what_belongs_to_it(
    tmp_path: Path, keep_best: Callable[..., BudgetResult]
) -> None:
    folder = tmp_path / "new" / "export"
    result = keep_best(folder, Budget(500))
    path = folder / "model_dynamic.tflite"
    assert result.kept is not None and result.kept.path == path
    assert [artifact.path for artifact in result.candidates] == [
        *(Path("model_none.tflite"), path, Path("model_int8.failed.tflite"))
    ]
    files = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    assert files == {"model_dynamic.tflite", "golden/dynamic.json"}
    assert path.stat().st_size == 300


def test_what_stands_there_stays(tmp_path: Path, keep_best: Callable[..., BudgetResult]) -> None:
    (tmp_path / "model_none.tflite").write_text("earlier")
    (tmp_path / "model_dynamic.tflite").write_text("earlier")
    (tmp_path / "model_dynamic.failed.tflite").write_text("earlier")
    (tmp_path / "golden").mkdir()
    (tmp_path / "golden" / "mine.json").touch()
    keep_best(tmp_path, Budget(500))
    assert (tmp_path / "model_none.tflite").read_text() == "earlier"
    assert (tmp_path / "model_dynamic.tflite").stat().st_size == 300
    assert {file.name for file in (tmp_path / "golden").iterdir()} == {"mine.json", "dynamic.json"}
    assert not (tmp_path / "model_dynamic.failed.tflite").exists()


def test_nothing_is_left_where_nothing_fits(
    tmp_path: Path, keep_best: Callable[..., BudgetResult]
) -> None:
    result = keep_best(tmp_path / "export", Budget(100))
    assert result.kept is None
    assert result.nearest.path == Path("model_dynamic.tflite")
    assert not list(tmp_path.rglob("*.tflite")) and not (tmp_path / "export").exists()


def test_a_mode_that_cannot_be_written_leaves_the_others(
    tmp_path: Path, keep_best: Callable[..., BudgetResult]
) -> None:
    result = keep_best(tmp_path, Budget(1000), refused=("dynamic",))
    assert result.kept is not None and result.kept.quantization == "none"
    assert result.errors_by_mode == {"dynamic": "no dynamic"}


def test_nothing_is_left_where_none_can_be_written(
    tmp_path: Path, keep_best: Callable[..., BudgetResult]
) -> None:
    with pytest.raises(ExportError, match="no none"):
        keep_best(tmp_path / "export", Budget(500), refused=tuple(SIZES))
    assert not (tmp_path / "export").exists()
