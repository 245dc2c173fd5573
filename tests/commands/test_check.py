"""An exported file scores folders and classifies loose images, with its contract alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import SHAPES
from tlearn import api
from tlearn.artifacts.contract import Contract, Preprocessing, Tensor
from tlearn.commands.check_images import classify, score_folder
from tlearn.confidence.answer_sets import AnswerSets
from tlearn.confidence.answers import Answer
from tlearn.confidence.confidence import Confidence, KnownScale
from tlearn.data.manifest import SplitManifest
from tlearn.errors import DataError, ExportError, RunError
from tlearn.evaluation.predictions import Prediction
from tlearn.evaluation.scores import Scores
from tlearn.progress import no_progress
from tlearn.storage.digest import digest_of_file

KNOWN = 0.5
LABELS = tuple(list(SHAPES)[:3])
CONTRACT = Contract(
    version=1,
    tlearn="0",
    file=None,
    sha256=None,
    format="tflite",
    quantization="none",
    signature="serving_default",
    input=Tensor("image", (1, 16, 16, 3), "float32"),
    preprocessing=Preprocessing.of(16, "squash"),
    output=Tensor("probabilities", (1, 3), "float32"),
    labels=LABELS,
    provenance={},
    tolerance=0.001,
    golden=(),
    refuse=0.05,
    confidence=Confidence(
        known=KnownScale("val", 100, tuple(np.linspace(0, 1, 41).tolist())),
        sets=(AnswerSets(0.9, 0.3, 100),),
    ),
)


class NearestColor:
    """A classifier of drawn shapes: each has a color of its own."""

    shape = (16, 16, 3)

    def __call__(self, image: np.ndarray) -> Answer:
        assert image.shape == self.shape and image.dtype == np.uint8
        colors = np.array([SHAPES[label] for label in LABELS])
        far = np.abs(image.mean((0, 1)) - 128 - (colors - 128) * 0.3).sum(1)
        return Answer(np.exp(-far) / np.exp(-far).sum(), KNOWN)


def scored(source: Path, manifest: SplitManifest | None = None) -> Scores:
    return score_folder(NearestColor(), CONTRACT, source, manifest, no_progress)[0]


def classified(source: Path) -> tuple[Prediction, ...]:
    return classify(NearestColor(), CONTRACT, source, no_progress)[0]


def test_a_folder_of_classes_is_scored(image_folder: Callable[..., Path]) -> None:
    folder = image_folder(per_class=6)
    seen: list[tuple[Any, ...]] = []
    scores, kept = score_folder(
        NearestColor(), CONTRACT, folder, None, lambda *step: seen.append(step)
    )
    report = scores.report
    assert scores.trained_on is None
    assert kept.known and kept.known.share == 1 and kept.coverage[0].n == 18
    assert report.n == 18 and report.accuracy > 0.5 and report.classes == LABELS
    assert seen[-1][1:] == (18, 18)


def test_each_image_is_opened_once_and_not_at_all_the_next_time(
    image_folder: Callable[..., Path], opened: list[str]
) -> None:
    folder = image_folder(per_class=3)
    digests = [digest_of_file(path) for path in sorted(folder.rglob("*.png"))]
    manifest = SplitManifest(
        LABELS, (*digests,), np.arange(9) // 3, ("train", "val", "test") * 3, (*digests,), "test", 0
    )
    opened.clear()
    first = scored(folder, manifest)
    assert len(opened) == len({*opened}) == 9 and first.trained_on == 6
    assert scored(folder, manifest).to_json() == first.to_json()
    assert len(classified(folder)) == 9
    assert len(opened) == 9


def test_the_folder_that_one_stands_in_has_a_name(
    image_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = image_folder(per_class=2)
    monkeypatch.chdir(folder)
    assert scored(Path()).report.split == folder.name


def test_a_ready_made_test_split_is_what_counts(image_folder: Callable[..., Path]) -> None:
    folder = image_folder(splits=("train", "test"), per_class=4)
    assert scored(folder).report.n == 12


def test_loose_images_are_answered(image_folder: Callable[..., Path]) -> None:
    folder = image_folder(per_class=2) / "circle"
    (folder / "broken.png").write_bytes(b"")
    answers = classified(folder)
    assert [bool(answer.problem) for answer in answers] == [True, False, False]
    assert {answer.label for answer in answers} <= {*LABELS, ""}
    assert len(classified(folder / "circle_0.png")) == 1


def test_an_image_below_what_the_contract_refuses_is_none_of_the_classes(
    image_folder: Callable[..., Path],
) -> None:
    folder = image_folder(per_class=2) / "circle"
    strict = replace(CONTRACT, refuse=KNOWN + 0.1)
    answers, known = classify(NearestColor(), strict, folder, no_progress)
    assert known and known.share == 0
    assert {(answer.label, answer.known) for answer in answers} == {("", KNOWN)}
    answers, known = classify(NearestColor(), CONTRACT, folder, no_progress)
    assert known and known.share == 1
    assert all(answer.label in answer.answers for answer in answers)


def test_classes_that_it_does_not_know(image_folder: Callable[..., Path], tmp_path: Path) -> None:
    folder = image_folder(classes=4, per_class=2)
    with pytest.raises(DataError, match="cross"):
        scored(folder)
    with pytest.raises(DataError, match="does not exist"):
        classified(tmp_path / "nowhere")


def test_the_file_exported_last_from_the_latest_run_is_checked(
    finished_run: Path, run_images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match="no finished run"):
        api.check()
    run = tmp_path / "runs" / "latest"
    run.parent.mkdir()
    finished_run.rename(run)
    with pytest.raises(ExportError, match="nothing was exported from the latest run"):
        api.check()
    (artifact,) = api.export(run, [("tflite", "none")], data=run_images)
    result = api.check(images=run_images)
    assert result.verification.artifact == artifact.path.absolute()
    assert result.scores and result.scores.unseen
    trained_on, unseen = result.scores.trained_on, result.scores.unseen.n
    assert trained_on == 60 - unseen and unseen == api.evaluate(run, data=run_images).report.n
    artifact.path.rename(tmp_path / "copied.tflite")
    copied = api.check(tmp_path / "copied.tflite", run_images)
    assert copied.scores and copied.scores.trained_on is copied.scores.unseen is None
