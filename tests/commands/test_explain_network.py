"""The page about a network."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlearn import api
from tlearn.errors import DataError


def test_the_page_shows_stages_and_what_classes_look_like(
    finished_run: Path, run_images: Path, tmp_path: Path, converted: None
) -> None:
    image = next(run_images.rglob("circle_0.png"))
    shown = api.explain_network(finished_run, image, out=tmp_path / "page")
    page = shown.page.read_text()
    document = shown.to_json()
    assert [stage["size"] for stage in document["stages"]] == [16, 8, 4, 2, 1]
    fields = [stage["sees"] for stage in document["stages"]]
    assert fields == sorted(fields) and fields[0] == 3
    assert page.count('alt="kernel ') == 16
    for word in ("circle", "square", "stripes", "Stage 1", "read by the head", "circle_0.png"):
        assert word in page
    assert str(run_images) not in page  # pages are shown to others


def test_one_image_that_can_be_read_is_needed(
    finished_run: Path, run_images: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="holds 20 images, and --network shows one"):
        api.explain_network(finished_run, run_images / "circle", out=tmp_path / "page")
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"")
    with pytest.raises(DataError, match="cannot be read"):
        api.explain_network(finished_run, broken, out=tmp_path / "page")
    assert not (tmp_path / "page").exists()


def test_a_run_whose_images_are_gone_is_shown_without_them(
    finished_run: Path, run_images: Path, tmp_path: Path
) -> None:
    image = next(run_images.rglob("circle_0.png"))
    shown = api.explain_network(finished_run, image, out=tmp_path / "a", data=tmp_path / "nowhere")
    assert "Stage 1" in shown.page.read_text()
