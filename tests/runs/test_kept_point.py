"""An operating point is kept in a run, read back, and forgotten."""

from __future__ import annotations

import pytest

from tests.confidence.test_operating_point import CLASSES, POINT
from tests.written_run import WriteRun, make_manifest
from tlearn.errors import RunError
from tlearn.runs.directory import RunDirectory
from tlearn.runs.kept_point import forget_point, keep_point, read_point


@pytest.fixture
def run(write_run: WriteRun) -> RunDirectory:
    return write_run(manifest=make_manifest(CLASSES))


def test_it_is_read_back_until_it_is_forgotten(run: RunDirectory) -> None:
    assert read_point(run, CLASSES) is None and not forget_point(run)
    keep_point(run, POINT)
    assert read_point(run, CLASSES) == POINT
    assert forget_point(run) and read_point(run, CLASSES) is None


def test_a_new_run_in_its_place_has_none(run: RunDirectory) -> None:
    keep_point(run, POINT)
    run.clear()
    assert read_point(run, CLASSES) is None


@pytest.mark.parametrize("text", ["", "{}", '{"positive": 3}', "[" * 10])
def test_a_damaged_one_is_refused_and_the_hint_removes_it(run: RunDirectory, text: str) -> None:
    run.point_path.write_text(text)
    with pytest.raises(RunError, match=r"operating_point\.json") as error:
        read_point(run, CLASSES)
    assert "--forget" in error.value.hint


def test_one_of_another_run_is_refused(run: RunDirectory) -> None:
    keep_point(run, POINT)
    with pytest.raises(RunError, match="positive: 'defect' is none of two classes"):
        read_point(run, ("cats", "dogs"))
