"""Files and folders are answered, image by image."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tlearn import api
from tlearn.errors import DataError, RecipeError, RunError


def test_good_images_are_answered_and_bad_ones_named(
    finished_run: Path, image_folder: Callable[..., Path]
) -> None:
    loose = image_folder(classes=3, per_class=4, name="loose")
    (loose / "circle" / "broken.jpg").write_bytes(b"")
    predictions = api.predict(finished_run, [loose])
    assert len(predictions) == 13
    right = [p.label == Path(p.name).parent.name for p in predictions if not p.problem]
    assert np.mean(right) > 0.5
    assert [Path(p.name).name for p in predictions if p.problem] == ["broken.jpg"]


def test_answers_are_corrected_for_other_shares_of_the_classes(
    finished_run: Path, run_images: Path, tmp_path: Path
) -> None:
    usual = api.predict(finished_run, [run_images])
    label = usual[0].label
    rare = api.predict(finished_run, [run_images], prior={label: 1e-4})
    for before, after in zip(usual, rare, strict=True):
        kept, weight = dict(before.top), dict.fromkeys(dict(before.top), 3 / 2)
        weight[label] = 3e-4
        total = sum(kept[name] * weight[name] for name in kept)
        for name, probability in after.top:
            assert probability == pytest.approx(kept[name] * weight[name] / total, abs=1e-3)
        assert after.known == before.known
        assert not after.answers, "the sets were promised for other shares"
    assert any(prediction.answers for prediction in usual)
    (tmp_path / "broken.png").write_bytes(b"")
    (unread,) = api.predict(finished_run, [tmp_path / "broken.png"], prior={label: 0.5})
    assert unread.problem
    with pytest.raises(RecipeError, match="did you mean 'circle'"):
        api.predict(finished_run, [run_images], prior={"circles": 0.9})


def test_nothing_is_asked_of_the_model_where_nothing_can_be_read(
    finished_run: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.png").write_bytes(b"")
    (answer,) = api.predict(finished_run, [tmp_path / "broken.png"])
    assert answer.problem


def test_files_are_sorted_by_their_answers_and_back(
    finished_run: Path, image_folder: Callable[..., Path], converted: None, tmp_path: Path
) -> None:
    loose = image_folder(classes=3, per_class=4, name="loose")
    (loose / "circle" / "broken.jpg").write_bytes(b"")
    before = sorted(loose.rglob("*"))
    sorting = api.Sorting(tmp_path / "sorted", "move", unsure=0.0)
    result = api.sort_images(finished_run, [loose], sorting)
    for prediction in result.predictions:
        place = result.sorted.places.get(prediction.name)
        assert (place is None) == bool(prediction.problem)
        assert place is None or (sorting.folder / prediction.label / Path(place).name).is_file()
    assert [path.name for path in loose.rglob("*.*")] == ["broken.jpg"]
    assert api.unsort_images([loose], sorting.folder) == 12
    assert sorted(loose.rglob("*")) == before
    assert not sorting.folder.exists()


@pytest.mark.parametrize("how", ["move", "link"])
def test_images_of_an_archive_are_copied_only(
    finished_run: Path, image_folder: Callable[..., Path], tmp_path: Path, how: str
) -> None:
    archive = shutil.make_archive(str(tmp_path / "images"), "zip", image_folder(per_class=1))
    with pytest.raises(DataError, match="unpacked in the cache") as error:
        api.sort_images(finished_run, [Path(archive)], api.Sorting(tmp_path / "to", how))
    assert "--how copy" in error.value.hint
    assert not (tmp_path / "to").exists()


def test_images_are_not_sorted_into_a_run(finished_run: Path, run_images: Path) -> None:
    with pytest.raises(RunError, match="is a run"):
        api.sort_images(finished_run, [run_images], api.Sorting(finished_run))
