"""A folder becomes a dataset: decoded, inspected and split, with folds of its train split."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tlearn.data import sampling
from tlearn.data.dataset import Dataset, load_dataset
from tlearn.data.decode import decode
from tlearn.data.groups import GroupRule
from tlearn.data.image_folder import scan
from tlearn.errors import DataError
from tlearn.progress import Timer, no_progress

Load = Callable[..., Dataset]


@pytest.fixture
def load(own_cache: Path) -> Load:
    def load(root: Path, **options: object) -> Dataset:
        timer = Timer()
        dataset = load_dataset(scan(root), 32, "squash", own_cache, no_progress, timer, **options)  # type: ignore[arg-type]
        assert set(timer.seconds) == {"decode"}
        return dataset

    return load


def test_rows_and_labels_of_a_split_belong_together(
    load: Load, image_folder: Callable[..., Path]
) -> None:
    root = image_folder(classes=2, per_class=12)
    dataset = load(root)
    rows, labels = dataset.rows("val"), dataset.labels("val")
    assert len(rows) == len(labels) == len(dataset.digests("val")) == 4
    for number, row in enumerate(dataset.manifest.indices("val")):
        name = dataset.manifest.names[row]
        np.testing.assert_array_equal(rows[number], decode(root / name, 32, "squash"))
        assert name.startswith(dataset.folder.classes[labels[number]])


def test_progress_is_reported_for_every_image(
    own_cache: Path, image_folder: Callable[..., Path]
) -> None:
    calls: list[tuple[str, int, int]] = []
    folder = scan(image_folder(classes=2, per_class=4))
    load_dataset(folder, 32, "squash", own_cache, lambda *call: calls.append(call), Timer())
    read = [call for call in calls if call[0] == "read images"]
    assert read == [("read images", done, 8) for done in range(1, 9)]


def test_folds_are_of_the_train_split(load: Load, image_folder: Callable[..., Path]) -> None:
    dataset = load(image_folder(classes=2, per_class=12))
    n_train = len(dataset.labels("train"))
    folds = dataset.folds(seed=0)
    assert sorted(np.concatenate([held_out for _, held_out in folds])) == list(range(n_train))
    for fitted, held_out in folds:
        assert sorted([*fitted, *held_out]) == list(range(n_train))


def test_many_images_are_sampled_and_have_fewer_folds(
    load: Load, image_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = load(image_folder(classes=2, per_class=12))
    monkeypatch.setattr(sampling, "MANY_IMAGES", 5)
    monkeypatch.setattr(sampling, "CROSS_VALIDATION_LIMIT", 9)
    folds = dataset.folds(seed=0)
    assert len(folds) == sampling.FOLDS_OF_MANY
    assert sum(len(held_out) for _, held_out in folds) == 9


def test_unreadable_images_are_left_out_unless_strict(
    load: Load, image_folder: Callable[..., Path]
) -> None:
    root = image_folder(classes=2, per_class=30)
    for number in range(12):
        (root / "circle" / f"circle_{number}.png").write_bytes(b"")
    dataset = load(root)
    assert len(dataset.manifest.names) == 48
    assert [issue.kind for issue in dataset.issues] == ["unreadable"]
    with pytest.raises(DataError, match="12 images cannot be read") as error:
        load(root, strict=True)
    lines = error.value.message.splitlines()
    assert len(lines) == 12 and lines[1].startswith("'circle/circle_0.png': the file is empty")
    assert lines[-1] == "... and 2 more" and error.value.hint.endswith("--strict")


def test_groups_by_a_pattern_stay_together_and_are_shown(
    load: Load, image_folder: Callable[..., Path]
) -> None:
    root = image_folder(classes=2, per_class=30)
    dataset = load(root, group_rule=GroupRule("given", r"([a-z]+_[0-9])"))
    splits: dict[str, set[str]] = {}
    for group, split in zip(dataset.manifest.groups, dataset.manifest.splits, strict=True):
        splits.setdefault(group, set()).add(split)
    # circle_1 and circle_10 to circle_19 are one group; circle_4 is an image on its own.
    assert len(splits) == 20 and all(len(found) == 1 for found in splits.values())
    assert {"circle_1", "square_2"} <= splits.keys() and "circle_4" not in splits
    groups = dataset.groups("train")
    for fitted, held_out in dataset.folds(seed=0):
        assert not {groups[row] for row in fitted} & {groups[row] for row in held_out}
    (issue,) = dataset.issues
    assert issue.kind == "groups" and "60 images are of 20 groups" in issue.message


def test_the_column_of_a_csv_is_obeyed_unless_it_is_told_off(
    load: Load, image_folder: Callable[..., Path]
) -> None:
    root = image_folder(classes=2, per_class=20)
    names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.png"))
    lines = [f"{name},{name[:6]},p{n // 4}" for n, name in enumerate(names)]
    (root / "list.csv").write_text("\n".join(["path,label,patient_id", *lines]), "utf-8")
    assert len(set(load(root / "list.csv").manifest.groups)) == 10
    off = load(root / "list.csv", group_rule=GroupRule("none"))
    assert off.manifest.groups == off.manifest.digests and off.grouping is None


def test_a_pattern_that_matches_nothing_is_an_error_before_anything_is_decoded(
    own_cache: Path, image_folder: Callable[..., Path]
) -> None:
    folder = scan(image_folder(classes=2, per_class=4))
    (folder.root / "circle" / "circle_0.png").unlink()  # reading it would be an issue
    with pytest.raises(DataError, match="matches no image"):
        load_dataset(
            folder,
            *(32, "squash", own_cache, pytest.fail, Timer()),  # type: ignore[arg-type]
            group_rule=GroupRule("given", "patient"),
        )
