"""Files that are moved out of a folder or into another class, and taken back."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tlearn.data.image_folder import scan
from tlearn.doctor import moves as doctor_moves
from tlearn.doctor.moves import Move, apply_moves, is_movable, read_moves, undo_moves, write_moves
from tlearn.errors import DataError, HostError


def tree(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def names_of(root: Path, class_name: str) -> list[str]:
    return [image.name for image in scan(root).images if f"{class_name}/" in image.name]


def class_names(root: Path) -> tuple[str, ...]:
    return scan(root).classes


def test_a_list_is_read_as_it_was_written(tmp_path: Path) -> None:
    moves = [
        Move("a/x,1.jpg", "copy of 'a/x.jpg'", "quarantine"),
        Move("a/\udcff.png", "is blank", ""),
    ]
    write_moves(tmp_path / "moves.csv", moves)
    assert read_moves(tmp_path / "moves.csv") == moves


@pytest.mark.parametrize("splits", [(), ("train", "test")])
def test_what_was_moved_is_no_longer_read_and_comes_back(
    image_folder: Callable[..., Path], splits: tuple[str, ...]
) -> None:
    root = image_folder(classes=3, **({"splits": splits} if splits else {}))
    before, classes = tree(root), class_names(root)
    first, second = names_of(root, classes[0])[:2]
    suggested = [
        Move(first, "blank", "quarantine"),
        Move(second, "wrong label", f"move to {classes[1]}"),
        Move(names_of(root, classes[2])[0], "dark", ""),
    ]
    assert apply_moves(scan(root), suggested) == 2
    left = {image.name: image for image in scan(root).images}
    assert class_names(root) == classes and len(left) == len(before) - 1
    assert first not in left and second not in left
    assert (root / "quarantine" / first).read_bytes() == before[first]
    moved = next(name for name in left if left[name].path.read_bytes() == before[second])
    assert classes[left[moved].label] == classes[1]
    assert moved.split("/")[0] == (splits[0] if splits else classes[1])

    assert undo_moves(root) == 2
    assert tree(root) == before
    assert not (root / "quarantine").exists()
    with pytest.raises(DataError, match="nothing was moved"):
        undo_moves(root)


def test_nothing_is_overwritten(image_folder: Callable[..., Path]) -> None:
    root = image_folder(classes=2)
    one, other = class_names(root)
    (root / one / "same.png").write_bytes((root / names_of(root, one)[0]).read_bytes())
    (root / other / "same.png").write_bytes((root / names_of(root, other)[0]).read_bytes())
    before = tree(root)
    apply_moves(scan(root), [Move(f"{one}/same.png", "", f"move to {other}")])
    assert (root / other / "same-1.png").read_bytes() == before[f"{one}/same.png"]
    assert (root / other / "same.png").read_bytes() == before[f"{other}/same.png"]
    undo_moves(root)
    assert tree(root) == before


def test_lists_are_taken_back_one_by_one(image_folder: Callable[..., Path]) -> None:
    root = image_folder(classes=2)
    before = tree(root)
    first, second = names_of(root, class_names(root)[0])[:2]
    apply_moves(scan(root), [Move(first, "", "quarantine")])
    apply_moves(scan(root), [Move(second, "", "quarantine")])
    assert undo_moves(root) == 1
    assert (root / second).is_file() and not (root / first).exists()
    assert undo_moves(root) == 1
    assert tree(root) == before


@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EXDEV])
def test_an_interrupted_list_can_be_taken_back(
    image_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, reason: int
) -> None:
    root = image_folder(classes=2)
    before = tree(root)
    rename = os.rename
    calls: list[object] = []

    def failing(source: Path, target: Path) -> None:
        calls.append(source)
        if len(calls) == 2:
            raise OSError(reason, "")
        rename(source, target)

    monkeypatch.setattr(doctor_moves.os, "rename", failing)
    with pytest.raises(HostError):
        moves = [Move(name, "", "quarantine") for name in names_of(root, class_names(root)[0])[:3]]
        apply_moves(scan(root), moves)
    monkeypatch.undo()
    assert tree(root) != before
    assert undo_moves(root) == 1
    assert tree(root) == before


@pytest.mark.parametrize(
    ("path", "suggestion", "message"),
    [
        ("../other.png", "quarantine", "is no image of"),
        ("a/none.png", "quarantine", "is no image of"),
        (None, "delete", "neither 'quarantine' nor"),
        (None, "move to nowhere", "there is no class 'nowhere'"),
        (None, "move to {own}", "is in the class"),
    ],
)
def test_a_wrong_line_stops_the_whole_list(
    image_folder: Callable[..., Path], path: str | None, suggestion: str, message: str
) -> None:
    root = image_folder(classes=2)
    before = tree(root)
    own = class_names(root)[0]
    good, bad = names_of(root, own)[:2]
    moves = [Move(good, "", "quarantine"), Move(path or bad, "", suggestion.format(own=own))]
    with pytest.raises(DataError, match=message) as error:
        apply_moves(scan(root), moves)
    assert "line 3" in error.value.message
    assert tree(root) == before


def test_a_folder_quarantine_of_ones_own_is_left_alone(image_folder: Callable[..., Path]) -> None:
    root = image_folder(classes=2)
    name = names_of(root, class_names(root)[0])[0]
    (root / "quarantine").mkdir()
    (root / "quarantine" / "mine.png").write_bytes((root / name).read_bytes())
    before = tree(root)
    assert "quarantine" in class_names(root)
    with pytest.raises(DataError, match="was not made by tlearn"):
        apply_moves(scan(root), [Move(name, "", "quarantine")])
    assert tree(root) == before


def test_a_file_that_took_the_old_place_is_not_overwritten(
    image_folder: Callable[..., Path],
) -> None:
    root = image_folder(classes=2)
    name = names_of(root, class_names(root)[0])[0]
    apply_moves(scan(root), [Move(name, "", "quarantine")])
    (root / name).write_bytes(b"new")
    with pytest.raises(DataError, match="is there again"):
        undo_moves(root)
    assert (root / name).read_bytes() == b"new"


def test_classes_of_a_csv_are_not_edited(image_folder: Callable[..., Path]) -> None:
    root = image_folder(classes=2)
    rows = [f"{image.name},{image.label}" for image in scan(root).images]
    (root / "list.csv").write_text("\n".join(["path,label", *rows]))
    with pytest.raises(DataError, match="stand in a CSV file"):
        apply_moves(scan(root / "list.csv"), [Move(rows[0].split(",")[0], "", "quarantine")])


def test_a_file_that_is_no_list_is_refused(tmp_path: Path) -> None:
    (tmp_path / "moves.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="no columns path and suggestion"):
        read_moves(tmp_path / "moves.csv")
    with pytest.raises(DataError, match="cannot read"):
        read_moves(tmp_path / "none.csv")


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_list_that_a_spreadsheet_saved_in_another_way_is_read(
    tmp_path: Path, delimiter: str
) -> None:
    rows = [["path", "what", "suggestion"], ["a/x, 1.jpg", "blank", "quarantine"]]
    text = "\r\n".join(delimiter.join(row) for row in rows)
    (tmp_path / "moves.csv").write_text(text, encoding="utf-8-sig")
    assert read_moves(tmp_path / "moves.csv") == [Move("a/x, 1.jpg", "blank", "quarantine")]


def test_a_name_that_ends_with_a_space_is_kept(tmp_path: Path) -> None:
    moves = [Move(" a/x.png ", "blank", "quarantine")]
    write_moves(tmp_path / "moves.csv", moves)
    assert read_moves(tmp_path / "moves.csv") == moves


def test_a_line_that_is_there_twice_counts_once(image_folder: Callable[..., Path]) -> None:
    root = image_folder(classes=2)
    name = names_of(root, class_names(root)[0])[0]
    assert apply_moves(scan(root), [Move(name, "", "quarantine")] * 2) == 1
    assert (root / "quarantine" / name).is_file()


def test_two_suggestions_for_a_file_are_refused(image_folder: Callable[..., Path]) -> None:
    root = image_folder(classes=2)
    one, other = class_names(root)
    name = names_of(root, one)[0]
    before = tree(root)
    with pytest.raises(DataError, match="listed twice, with different suggestions"):
        apply_moves(scan(root), [Move(name, "", "quarantine"), Move(name, "", f"move to {other}")])
    assert tree(root) == before


def test_names_that_differ_in_case_do_not_meet_in_one_file(
    image_folder: Callable[..., Path],
) -> None:
    root = image_folder(classes=3)
    first, second, third = class_names(root)
    (root / names_of(root, first)[0]).rename(root / first / "Same.png")
    (root / names_of(root, second)[0]).rename(root / second / "same.PNG")
    listed = [f"{first}/Same.png", f"{second}/same.PNG"]
    apply_moves(scan(root), [Move(name, "", f"move to {third}") for name in listed])
    added = {Path(name).name.casefold() for name in names_of(root, third)}
    assert {"same.png", "same-1.png"} <= added


def test_a_class_called_as_its_split_gets_its_files(image_folder: Callable[..., Path]) -> None:
    root = image_folder(classes=2, splits=("train", "test"))
    one, other = class_names(root)
    for split in ("train", "test"):
        (root / split / other).rename(root / split / "train")
    name = next(image.name for image in scan(root).images if f"train/{one}/" in image.name)
    apply_moves(scan(root), [Move(name, "", "move to train")])
    assert (root / "train" / "train" / Path(name).name).is_file()


def test_a_quarantine_that_leads_elsewhere_is_refused(
    image_folder: Callable[..., Path], tmp_path: Path
) -> None:
    root = image_folder(classes=2)
    name = names_of(root, class_names(root)[0])[0]
    apply_moves(scan(root), [Move(name, "", "quarantine")])
    (root / "quarantine").rename(tmp_path / "elsewhere")
    (root / "quarantine").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="was not made by tlearn"):
        undo_moves(root)


@pytest.mark.parametrize("outside", ["../stolen.png", "/stolen.png", "a/../../stolen.png"])
def test_a_journal_cannot_reach_outside_the_folder(
    image_folder: Callable[..., Path], outside: str
) -> None:
    root = image_folder(classes=2)
    name = names_of(root, class_names(root)[0])[0]
    apply_moves(scan(root), [Move(name, "", "quarantine")])
    journal = root / "quarantine" / ".tlearn-moves.jsonl"
    journal.write_text(journal.read_text().replace(name, outside, 1))
    with pytest.raises(DataError, match="is damaged"):
        undo_moves(root)
    assert (root / "quarantine" / name).is_file()


def test_the_files_of_an_archive_are_not_moved(image_folder: Callable[..., Path]) -> None:
    root = image_folder(classes=2)
    name = names_of(root, class_names(root)[0])[0]
    archive = shutil.make_archive(str(root.parent / "packed"), "zip", root)
    assert is_movable(scan(root)) and not is_movable(scan(Path(archive)))
    with pytest.raises(DataError, match="those of an archive"):
        apply_moves(scan(Path(archive)), [Move(name, "", "quarantine")])


def test_a_link_that_would_lead_nowhere_is_not_moved(image_folder: Callable[..., Path]) -> None:
    root = image_folder(classes=2)
    one, other = class_names(root)
    (root / names_of(root, one)[0]).rename(root.parent / "real.png")
    (root / one / "deep").mkdir()
    (root / one / "deep" / "link.png").symlink_to(Path("../../../real.png"))
    (root / one / "link.png").symlink_to(Path("../../real.png"))
    with pytest.raises(DataError, match="it would lead nowhere"):
        apply_moves(scan(root), [Move(f"{one}/deep/link.png", "", f"move to {other}")])
    assert apply_moves(scan(root), [Move(f"{one}/link.png", "", f"move to {other}")]) == 1
    assert (root / other / "link.png").is_file()
