"""What is found in a folder, and what commands find that were asked for something else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tlearn import api
from tlearn.commands.examine import examine
from tlearn.commands.leaks import _torn_folds
from tlearn.commands.session import Session
from tlearn.data.image_folder import scan
from tlearn.doctor.examination import CopyFinding, Examination


def examined(folder: Path, flags: dict[str, Any]) -> Examination:
    with Session(folder, None, flags) as session:
        return examine(session, session.extract_features(session.open_workspace()))


def save_larger(path: Path) -> None:
    """Save an image as a file of another size in bytes, with pixels that look the same."""
    noise = np.random.default_rng(0).integers(0, 256, 4000, np.uint8).tobytes().hex()
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("note", noise)
    Image.open(path).save(path, pnginfo=info)


def test_an_image_in_the_wrong_class_is_listed(
    image_folder: Callable[..., Path], tiny_backbone_flags: dict[str, Any]
) -> None:
    root = image_folder(per_class=40)
    moved = [image for image in scan(root).images if image.label == 0][3]
    target = next(image for image in scan(root).images if image.label == 1).path.parent
    shutil.move(moved.path, target / "moved.png")
    found = examined(root, tiny_backbone_flags)
    wrong = {label.path: label for label in found.labels}
    name = f"{target.name}/moved.png"
    if found.accuracy > 0.9:
        assert wrong[name].suggested == scan(root).classes[0]
    assert len(wrong) <= 6


def test_the_size_of_files_is_told_as_a_shortcut_without_being_asked(
    image_folder: Callable[..., Path], tiny_backbone_flags: dict[str, Any], tmp_path: Path
) -> None:
    root = image_folder(classes=2, per_class=30)
    for image in scan(root).images:
        if image.label == 0:
            save_larger(image.path)
    found = examined(root, tiny_backbone_flags)
    (size,) = (shortcut for shortcut in found.shortcuts if shortcut.name == "size in bytes")
    assert size.suspicious and size.accuracy > 0.9

    advice = api.suggest(root, flags=tiny_backbone_flags)
    assert advice.dataset and "shortcut" in {issue.kind for issue in advice.dataset.issues}
    flags = tiny_backbone_flags | {"policy": "linear_head"}
    result = api.finetune(root, flags=flags, out=tmp_path / "run")
    assert "shortcut" in {issue.kind for issue in result.dataset.issues}
    assert result.run and "size in bytes" in result.run.report_path.read_text("utf-8")
    assert result.examination
    document = result.examination.to_short_json()
    assert json.dumps(document) and document["shortcuts"][0]["suspicious"]


def test_a_test_part_that_repeats_train_is_told_with_accuracy(
    image_folder: Callable[..., Path], tiny_backbone_flags: dict[str, Any]
) -> None:
    root = image_folder(classes=2, per_class=20, splits=("train", "test"))
    tested = [image for image in scan(root).images if image.split == "test"]
    for image in tested[::2]:
        copy = root / image.name.replace("test/", "train/").replace(".png", "-copy.jpg")
        Image.open(image.path).convert("RGB").save(copy, quality=60)
    found = examined(root, tiny_backbone_flags)
    across = [group for group in found.copies if group.across_splits]
    assert len(across) >= 0.8 * len(tested[::2])
    assert all(group.paths[0].startswith("test/") for group in across)
    assert found.accuracy_with_leaks is not None and found.accuracy_without_leaks is not None
    assert {issue.kind for issue in found.dataset.issues} >= {"near_copies_across_splits"}
    used = {*found.dataset.manifest.names}
    assert not [path for group in across for path in group.paths[1:] if path in used]


@pytest.mark.parametrize("policy", ["from_scratch"])
def test_without_features_copies_and_groups_are_looked_for(
    image_folder: Callable[..., Path],
    tiny_backbone_flags: dict[str, Any],
    tmp_path: Path,
    policy: str,
) -> None:
    root = image_folder(classes=2, per_class=12)
    first = scan(root).images[0].path
    Image.open(first).save(first.with_name("copy.bmp"))
    flags = tiny_backbone_flags | {"policy": policy, "epochs": 1}
    result = api.finetune(root, flags=flags, out=tmp_path / "run")
    assert result.examination and [g.kind for g in result.examination.copies] == ["equal pixels"]
    assert not result.examination.shortcuts


def test_copies_are_torn_apart_and_nothing_else_moves() -> None:
    names = [f"{n}.png" for n in range(12)]
    folds = [(np.setdiff1d(np.arange(12), out), out) for out in np.arange(12).reshape(3, 4)]
    copies = [CopyFinding(("0.png", "1.png", "gone.png", "2.png"), "near copy", False, False)]
    held_out = [rows.tolist() for _, rows in _torn_folds(names, folds, copies)]
    assert held_out == [[0, 3], [1, 4, 5, 6, 7], [2, 8, 9, 10, 11]]
