"""A run becomes a smaller run, on the same split and with the same classes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tlearn import api
from tlearn.storage.text import read_json


@pytest.mark.slow
def test_a_run_teaches_a_smaller_one(
    finished_run: Path, image_folder: Callable[..., Path], tmp_path: Path
) -> None:
    taught = api.distill(
        [image_folder(classes=5, per_class=24)],
        str(finished_run),
        "mobilenet_025",
        seconds=0.1,
        out=tmp_path / "student",
        image_size=32,
        views=1,
    )
    assert taught.shrunk is not None and taught.agreement is not None
    small = taught.shrunk
    assert small.accuracy[0] == read_json(finished_run / "metrics.json")["test_accuracy"]
    report = api.evaluate(small.run.path).report
    assert report.accuracy == pytest.approx(small.accuracy[1])
    assert small.run.read_labels() == ("circle", "square", "stripes")
    assert min(small.milliseconds) > 0
    split = (finished_run / "split.csv").read_text()
    assert (small.run.path / "split.csv").read_text() == split
