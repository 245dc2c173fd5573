"""A run is scored on its own held-out images, or on another folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tlearn import api
from tlearn.errors import DataError
from tlearn.storage.text import read_json


def test_its_own_images_give_the_accuracy_it_was_saved_with(finished_run: Path) -> None:
    run, report = api.evaluate(finished_run)
    assert report.split == "test"
    assert report.accuracy == read_json(run.metrics_path)["test_accuracy"]


def test_another_folder_may_lack_classes_but_not_have_others(
    finished_run: Path, image_folder: Callable[..., Path]
) -> None:
    other = image_folder(classes=2, per_class=6, name="other")
    _, report = api.evaluate(finished_run, other)
    assert report.n == 12
    (other / "square").rename(other / "hexagon")
    with pytest.raises(DataError, match="hexagon"):
        api.evaluate(finished_run, other)
