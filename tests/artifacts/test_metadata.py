"""Labels and a description come back out of a LiteRT file, which answers as before."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlearn.artifacts.metadata import add_metadata, read_metadata
from tlearn.artifacts.runtime import run_artifact
from tlearn.backend.litert import convert
from tlearn.errors import ExportError

NASTY = (
    "ordinary",
    "a, b; \"c\" 'd'",
    "  spaces  ",
    "naïve ☃ 漢字",
    "two\nlines\r",
    "back\\nslash",
)
ABOUT = {
    "name": "Flowers ☃",
    "description": "Five flowers.",
    "version": "0.1.0",
    "author": "someone",
    "license": "Apache-2.0",
    "resize": "squash",
    "numbers": [1, 2.5, None],
}


@pytest.fixture(scope="module")
def content(trained: Any) -> bytes:
    return convert(trained.model)


@pytest.fixture
def path(content: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "model.tflite"
    path.write_bytes(add_metadata(content, NASTY, ABOUT))
    return path


def test_reads_back_what_was_written(path: Path) -> None:
    metadata = read_metadata(path)
    assert metadata["labels"] == NASTY
    assert metadata["about"] == ABOUT
    assert metadata["image_size"] == (32, 32)
    assert metadata["mean"] == (0.0,)
    assert metadata["std"] == (1.0,)
    for key in ("name", "description", "version", "author", "license"):
        assert metadata[key] == ABOUT[key]


def test_unzip_shows_labels_one_a_line(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["labels.txt", "about.json"]
        assert archive.testzip() is None
        lines = archive.read("labels.txt").decode().split("\n")
        assert json.loads(archive.read("about.json")) == ABOUT
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
    assert lines[:4] == list(NASTY[:4])
    assert lines[4:] == ["two\\nlines\\r", "back\\\\nslash", ""]


def test_bytes_are_reproducible(content: bytes) -> None:
    assert add_metadata(content, NASTY, ABOUT) == add_metadata(content, NASTY, ABOUT)


def test_answers_stay_the_same(path: Path, content: bytes, trained: Any) -> None:
    bare = path.with_name("bare.tflite")
    bare.write_bytes(content)
    pixels = trained.pixels[:5]
    answers = run_artifact(path, pixels), run_artifact(bare, pixels)
    np.testing.assert_array_equal(*(answer.probabilities for answer in answers))


def test_a_file_without_metadata_is_an_error(content: bytes, tmp_path: Path) -> None:
    bare = tmp_path / "bare.tflite"
    bare.write_bytes(content)
    with pytest.raises(ExportError, match="no labels"):
        read_metadata(bare)


def test_a_file_that_is_no_model_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "notes.tflite"
    path.write_text("these are my notes")
    with pytest.raises(ExportError, match="not a LiteRT model"):
        read_metadata(path)
