"""Maps of labels, of a number and of what is unlike good images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.target_runs import labels_table
from tlearn import api
from tlearn.commands.predict import predict_targets
from tlearn.errors import DataError

TargetRun = Callable[[str], Path]


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_each_label_that_predict_gives_has_a_map(target_run: TargetRun, tmp_path: Path) -> None:
    run, images = target_run("labels"), labels_table(tmp_path / "own").parent
    paths = [images / f"{n}.png" for n in (1, 2, 3)]
    answers = {answer.name: answer for answer in predict_targets(run, paths)}
    result = api.explain(run, paths)
    for path, answer in answers.items():
        maps = [record for record in result.maps if record.path == path]
        assert tuple(record.label for record in maps) == answer.labels
        shares = [answer.answers[record.label or ""] for record in maps]
        assert [record.probability for record in maps] == pytest.approx(shares, abs=1e-4)
    assert len({record.map for record in result.maps}) == len(result.maps)
    assert result.page is not None and result.page.exists()


def test_a_class_or_label_can_be_asked_for(
    target_run: TargetRun, finished_run: Path, tmp_path: Path
) -> None:
    images = labels_table(tmp_path / "own").parent
    for run, label in ((target_run("labels"), "square"), (finished_run, "stripes")):
        (record,) = api.explain(run, [images / "1.png"], label=label).maps
        assert record.label == label
        with pytest.raises(DataError, match="does not know 'triangle'"):
            api.explain(run, [images / "1.png"], label="triangle")
        with pytest.raises(DataError, match="none was named"):
            api.explain(run, label=label)
    with pytest.raises(DataError, match="has one output"):
        api.explain(target_run("number"), [images / "1.png"], label="age")


def test_a_number_has_a_map_of_what_moves_it(target_run: TargetRun, tmp_path: Path) -> None:
    run, image = target_run("number"), labels_table(tmp_path / "own").parent / "3.png"
    (record,) = api.explain(run, [image]).maps
    (answer,) = predict_targets(run, [image])
    assert record.label in ("up", "down") and record.probability is None
    assert record.value == pytest.approx(answer.answers["age"], rel=1e-3)


def test_the_model_of_good_images_shows_its_own_map(target_run: TargetRun) -> None:
    result = api.explain(target_run("one_class"))
    bad = [record for record in result.maps if record.label == "bad"]
    assert bad and all(record.truth == "bad" and record.right for record in bad)
    assert all(record.drop_warm is None for record in result.maps)
    with Image.open(bad[0].map or "") as image:
        red = np.asarray(image, float)[..., 0] - np.asarray(image, float)[..., 2]
    assert red[:128, 128:].mean() > red[128:, :128].mean()


@pytest.mark.parametrize("task", ["labels", "number"])
def test_without_images_the_errors_come_first(target_run: TargetRun, task: str) -> None:
    result = api.explain(target_run(task))
    assert result.page is not None and "not tested" not in result.page.read_text()
    assert all(record.truth for record in result.maps)
    rights = [bool(record.right) for record in result.maps]
    assert rights == sorted(rights) and any(rights) == (task == "labels")
