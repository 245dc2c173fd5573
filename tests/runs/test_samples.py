"""Few, small, the same every time, and enough to stand for the folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tlearn.data.dataset import Dataset, load_dataset
from tlearn.data.decode import is_reduced
from tlearn.data.file_index import FileIndex
from tlearn.data.image_folder import scan
from tlearn.data.sampling import representative
from tlearn.errors import RunError
from tlearn.progress import Timer
from tlearn.runs import samples
from tlearn.runs.samples import golden_candidates, read_samples, write_samples


@pytest.fixture
def dataset(image_folder: Callable[..., Path], own_cache: Path) -> Dataset:
    folder = scan(image_folder(per_class=50))
    return load_dataset(folder, 32, "squash", own_cache, lambda *_: None, Timer())


def right(dataset: Dataset, split: str = "val") -> np.ndarray:
    """Probabilities of a model that is never wrong, and surer of some."""
    labels = dataset.labels(split)
    sure = np.linspace(0.4, 0.99, len(labels))[:, None]
    return np.where(np.eye(3)[labels] > 0, sure, (1 - sure) / 2)


def keep(dataset: Dataset, folder: Path) -> dict[str, bytes]:
    write_samples(folder, dataset, "val", right(dataset), seed=0)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_the_same_run_keeps_the_same_bytes(dataset: Dataset, tmp_path: Path) -> None:
    first, second = (keep(dataset, tmp_path / name) for name in "ab")
    assert first == second
    assert {"samples.json", "train.zip", "val.zip"} < first.keys()
    assert len([name for name in first if name.startswith("golden/")]) == 6


def test_samples_are_what_the_folder_would_have_given(dataset: Dataset, tmp_path: Path) -> None:
    keep(dataset, tmp_path / "samples")
    kept_samples = read_samples(tmp_path / "samples")
    assert kept_samples is not None
    train, val = kept_samples.of_split["train"], kept_samples.of_split["val"]
    rows, labels = dataset.rows("train"), dataset.labels("train")
    np.testing.assert_array_equal(train.pixels(), representative(rows, labels, 100, 0))
    assert np.ptp(np.bincount(labels[train.rows])) <= 1
    np.testing.assert_array_equal(val.pixels(), dataset.rows("val")[:])
    np.testing.assert_array_equal(val.rows, np.arange(len(dataset.labels("val"))))


def test_golden_files_are_held_out_originals_of_every_class(
    dataset: Dataset, tmp_path: Path
) -> None:
    keep(dataset, tmp_path / "samples")
    kept_samples = read_samples(tmp_path / "samples")
    assert kept_samples is not None
    assert sorted(file.label for file in kept_samples.golden) == [0, 0, 1, 1, 2, 2]
    held_out = dict(zip(dataset.digests("val"), dataset.labels("val"), strict=True))
    for file in kept_samples.golden:
        assert hashlib.sha256(file.path.read_bytes()).hexdigest() == file.sha256
        assert held_out[file.sha256] == file.label
        assert file.path.suffix == ".png"


def test_what_does_not_fit_is_left_out(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = keep(dataset, tmp_path / "whole")
    monkeypatch.setattr(samples, "ARCHIVE_BYTES", len(whole["train.zip"]) // 3)
    monkeypatch.setattr(samples, "GOLDEN_BYTES", 10)
    less = keep(dataset, tmp_path / "less")
    assert len(less["train.zip"]) < len(whole["train.zip"]) / 2
    kept_samples = read_samples(tmp_path / "less")
    assert kept_samples is not None and not kept_samples.golden
    rows = kept_samples.of_split["train"].rows
    assert 20 < len(rows) < 40
    assert np.ptp(np.bincount(dataset.labels("train")[rows])) <= 1


def test_a_golden_file_that_changed_meanwhile_is_left_out(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FileIndex, "original", lambda index, digest: None)  # too many to keep
    for image in dataset.folder.images:
        if image.label == 0:
            image.path.write_bytes(b"something else")
        elif image.label == 1:
            image.path.unlink()
    keep(dataset, tmp_path / "samples")
    kept_samples = read_samples(tmp_path / "samples")
    assert kept_samples is not None and {file.label for file in kept_samples.golden} == {2}


def test_golden_files_are_those_that_were_read_whatever_became_of_them(
    dataset: Dataset, tmp_path: Path
) -> None:
    for image in dataset.folder.images:
        image.path.write_bytes(b"something else")
    keep(dataset, tmp_path / "samples")
    kept_samples = read_samples(tmp_path / "samples")
    assert kept_samples is not None and {file.label for file in kept_samples.golden} == {0, 1, 2}


def test_one_golden_file_is_a_jpeg_that_is_reduced_while_it_is_decoded(
    image_folder: Callable[..., Path], own_cache: Path, tmp_path: Path
) -> None:
    folder = image_folder(per_class=20, splits=("train", "val"))
    small = sorted((folder / "val").rglob("*.png"))[0]
    Image.open(small).resize((300, 200)).save(small.with_suffix(".jpg"), quality=95)
    small.unlink()
    dataset = load_dataset(scan(folder), 32, "squash", own_cache, lambda *_: None, Timer())
    probabilities = right(dataset)
    probabilities[0] = [0.98, 0.01, 0.01]  # surer than those that are taken first
    write_samples(tmp_path / "samples", dataset, "val", probabilities, seed=0)
    kept_samples = read_samples(tmp_path / "samples")
    assert kept_samples is not None and len(kept_samples.golden) == 6
    reduced = [is_reduced(file.content(), 32, "squash") for file in kept_samples.golden]
    assert reduced == [False] * 5 + [True]


def test_golden_candidates() -> None:
    probabilities = np.array(
        [[0.98, 0.02], [0.76, 0.24], [0.51, 0.49], [0.2, 0.8], [0.9, 0.1], [0.05, 0.95]]
    )
    labels = np.array([0, 0, 0, 1, 1, 1])
    # Row 4 is answered wrongly; of the others those in the middle come first, class by class.
    assert golden_candidates(probabilities, labels).tolist() == [1, 3, 5, 0, 2]


def test_samples_of_another_version(dataset: Dataset, tmp_path: Path) -> None:
    keep(dataset, tmp_path / "samples")
    path = tmp_path / "samples" / "samples.json"
    path.write_text(path.read_text().replace('"version": 1', '"version": 2'))
    with pytest.raises(RunError, match="version 2"):
        read_samples(tmp_path / "samples")


@pytest.mark.parametrize("damage", ["archive", "count", "index"])
def test_damage_is_an_error_with_a_hint(dataset: Dataset, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "samples"
    keep(dataset, folder)
    if damage == "archive":
        (folder / "train.zip").write_bytes(b"PK")
    else:
        index = json.loads((folder / "samples.json").read_text())
        index |= {"train": index["train"][1:]} if damage == "count" else {"golden": [{}]}
        (folder / "samples.json").write_text(json.dumps(index))
    with pytest.raises(RunError) as error:
        kept_samples = read_samples(folder)
        assert kept_samples is not None
        kept_samples.of_split["train"].pixels()
    assert "--data" in error.value.hint


def test_no_samples(tmp_path: Path) -> None:
    assert read_samples(tmp_path / "samples") is None
