"""Exports into one folder take turns, and what one that was killed has left is cleared away."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tlearn.errors import ExportError, HostError
from tlearn.export.folder import ensure_replaceable, export_folder, publish, staging
from tlearn.progress import no_progress

HOLD = """
import pathlib, sys
from tlearn.export.folder import export_folder
with export_folder(pathlib.Path(sys.argv[1]), lambda *_: None):
    print("held", flush=True)
    sys.stdin.read()
"""


def names(folder: Path) -> set[str]:
    return {str(entry.relative_to(folder)) for entry in folder.rglob("*")}


def fill(folder: Path, *files: str) -> Path:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(f"{folder.name}/{file}")
    return folder


def test_the_second_waits_for_the_first_and_says_so(tmp_path: Path) -> None:
    folder, steps, turns = tmp_path / "export", list[str](), list[str]()
    first = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert first.stdin is not None and first.stdout is not None
    first.stdout.readline()

    def second() -> None:
        with export_folder(folder, lambda step, *_: (steps.append(step), waiting.set())):
            turns.append("second")

    waiting = threading.Event()
    thread = threading.Thread(target=second)
    thread.start()
    assert waiting.wait(60)
    turns.append("first")
    first.communicate()
    thread.join(60)
    assert turns == ["first", "second"]
    assert steps[0].startswith("wait for another export into '")


def test_many_take_turns(tmp_path: Path) -> None:
    """None of them takes a lock on a file that another has removed."""
    fill(tmp_path / "export", "mine.txt")
    inside, most = list[int](), list[int]()

    def enter(number: int) -> None:
        for _ in range(10):
            with export_folder(tmp_path / "export", no_progress):
                inside.append(number)
                most.append(len(inside))
                inside.remove(number)

    threads = [threading.Thread(target=enter, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(most) == 60 and max(most) == 1
    assert names(tmp_path / "export") == {"mine.txt"}


def test_what_a_killed_export_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    mine = {".deadbeef-notes.txt", ".export-mine", ".git", "golden/.deadbeef-mine.png", "old.old"}
    fill(
        *(tmp_path, *mine, "saved_model/saved_model.pb"),
        *(".export.lock", ".export-a1b2c3d4/model.tflite", ".candidates-abcd_123/0/model.tflite"),
        *(".0123abcd-model_int8.tflite", ".0123abcd-saved_model/x", ".0123abcd-saved_model.old/x"),
        *(".0123abcd-model.contract.json", "golden/.0123abcd-0123456789ab.png"),
    )
    with export_folder(tmp_path, no_progress):
        pass
    assert names(tmp_path) == mine | {"golden", "saved_model", "saved_model/saved_model.pb"}


def test_what_was_being_replaced_comes_back(tmp_path: Path) -> None:
    fill(tmp_path, ".0123abcd-saved_model.old/saved_model.pb", ".0123abcd-saved_model/half")
    with export_folder(tmp_path, no_progress):
        pass
    assert names(tmp_path) == {"saved_model", "saved_model/saved_model.pb"}


@pytest.mark.skipif(os.name == "nt", reason="links need a permission there")
def test_a_link_in_the_place_of_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / ".export.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HostError), export_folder(tmp_path, no_progress):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_what_is_published_replaces_all_of_that_name(tmp_path: Path) -> None:
    folder = fill(
        *(tmp_path / "export", "model.failed.xml", "model.failed.bin", "model.xml", "model.bin"),
        *("model.xml.contract.json", "golden/mine.png", "golden/1.png", "model.tflite"),
    )
    with staging(folder) as staged:
        fill(staged, "model.xml", "model.bin", "model.xml.contract.json", "golden/1.png")
        publish(staged, folder)
    files = {"model.xml", "model.bin", "model.xml.contract.json", "model.tflite"}
    assert names(folder) == files | {"golden", "golden/1.png", "golden/mine.png"}
    replaced = files - {"model.tflite"} | {"golden/1.png"}
    assert all((folder / name).read_text().startswith(".export-") for name in replaced)


def test_one_that_failed_replaces_one_that_had_passed(tmp_path: Path) -> None:
    folder = fill(tmp_path / "export", "saved_model/saved_model.pb", "saved_model.contract.json")
    with staging(folder) as staged:
        publish(fill(staged, "saved_model.failed/saved_model.pb"), folder)
    assert names(folder) == {"saved_model.failed", "saved_model.failed/saved_model.pb"}
    with staging(folder) as staged:
        publish(fill(staged, "saved_model/saved_model.pb", "saved_model.contract.json"), folder)
    assert names(folder) == {
        *("saved_model", "saved_model/saved_model.pb", "saved_model.contract.json")
    }


def test_a_folder_that_is_no_artifact_is_not_replaced(tmp_path: Path) -> None:
    fill(tmp_path, "saved_model/mine.txt", "model.tflite/mine.txt")
    with pytest.raises(ExportError, match="is no SavedModel"):
        ensure_replaceable(tmp_path / "saved_model", is_folder=True)
    with pytest.raises(HostError, match="is a folder, and no file"):
        ensure_replaceable(tmp_path / "model.tflite", is_folder=False)
    with pytest.raises(HostError, match="a device or a pipe"):
        ensure_replaceable(Path(os.devnull), is_folder=False)
