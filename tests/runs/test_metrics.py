"""The metrics of a run, read back; those of the first version too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.written_run import WriteRun
from tlearn.errors import RunError
from tlearn.runs.directory import RunDirectory
from tlearn.runs.metrics import read_metrics

FIRST = Path(__file__).parents[1] / "first_version" / "run"


def test_they_come_back_as_records(write_run: WriteRun) -> None:
    metrics = read_metrics(write_run(metrics={"interpolation": 0.4}))
    assert (metrics.folder, metrics.interpolation) == ("/data/insects", 0.4)
    assert metrics.seconds == {"total": 12.5} and metrics.issues == ()
    assert (metrics.report.split, metrics.report.n) == ("test", 12)
    assert metrics.report.accuracy == pytest.approx(11 / 12)


def test_those_of_the_first_version_are_read_under_the_names_of_today() -> None:
    metrics = read_metrics(RunDirectory(FIRST))
    assert metrics.interpolation == 0.5 and metrics.report.split == "test"
    assert metrics.report.top_k == {1: 1.0}


@pytest.mark.parametrize(
    "change", [{"reports": {}}, {"reports": 3}, {"reports": {"test": {"n": 1}}}, {"folder": None}]
)
def test_damage_is_an_error_that_names_the_file(
    change: dict[str, object], write_run: WriteRun
) -> None:
    run = write_run(metrics=change)
    with pytest.raises(RunError, match=r"metrics\.json") as error:
        read_metrics(run)
    assert "--overwrite" in error.value.hint


def test_a_document_of_another_kind_is_damage(write_run: WriteRun) -> None:
    run = write_run()
    run.metrics_path.write_text(json.dumps([1]))
    with pytest.raises(RunError, match="damaged"):
        read_metrics(run)
