"""Embeddings on disk, as other programs read them, and the rows most like one of them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from tlearn.errors import DataError, HostError
from tlearn.evaluation.embeddings import Embeddings, check_format, write_embeddings

VECTORS = np.asarray([[3, 4], [0.5, 0], [-1, 0]], np.float32)
PATHS, LABELS = ("/a.jpg", "/b\udc80.jpg", "/c.jpg"), ("cat", "=dog", "cat")


@pytest.fixture(params=[(), LABELS], ids=["unlabeled", "labeled"])
def embeddings(request: pytest.FixtureRequest) -> Embeddings:
    return Embeddings(VECTORS, PATHS, request.param)


def test_npz_has_arrays_that_need_no_pickle(embeddings: Embeddings, tmp_path: Path) -> None:
    write_embeddings(tmp_path / "e.npz", embeddings)
    with np.load(tmp_path / "e.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["embeddings"], VECTORS)
        assert arrays["embeddings"].dtype == np.float32
        assert tuple(arrays["paths"]) == PATHS
        assert tuple(arrays.get("labels", ())) == embeddings.labels


def test_csv_has_a_column_for_each_number(embeddings: Embeddings, tmp_path: Path) -> None:
    write_embeddings(tmp_path / "e.csv", embeddings)
    with (tmp_path / "e.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    numbers = [[float(row["e0"]), float(row["e1"])] for row in rows]
    np.testing.assert_array_equal(np.asarray(numbers, np.float32), VECTORS)
    assert [row["path"] for row in rows] == ["/a.jpg", "/b\\udc80.jpg", "/c.jpg"]
    assert [row.get("label") for row in rows] == (
        ["cat", "'=dog", "cat"] if embeddings.labels else [None] * 3
    )


def test_parquet_has_a_column_of_vectors(embeddings: Embeddings, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    write_embeddings(tmp_path / "e.parquet", embeddings)
    table = parquet.read_table(tmp_path / "e.parquet")
    np.testing.assert_array_equal(np.stack(table["embedding"].to_pylist()), VECTORS)
    assert table["path"].to_pylist()[0] == "/a.jpg"
    assert ("label" in table.column_names) == bool(embeddings.labels)


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".parquet"])
def test_embeddings_replace_embeddings_and_nothing_else(
    embeddings: Embeddings, suffix: str, tmp_path: Path
) -> None:
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    path, other = tmp_path / f"e{suffix}", tmp_path / f"other{suffix}"
    for _ in range(2):
        write_embeddings(path, embeddings)
    other.write_bytes(b"path,label\na.jpg,cat\n")
    with pytest.raises(DataError, match="exists and is no file of embeddings"):
        check_format(other)
    assert other.read_bytes() == b"path,label\na.jpg,cat\n"


def test_a_name_without_a_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none of \.npz, \.parquet, \.csv") as error:
        check_format(tmp_path / "e.txt")
    assert "--out" in error.value.hint


def test_what_parquet_takes_is_told_before_anything_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tlearn.evaluation.embeddings.require_remote", lambda _: "pyarrow")
    with pytest.raises(HostError, match="pyarrow") as error:
        check_format(tmp_path / "e.parquet")
    assert "pip install" in error.value.hint


def test_similarity_is_that_of_directions() -> None:
    embeddings = Embeddings(VECTORS, PATHS)
    found = embeddings.nearest(np.asarray([10, 0], np.float32), 2)
    assert found == [(1, pytest.approx(1)), (0, pytest.approx(0.6))]
    assert embeddings.nearest(np.zeros(2, np.float32), 1) == [(0, 0.0)]
