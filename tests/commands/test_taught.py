"""A head on a file of embeddings, and files that hold none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tlearn import api
from tlearn.errors import DataError


def test_a_file_of_embed_gives_a_head_that_tells_its_classes_apart(tmp_path: Path) -> None:
    path, labels = tmp_path / "embeddings.npz", np.repeat(["b", "a"], 6)
    rows = np.random.default_rng(0).normal(0, 1, (12, 5)) + 4 * (labels == "a")[:, np.newaxis]
    np.savez(path, embeddings=rows.astype(np.float32), labels=labels, paths=labels)
    taught = api.solve_embeddings(path)
    assert taught.classes == ("a", "b")
    assert [taught.classes[n] for n in taught.head.probabilities(rows).argmax(1)] == [*labels]


def test_files_without_two_classes_of_embeddings_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "embeddings.npz"
    with pytest.raises(DataError, match="holds no embeddings with labels") as error:
        api.solve_embeddings(path)
    assert "tlearn embed" in error.value.hint
    np.savez(path, embeddings=np.zeros((3, 2), np.float32))
    with pytest.raises(DataError, match="holds no embeddings with labels"):
        api.solve_embeddings(path)
    for rows in (np.full((3, 2), np.nan), np.full((3, 2), "1"), np.zeros((3, 0))):
        np.savez(path, embeddings=rows, labels=np.array(["a", "b", "a"]))
        with pytest.raises(DataError, match="holds no embeddings with labels"):
            api.solve_embeddings(path)
    np.savez(path, embeddings=np.zeros((3, 2), np.float32), labels=np.array(["a"] * 3))
    with pytest.raises(DataError, match="are of one class"):
        api.solve_embeddings(path)
