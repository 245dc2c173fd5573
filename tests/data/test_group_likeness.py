"""Images of a group look alike where they show one thing, and not where a page was filled."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tlearn.data.dataset import Dataset, load_dataset
from tlearn.data.groups import GroupRule
from tlearn.data.image_folder import scan
from tlearn.progress import Timer, no_progress


def folder_with(root: Path, own: float) -> Path:
    """Draw ten objects of each class, eight images of each that share a share of their pattern."""
    rng = np.random.default_rng(0)
    for class_name in "ab":
        (root / class_name).mkdir(parents=True)
        for number in range(10):
            thing = rng.uniform(0, 255, (4, 4, 3))
            for view in range(8):
                cells = own * thing + (1 - own) * rng.uniform(0, 255, (4, 4, 3))
                image = Image.fromarray(cells.astype(np.uint8)).resize((48, 48))
                image.save(root / class_name / f"{number}_{view}.png")
    return root


def dataset_of(folder: Path, cache: Path, rule: GroupRule) -> Dataset:
    return load_dataset(scan(folder), 48, "squash", cache, no_progress, Timer(), group_rule=rule)


@pytest.mark.parametrize(("own", "n_groups"), [(0.0, None), (0.4, 20)])
def test_names_alone_make_no_group_of_images_that_are_not_alike(
    tmp_path: Path, own: float, n_groups: int | None
) -> None:
    folder = folder_with(tmp_path / "images", own)
    found = dataset_of(folder, tmp_path / "cache", GroupRule("guessed")).grouping
    assert (found and len(found.sizes)) == n_groups


def test_an_image_that_cannot_be_read_is_no_obstacle(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "images", 0.4)
    (folder / "a" / "0_0.png").write_bytes(b"no image")
    found = dataset_of(folder, tmp_path / "cache", GroupRule()).grouping
    assert found is not None and len(found.sizes) == 20 and not found.obeyed
