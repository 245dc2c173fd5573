"""Embeddings of a folder, with its classes, and the neighbors of an image."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tlearn import api
from tlearn.errors import DataError
from tlearn.storage.digest import digest_of_bytes


def test_a_folder_with_classes_is_embedded_with_labels(
    finished_run: Path, image_folder: Callable[..., Path], converted: None, tmp_path: Path
) -> None:
    folder = image_folder(classes=3, per_class=3)
    (folder / "circle" / "broken.jpg").write_bytes(b"")
    shutil.copy(folder / "circle" / "circle_0.png", folder / "loose.png")
    result = api.embed(finished_run, [folder], out=tmp_path / "e.npz")
    assert [Path(path).name for path in result.problems] == ["broken.jpg"]
    assert result.n_left_out == 1
    with np.load(tmp_path / "e.npz") as arrays:
        assert arrays["embeddings"].shape == (9, 256)
        assert [Path(path).parent.name for path in arrays["paths"]] == [*arrays["labels"]]
        assert arrays["network"] == digest_of_bytes((finished_run / "model.keras").read_bytes())
    loose = api.embed(finished_run, [folder / "circle", folder / "square"])
    assert not loose.embeddings.labels
    rows = [result.embeddings.paths.index(path) for path in loose.embeddings.paths]
    np.testing.assert_allclose(loose.embeddings.vectors, result.embeddings.vectors[rows])


def test_the_neighbors_of_an_image_are_others_that_look_like_it(
    finished_run: Path, image_folder: Callable[..., Path], converted: None
) -> None:
    folder = image_folder(classes=3, per_class=4)
    query = folder / "stripes" / "stripes_0.png"
    copy = query.with_name("copy.png")
    copy.write_bytes(query.read_bytes())
    found = api.embed(finished_run, [folder], similar=query, top=3).similar
    assert len(found) == 3
    assert found[0].path == str(copy) and found[0].similarity == pytest.approx(1, abs=1e-5)
    assert str(query) not in [neighbor.path for neighbor in found]
    similarities = [neighbor.similarity for neighbor in found]
    assert similarities == sorted(similarities, reverse=True)
    assert {neighbor.label for neighbor in found} <= {"circle", "square", "stripes"}


def test_images_that_cannot_be_used_are_told(
    finished_run: Path, run_images: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"")
    with pytest.raises(DataError, match="no image can be read"):
        api.embed(finished_run, [broken], out=tmp_path / "e.npz")
    assert not (tmp_path / "e.npz").exists()
    with pytest.raises(DataError, match="cannot be read") as error:
        api.embed(finished_run, [run_images], similar=broken)
    assert "--similar" in error.value.hint
    with pytest.raises(DataError, match="is a folder"):
        api.embed(finished_run, [run_images], similar=run_images)
