"""Files of a finished run: every mode, what they are held against, and a place that is closed."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.finished_run import Train
from tlearn import api
from tlearn.artifacts.contract_file import read_contract
from tlearn.artifacts.metadata import read_metadata
from tlearn.commands import export as exporting
from tlearn.errors import ExportError, HostError, RecipeError, RunError
from tlearn.export.budget import Budget
from tlearn.export.parity import Artifact

FILE = Artifact(Path("model.tflite"), "tflite", "none", 9_000, 1.0, 0.95, 0.0, 3.6, True, "")
TARGETS = [("tflite", "none")]
LOOSE = api.ExportOptions(max_drop=0.5)


def test_every_mode_of_litert_is_written_checked_and_labeled(finished_run: Path) -> None:
    modes = ("none", "float16", "dynamic", "int8", "int8_float")
    artifacts = api.export(finished_run, [("tflite", mode) for mode in modes], options=LOOSE)
    assert tuple(artifact.quantization for artifact in artifacts) == modes
    assert all(a.passed and a.path.exists() and a.size_bytes > 1000 for a in artifacts)
    assert artifacts[0].agreement == 1.0
    assert read_metadata(artifacts[0].path)["labels"] == ("circle", "square", "stripes")


def test_a_file_that_fails_the_gate_says_so_in_its_name(finished_run: Path) -> None:
    # No file passes this gate: a drop of nothing exceeds -1.
    (artifact,) = api.export(finished_run, TARGETS, options=api.ExportOptions(max_drop=-1.0))
    assert not artifact.passed
    assert artifact.path.name == "model.failed.tflite"


@pytest.mark.parametrize("within", [False, True])
@pytest.mark.parametrize("out", [None, "closed"])
def test_a_place_that_cannot_be_written_is_met_before_the_model_is_read(
    within: bool, out: str | None, finished_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []

    def refuse(dir: Path) -> None:
        raise PermissionError(errno.EACCES, "")

    options: dict[str, Any] = {"out": finished_run / out if out else None}
    options["progress"] = lambda step, *_: steps.append(step)
    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(HostError, match="Permission denied") as error:
        if within:
            api.export_within(finished_run, TARGETS, Budget(1e6), **options)
        else:
            api.export(finished_run, TARGETS, **options)
    assert "--out" in error.value.hint
    assert not steps and not (finished_run / (out or "export")).exists()


def test_a_format_that_cannot_hold_the_network_leaves_the_others(
    finished_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise ExportError("LiteRT has no operator for it", "use another format: --saved-model")

    (finished_run / "export").mkdir()
    (finished_run / "export" / "model_float16.tflite").write_text("earlier")
    write = exporting.export_artifact

    def export(inputs: Any, folder: Path, target: tuple[str, str]) -> Artifact:
        return (refuse if target[1] == "float16" else write)(inputs, folder, target)

    monkeypatch.setattr(exporting, "export_artifact", export)
    targets = [("tflite", "float16"), ("tflite", "none")]
    failed, written = api.export(finished_run, targets, options=LOOSE)
    assert written.passed and written.path.is_file()
    assert not failed.passed and failed.size_bytes == 0
    assert failed.failure == "could not be written: LiteRT has no operator for it"
    assert failed.advice == ("use another format: --saved-model",)
    with pytest.raises(ExportError, match="no operator"):
        api.export(finished_run, targets[:1])


def test_nothing_but_the_files_is_left_in_the_folder(finished_run: Path) -> None:
    api.export(finished_run, [*TARGETS, ("saved_model", "none")], options=LOOSE)
    assert {path.name for path in (finished_run / "export").iterdir()} == {
        *("model.tflite", "model.contract.json", "golden"),
        *("saved_model", "saved_model.contract.json"),
    }


def test_a_run_that_is_not_there_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="does not exist"):
        api.export(tmp_path / "nope", TARGETS, out=tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_point_is_chosen_on_the_answers_of_each_file_and_obeyed_by_check(
    train: Train, image_folder: Callable[..., Path]
) -> None:
    folder = image_folder(classes=2, per_class=30, name="two")
    _, run = train(folder, "two_run")
    options = replace(LOOSE, choice=api.Choice("square", min_sensitivity=0.5))
    targets = [("tflite", "none"), ("tflite", "int8")]
    artifacts = api.export(run.path, targets, options=options)
    for artifact in artifacts:
        contract, _ = read_contract(artifact.path)
        point = contract.operating_point
        assert point and point == artifact.operating_point and point.positive == "square"
        result = api.check(artifact.path, folder / "circle")
        for answer in result.predictions or ():
            found = dict(answer.top)["square"] >= point.threshold
            assert answer.label in ("", "square" if found else "circle")
        scored = api.check(artifact.path, folder)
        assert scored.sensitivity and scored.sensitivity.level == 0.5
        assert scored.scores and scored.scores.judged
        measured = scored.scores.judged.operating_point
        assert measured and measured.threshold == point.threshold
    mixed = image_folder(classes=1, per_class=80, name="mixed")
    (mixed / "circle").rename(mixed / "square")
    broken = api.check(artifacts[0].path, mixed)
    assert broken.sensitivity and not broken.sensitivity.holds and not broken.passed


def test_without_a_choice_the_rule_that_the_run_keeps_is_followed(
    train: Train, image_folder: Callable[..., Path]
) -> None:
    _, run = train(image_folder(classes=2, per_class=12, name="two"), "two_run")
    (plain,) = api.export(run.path, TARGETS)
    assert plain.operating_point is None
    api.evaluate(run.path, choice=api.Choice("circle", min_sensitivity=0.5), keep=True)
    (artifact,) = api.export(run.path, TARGETS)
    point = artifact.operating_point
    assert point and (point.positive, point.chosen_by) == ("circle", "sensitivity 0.5")


def test_more_than_two_classes_have_no_operating_point(finished_run: Path) -> None:
    options = api.ExportOptions(choice=api.Choice(min_sensitivity=0.9))
    with pytest.raises(RecipeError, match="--min-sensitivity is for two classes"):
        api.export(finished_run, TARGETS, options=options)
    assert not (finished_run / "export").exists()


def test_the_best_file_within_a_budget_is_kept_alone(finished_run: Path) -> None:
    (large,) = api.export(finished_run, TARGETS, out=finished_run / "large")
    budget = Budget(0.8 * large.size_bytes)
    targets = [("tflite", "none"), ("tflite", "float16")]
    result = api.export_within(finished_run, targets, budget, options=LOOSE)
    assert result.kept is not None and result.kept.quantization == "float16"
    assert not result.suggestions
    files = {path.name for path in (finished_run / "export").iterdir() if path.is_file()}
    assert files == {"model_float16.tflite", "model_float16.contract.json"}


def test_where_nothing_fits_the_suggestions_name_the_images(
    finished_run: Path, run_images: Path
) -> None:
    result = api.export_within(finished_run, TARGETS, Budget(1e3))
    assert result.kept is None and not (finished_run / "export").exists()
    assert any(str(run_images) in way for way in result.suggestions)


def test_snippets_are_written_for_litert_files_that_passed(
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


def test_nothing_is_exported_through_a_link(finished_run: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (finished_run / "export").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="export' is a link"):
        api.export(finished_run, TARGETS)
    assert not any((tmp_path / "elsewhere").iterdir())
