"""Maps of images of one's own and of a run's errors; what cannot be explained is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.written_run import WriteRun
from tlearn import api
from tlearn.errors import DataError, RunError


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def test_an_image_gets_a_map_and_the_answer_that_predict_gives(
    finished_run: Path, image_folder: Callable[..., Path]
) -> None:
    loose = image_folder(classes=3, per_class=1, name="loose")
    (loose / "circle" / "broken.jpg").write_bytes(b"")
    result = api.explain(finished_run, [loose])
    answers = {answer.name: answer for answer in api.predict(finished_run, [loose])}
    assert [record.path for record in result.maps] == list(answers)
    for record in result.maps:
        answer = answers[record.path]
        if record.problem:
            assert record.problem == answer.problem and record.map is None
            continue
        assert record.label == answer.label
        assert record.probability == pytest.approx(answer.probability, abs=1e-4)
        assert record.map is not None
        with Image.open(record.map) as drawn:
            assert drawn.size == (256, 256)
        assert record.drop_warm is not None and abs(record.drop_warm) <= 1
    assert sum(bool(record.problem) for record in result.maps) == 1
    assert result.page == Path("explain/run/explain.html") and result.page.exists()


def test_without_images_the_errors_and_a_right_answer_of_each_class_are_explained(
    finished_run: Path,
) -> None:
    result = api.explain(finished_run)
    right = [record.truth for record in result.maps if record.truth == record.label]
    wrong = [record for record in result.maps if record.truth != record.label]
    assert len(right) == len(set(right)) > 1
    report = api.evaluate(finished_run).report
    assert len(wrong) == min(report.n - report.n_correct, 12)
    assert [record.truth == record.label for record in result.maps] == sorted(
        record.truth == record.label for record in result.maps
    )


def test_nothing_is_replaced(finished_run: Path, run_images: Path, tmp_path: Path) -> None:
    image = next(run_images.rglob("*.png"))
    pages = [api.explain(finished_run, [image]).page for _ in range(2)]
    assert pages == [Path("explain/run/explain.html"), Path("explain/run-2/explain.html")]
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="nothing is replaced"):
        api.explain(finished_run, [image], out=taken)
    assert [file.name for file in taken.iterdir()] == ["mine.txt"]


def test_images_of_one_name_have_maps_of_their_own(finished_run: Path, tmp_path: Path) -> None:
    for folder, value in (("a", 20), ("b", 230)):
        (tmp_path / folder).mkdir()
        Image.fromarray(np.full((40, 40, 3), value, np.uint8)).save(tmp_path / folder / "x y.png")
    result = api.explain(finished_run, [tmp_path / "a", tmp_path / "b"])
    assert [Path(record.map or "").name for record in result.maps] == [
        "001_x_y.png",
        "002_x_y.png",
    ]


def test_nothing_is_written_where_no_image_can_be_read(
    finished_run: Path, tmp_path: Path, working_folder: Path
) -> None:
    (tmp_path / "broken.png").write_bytes(b"")
    result = api.explain(finished_run, [tmp_path / "broken.png"])
    assert result.page is None and result.maps[0].problem
    assert not list(working_folder.iterdir())


def test_a_run_that_is_not_there_is_told(write_run: WriteRun, tmp_path: Path) -> None:
    image = tmp_path / "image.png"
    Image.new("RGB", (40, 40)).save(image)
    with pytest.raises(RunError, match="is not a run"):
        api.explain(tmp_path / "none", [image])
