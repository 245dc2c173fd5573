"""Tables with images in them are written out, with their classes and splits."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from tests.conftest import draw_image
from tlearn.data import remote
from tlearn.data.image_folder import scan
from tlearn.errors import DataError, HostError


def table(path: Path, count: int, seed: int = 0) -> None:
    """Write a table as on Hugging Face; the last image has no class."""
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    images = []
    for n in range(count + 1):
        file = io.BytesIO()
        draw_image("circle", seed + n).save(file, "PNG")
        images.append({"bytes": file.getvalue(), "path": None})
    label = {"_type": "ClassLabel", "names": ["a/b", "c, d"]}
    about = json.dumps({"info": {"features": {"image": {"_type": "Image"}, "label": label}}})
    columns = {"image": images, "label": [*(n % 2 for n in range(count)), -1]}
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(arrow.table(columns).replace_schema_metadata({"huggingface": about}), path)


def test_tables_of_parts_are_read_with_names_of_classes_and_splits(tmp_path: Path) -> None:
    table(tmp_path / "hub" / "data" / "train-00000-of-00001.parquet", 6)
    table(tmp_path / "hub" / "data" / "test-00000-of-00001.parquet", 2, seed=99)
    folder = scan(tmp_path / "hub")
    assert folder.classes == ("a/b", "c, d")
    splits = [image.split for image in folder.images]
    assert splits.count("train") == 6 and splits.count("test") == 2


def test_a_table_without_images_is_refused(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    pytest.importorskip("pyarrow.parquet").write_table(
        arrow.table({"x": [1], "y": [2]}), tmp_path / "x.parquet"
    )
    with pytest.raises(DataError, match="no column of images; its columns are 'x', 'y'"):
        scan(tmp_path / "x.parquet")


def test_without_pyarrow_a_table_is_told_what_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "find_spec", lambda name: None)
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    with pytest.raises(HostError, match=r"a Parquet table.*packages are missing: pyarrow") as error:
        scan(tmp_path / "x.parquet")
    assert error.value.hint.endswith("pip install '.[remote]'")
