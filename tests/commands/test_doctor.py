"""A folder is examined, nothing in it changes, and what mends it is carried out and taken back."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.target_runs import DRAWN
from tlearn import api
from tlearn.commands.doctor import apply_list, undo_list
from tlearn.data.image_folder import scan
from tlearn.doctor.journal import moving
from tlearn.errors import DataError, HostError


def tree(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.fixture
def folder(image_folder: Callable[..., Path]) -> Path:
    """Three classes; a copy in another format, and an image in two classes."""
    root = image_folder(per_class=12)
    names = [image.path for image in scan(root).images]
    Image.open(names[0]).save(names[0].with_name("copy.bmp"))
    shutil.copy(names[1], names[-1].with_name("also.png"))
    return root


def test_it_is_examined_mended_and_put_back(
    folder: Path, tiny_backbone_flags: dict[str, Any], tmp_path: Path
) -> None:
    before = tree(folder)
    result = api.doctor(folder, flags=tiny_backbone_flags, out=tmp_path / "out")
    assert tree(folder) == before
    assert {group.across_classes for group in result.found.copies} == {True, False}
    page = result.page.read_text("utf-8")
    assert "in two classes" in page and "data:image/jpeg" in page
    assert "http" not in page.replace("http-equiv", "")

    assert result.moves
    with result.moves.open(newline="") as file:
        listed = [row for row in csv.DictReader(file) if row["suggestion"] == "quarantine"]
    assert apply_list(folder, result.moves) >= len(listed) >= 3
    mended = api.doctor(folder, flags=tiny_backbone_flags, out=tmp_path / "again")
    assert not mended.found.copies
    undo_list(folder)
    assert tree(folder) == before


def test_a_clean_folder_leaves_no_list(
    image_folder: Callable[..., Path], tiny_backbone_flags: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "moves.csv").write_text("path,what,suggestion\n")  # an earlier one's
    result = api.doctor(image_folder(per_class=12), flags=tiny_backbone_flags, out=tmp_path)
    assert not result.found.copies
    assert (result.moves is None) == (not result.found.moves())
    assert (tmp_path / "moves.csv").exists() == (result.moves is not None)


def test_nothing_is_written_into_the_folder(
    folder: Path, tiny_backbone_flags: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tree(folder)
    monkeypatch.chdir(folder)
    with pytest.raises(DataError, match="inside the image folder"):
        api.doctor(Path(), flags=tiny_backbone_flags, out=Path("doctor"))
    result = api.doctor(Path(), flags=tiny_backbone_flags)
    assert result.page == folder.parent / "doctor" / folder.name / "doctor.html"
    assert result.page.exists()
    assert tree(folder) == before


@pytest.mark.parametrize("fault", ["one class", "one image in a class", "nothing readable"])
def test_what_cannot_be_trained_on_is_examined_as_far_as_that_goes(
    folder: Path, tiny_backbone_flags: dict[str, Any], tmp_path: Path, fault: str
) -> None:
    first, *others = sorted(path for path in folder.iterdir() if path.is_dir())
    for other in others[1:] if fault == "nothing readable" else others:
        shutil.rmtree(other)
    images = sorted(first.iterdir())
    if fault == "one image in a class":
        (folder / "rare").mkdir()
        images[3].rename(folder / "rare" / "only.png")
    elif fault == "nothing readable":
        for path in others[0].iterdir():
            path.write_bytes(b"no image")
    Image.new("RGB", (48, 48), "gray").save(first / "gray.png")
    before = tree(folder)
    result = api.doctor(folder, flags=tiny_backbone_flags, out=tmp_path / "out")
    assert tree(folder) == before
    assert result.found.copies and result.found.accuracy is None
    assert f"{first.name}/gray.png" in {image.path for image in result.found.images}
    assert "cannot be trained on" in result.page.read_text("utf-8")
    assert result.moves and apply_list(folder, result.moves)


def test_a_folder_without_a_readable_image_is_refused(
    folder: Path, tiny_backbone_flags: dict[str, Any], tmp_path: Path
) -> None:
    for path in folder.rglob("*.*"):
        path.write_bytes(b"no image")
    with pytest.raises(DataError, match="can be used"):
        api.doctor(folder, flags=tiny_backbone_flags, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_table_of_labels_is_named_before_one_class_is_examined(
    image_folder: Callable[..., Path],
) -> None:
    root = image_folder(classes=1, per_class=4)
    names = [path.relative_to(root).as_posix() for path in sorted(root.rglob("*.png"))]
    rows = "".join(f"{name},{'ab'[n % 2]}\n" for n, name in enumerate(names))
    (root / "labels.csv").write_text(f"path,label\n{rows}")
    with pytest.raises(DataError, match="only one class") as refused:
        api.doctor(root)
    assert "labels.csv" in refused.value.hint


def test_two_lists_are_not_carried_out_at_the_same_time(folder: Path, tmp_path: Path) -> None:
    before, name = tree(folder), scan(folder).images[0].name
    moves = tmp_path / "moves.csv"
    moves.write_text(f"path,what,suggestion\n{name},blank,quarantine\n")
    with moving(folder):
        for move in (lambda: apply_list(folder, moves), lambda: undo_list(folder)):
            with pytest.raises(DataError, match="another tlearn is moving files"):
                move()
    assert tree(folder) == before
    assert apply_list(folder, moves) == undo_list(folder) == 1
    assert tree(folder) == before


def test_a_place_that_cannot_be_written_is_told_before_the_work(
    folder: Path, tiny_backbone_flags: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(HostError):
        api.doctor(folder, flags=tiny_backbone_flags, out=tmp_path / "file" / "out")


@pytest.mark.parametrize("name", ["moves.csv", "doctor.html"])
def test_a_file_of_the_same_name_is_neither_replaced_nor_removed(
    folder: Path, tiny_backbone_flags: dict[str, Any], tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("opening,reply")
    with pytest.raises(DataError, match="was not written by tlearn doctor"):
        api.doctor(folder, flags=tiny_backbone_flags, out=tmp_path)
    assert (tmp_path / name).read_text() == "opening,reply"


def test_a_folder_with_a_dot_in_its_name_keeps_its_name(
    folder: Path,
    tiny_backbone_flags: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    renamed = folder.rename(folder.with_name("flowers-1.5"))
    result = api.doctor(renamed, flags=tiny_backbone_flags)
    assert result.page == Path("doctor", "flowers-1.5", "doctor.html")


@pytest.mark.parametrize("task", ["labels", "number"])
def test_a_table_of_labels_or_numbers_is_examined_without_its_classes(
    tiny_backbone_flags: dict[str, Any], tmp_path: Path, task: str
) -> None:
    table = DRAWN[task](tmp_path / "images")
    folder, rows = table.parent, table.read_text().splitlines()
    other, alike = ("0,1", "0,") if task == "labels" else ("49.5", "21.1")
    for name, source, cells in (("wrong", 1, other), ("same", 2, alike)):
        shutil.copy(folder / f"{source}.png", folder / f"{name}.png")
        rows.append(f"{name}.png,{cells}")
    if task == "labels":  # what is not known of a copy contradicts nothing
        assert rows[3] == "2.png,0,1"
    (folder / "broken.png").write_bytes(b"")
    rows.append("broken.png," + other)
    Image.new("RGB", (48, 48)).save(folder / "black.png")
    rows.append("black.png," + other)
    table.write_text("\n".join(rows))
    result = api.doctor(table, flags=tiny_backbone_flags, out=tmp_path / "out")
    found = result.found
    contradicting = {group.paths for group in found.copies if group.across_classes}
    assert {frozenset(paths) for paths in contradicting} == {frozenset(("1.png", "wrong.png"))}
    assert any({"2.png", "same.png"} <= {*group.paths} for group in found.copies)
    assert "black.png" in {image.path for image in found.images if image.issue == "blank"}
    assert any(issue.kind == "unreadable" for issue in found.dataset.issues)
    assert found.accuracy is None and not found.labels and not found.shortcuts
    page = result.page.read_text()
    assert found.left_out and found.left_out in page
    assert f"with different {'labels' if task == 'labels' else 'numbers'}" in page
