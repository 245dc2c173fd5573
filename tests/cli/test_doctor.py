"""What `tlearn doctor` prints, and the command that follows."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import CLASSES, Command
from tlearn.commands.doctor import DoctorResult
from tlearn.data.dataset import Dataset
from tlearn.data.inspection import DataIssue
from tlearn.data.notes import FolderNote
from tlearn.doctor.examination import CopyFinding, Examination, FaultyImage, WrongLabel
from tlearn.doctor.shortcuts import Shortcut


@pytest.fixture
def result(dataset: Dataset, tmp_path: Path) -> DoctorResult:
    """Something of everything, with names that would color the screen."""
    shortcut = Shortcut("size in bytes", 0.82, (0.79, 0.84), 0.34, 0.84, True)
    found = Examination(
        dataset,
        "mobilenet_v2",
        0.84,
        accuracy_with_leaks=0.95,
        accuracy_without_leaks=0.718,
        copies=[CopyFinding(("[bold]a/1.jpg", "a/2.jpg", "a/3.jpg"), "near copy", True, False)],
        labels=[WrongLabel(f"a/{n}.jpg", CLASSES[0], CLASSES[1], 0.9) for n in range(4, 11)],
        shortcuts=[shortcut, replace(shortcut, name="mean color", suspicious=False)],
        images=[FaultyImage("a/11.jpg", "blank", "gray 127")],
    )
    return DoctorResult(found, tmp_path / "doctor.html", tmp_path / "moves.csv")


def test_findings_fit_and_end_with_the_way_to_mend_them(
    command: Command,
    calls: Callable[..., Any],
    result: DoctorResult,
    fits: Callable[[str], None],
) -> None:
    recorded = calls("doctor", result)
    shown = command("doctor", "my folder", "--image-size", 96, "--groups", "auto").stdout
    fits(shown)
    for words in ("[bold]a/1.jpg", "and 1 more", "both sides", "! suspicious", "gray 127"):
        assert words in shown
    assert "and 2 more: --verbose" in shown and "a/10.jpg" not in shown
    assert "lists 10 files, 9 with a suggested move" in shown
    after = shlex.split(shown.splitlines()[-1].removeprefix("next"))
    assert after == ["tlearn", "doctor", "my folder", "--apply", str(result.moves)]
    assert recorded[0][1]["flags"] == {"image_size": 96, "groups": "auto"}
    assert "a/10.jpg" in command("doctor", "folder", "--verbose").stdout


def test_what_tells_one_class_from_the_others_is_no_row_beside_the_accuracy_of_all(
    command: Command, calls: Callable[..., Any], result: DoctorResult
) -> None:
    of_class = Shortcut("border pixels", 0.97, (0.9, 0.99), 0.5, 0.98, True, (0,))
    found = replace(result.found, shortcuts=[of_class, *result.found.shortcuts])
    calls("doctor", replace(result, found=found))
    shown = command("doctor", "folder").stdout
    table = shown.partition("What tells the classes apart")[2]
    assert "by border pixels alone" in " ".join(shown.split())
    assert "border pixels" not in table and "34.0%" in table


def test_the_document_holds_every_finding(
    command: Command, calls: Callable[..., Any], result: DoctorResult
) -> None:
    calls("doctor", result)
    document = json.loads(command("doctor", "folder", "--json").stdout)
    assert document["copies"][0]["across_splits"] is True
    assert document["labels"][0]["confidence"] == 0.9
    assert [shortcut["suspicious"] for shortcut in document["shortcuts"]] == [True, False]
    assert document["accuracy_without_leaks"] == 0.718
    assert document["moves"] == str(result.moves)


def test_without_moves_the_next_step_is_to_measure(
    command: Command, calls: Callable[..., Any], result: DoctorResult
) -> None:
    nothing = replace(result, found=Examination(result.found.dataset, "b", 0.8), moves=None)
    calls("doctor", nothing)
    shown = command("doctor", "folder").stdout
    assert shown.splitlines()[-1].endswith("tlearn suggest folder")


def test_groups_on_both_sides_are_kept_together_next(
    command: Command, calls: Callable[..., Any], result: DoctorResult
) -> None:
    torn = DataIssue("groups_across_splits", "warning", "30 of 190 groups are torn.", ())
    dataset = replace(result.found.dataset, issues=(torn,))
    calls("doctor", replace(result, found=Examination(dataset, "b", 0.8), moves=None))
    shown = command("doctor", "folder").stdout
    assert shown.count("30 of 190 groups") == 1
    assert shown.splitlines()[-1].endswith("tlearn suggest folder --groups auto")


def test_a_list_without_suggestions_is_one_to_look_at(
    command: Command, calls: Callable[..., Any], result: DoctorResult
) -> None:
    blurred = replace(
        result.found, copies=(), labels=(), images=[FaultyImage("a/1.jpg", "blurred")]
    )
    calls("doctor", replace(result, found=blurred))
    shown = command("doctor", "folder").stdout
    assert "lists 1 file to look at" in shown
    assert shown.splitlines()[-1].endswith("tlearn suggest folder")


def test_moves_are_carried_out_and_taken_back(
    command: Command, image_folder: Callable[..., Path], tmp_path: Path
) -> None:
    root = image_folder()
    name = sorted(root.rglob("*.png"))[0].relative_to(root).as_posix()
    moves = tmp_path / "moves.csv"
    moves.write_text(f"path,what,suggestion\n{name},blank,quarantine\n")
    assert "1 file moved" in command("doctor", root, "--apply", moves).stdout
    assert (root / "quarantine" / name).exists()
    assert json.loads(command("doctor", root, "--undo", "--json").stdout)["moved"] == 1
    assert (root / name).exists()
    both = command("doctor", root, "--undo", "--apply", moves)
    assert both.exit_code == 2 and "choose one" in both.stderr


def test_a_hint_names_the_command_that_was_run(command: Command, tmp_path: Path) -> None:
    refused = command("doctor", tmp_path)
    assert refused.exit_code == 2
    assert "tlearn doctor FOLDER" in refused.stderr and "suggest" not in refused.stderr


def test_a_folder_that_cannot_be_trained_on_is_examined_again_next(
    command: Command, calls: Callable[..., Any], result: DoctorResult
) -> None:
    obstacle = DataIssue("untrainable", "warning", "It cannot be trained on: why.", ())
    dataset = replace(result.found.dataset, issues=(obstacle,))
    found = Examination(dataset, "b", copies=result.found.copies)
    calls("doctor", replace(result, found=found))
    shown = command("doctor", "folder").stdout
    assert shown.index("cannot be trained on") < shown.index("near copies")
    assert "not divided" in shown and "tlearn doctor folder  # again" in shown.splitlines()[-1]
    assert json.loads(command("doctor", "folder", "--json").stdout)["accuracy"] is None


def test_an_archive_is_shown_by_the_name_that_was_given(
    command: Command, calls: Callable[..., Any], result: DoctorResult
) -> None:
    note = FolderNote("unpacked", "note", "It was unpacked.", ("flowers.zip",))
    dataset = result.found.dataset
    dataset = replace(dataset, folder=replace(dataset.folder, notes=(note,)))
    calls("doctor", replace(result, found=replace(result.found, dataset=dataset)))
    shown = command("doctor", "flowers.zip").stdout
    assert re.search(r"folder +flowers\.zip\n", re.sub(" +\n", "\n", shown))


def test_what_the_tables_show_is_not_told_a_second_time(
    command: Command, calls: Callable[..., Any], result: DoctorResult
) -> None:
    blank = DataIssue("blank", "note", "Told of a/11.jpg.", ("a/11.jpg",))
    other = DataIssue("blank", "note", "Told of a/99.jpg.", ("a/99.jpg",))
    dataset = replace(result.found.dataset, issues=(blank, other))
    calls("doctor", replace(result, found=replace(result.found, dataset=dataset)))
    shown = command("doctor", "folder").stdout
    assert "Told of a/11.jpg" not in shown and "Told of a/99.jpg" in shown
