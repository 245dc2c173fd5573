"""Images as points."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tlearn import api
from tlearn.errors import RunError


def test_a_run_is_drawn_with_the_errors_that_evaluate_counts(
    finished_run: Path, tmp_path: Path
) -> None:
    drawn = api.explain_folder(finished_run, out=tmp_path / "page")
    report = api.evaluate(finished_run).report
    page = drawn.page.read_text()
    assert (drawn.n_points, drawn.n_images) == (report.n, report.n)
    assert drawn.n_errors == report.n - report.n_correct
    assert page.count('name="point"') == report.n
    assert page.count('class="dot k') - page.count(' wrong" style') == report.n_correct


def test_a_folder_is_drawn_before_any_training(
    image_folder: Callable[..., Path], tiny_backbone_flags: dict[str, Any], tmp_path: Path
) -> None:
    folder = image_folder(classes=3, per_class=12)
    drawn = api.explain_folder(folder=folder, flags=tiny_backbone_flags, out=tmp_path / "page")
    page = drawn.page.read_text()
    assert drawn.n_points == 36 and 0 < drawn.explained <= 1
    assert "circle/circle_3.png" in page.replace("<wbr>", "") and str(folder) not in page
    assert not (tmp_path / "explain").exists()


def test_a_run_is_no_folder_of_images(finished_run: Path) -> None:
    with pytest.raises(RunError, match="is a run"):
        api.explain_folder(folder=finished_run)
