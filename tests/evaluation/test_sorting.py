"""Files go to the folder of their class; nothing is overwritten, and moves can be taken back."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tlearn.confidence.answers import Answer
from tlearn.errors import DataError, HostError
from tlearn.evaluation.predictions import Prediction
from tlearn.evaluation.sorting import (
    JOURNAL,
    Sorting,
    check_sorting,
    class_folders,
    sort_files,
    undo_sorting,
)

LABELS = ("cat", "dog/wolf")
Answering = Callable[..., Prediction]


@pytest.fixture
def answer(tmp_path: Path) -> Answering:
    """A file that holds its own name, and what a model says of it, or a problem."""

    def make(
        name: str,
        cat: float = 0.9,
        problem: str = "",
        content: str = "",
        known: float | None = None,
    ) -> Prediction:
        path = tmp_path / "from" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content or name)
        if problem:
            return Prediction.unreadable(str(path), problem)
        return Prediction.of(str(path), Answer(np.array([cat, 1 - cat]), known), LABELS)

    return make


@pytest.fixture
def sorting(tmp_path: Path) -> Sorting:
    return Sorting(tmp_path / "to")


def files(folder: Path) -> dict[str, str]:
    """Path to content of every file that is no journal."""
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != JOURNAL
    }


def test_files_are_copied_to_their_class_and_unsure_ones_apart(
    answer: Answering, sorting: Sorting, tmp_path: Path
) -> None:
    answers = [answer("a.jpg"), answer("b.jpg", 0.1), answer("c.jpg", 0.4999), answer("d.jpg", 0.5)]
    answers += [answer("e.jpg", 0.45), answer("broken.jpg", problem="empty")]
    done = sort_files(answers, LABELS, Sorting(sorting.folder, unsure=0.56))
    wanted = {"cat/a.jpg": "a.jpg", "dog_wolf/b.jpg": "b.jpg"}
    wanted |= {f"unsure/{name}.jpg": f"{name}.jpg" for name in "cde"}
    assert files(sorting.folder) == wanted
    assert done.counts == {"unsure": 3, "cat": 1, "dog_wolf": 1}
    assert done.folders == {"dog/wolf": "dog_wolf"}
    assert done.left == {str(tmp_path / "from" / "broken.jpg"): "empty"}
    assert len(files(tmp_path / "from")) == 6, "they were copied"


def test_an_image_that_is_not_known_is_none_of_the_classes(
    answer: Answering, sorting: Sorting
) -> None:
    sort_files([answer("a.jpg", known=0.04), answer("b.jpg", known=0.06)], LABELS, sorting)
    assert files(sorting.folder) == {"cat/b.jpg": "b.jpg", "none_of_these/a.jpg": "a.jpg"}


def test_nothing_is_overwritten_and_what_is_there_is_not_copied_again(
    answer: Answering, sorting: Sorting
) -> None:
    answers = [answer("1/a.jpg"), answer("2/a.jpg")]
    (sorting.folder / "cat").mkdir(parents=True)
    (sorting.folder / "cat" / "a.jpg").write_text("of somebody else")
    wanted = {
        "cat/a.jpg": "of somebody else",
        "cat/a-1.jpg": "1/a.jpg",
        "cat/a-2.jpg": "2/a.jpg",
    }
    for present in (0, 2):
        done = sort_files(answers, LABELS, sorting)
        assert files(sorting.folder) == wanted and done.present == present


def test_links_lead_to_the_files(answer: Answering, sorting: Sorting) -> None:
    by_link = Sorting(sorting.folder, "link")
    for present in (0, 1):
        assert sort_files([answer("a.jpg")], LABELS, by_link).present == present
    (link,) = (sorting.folder / "cat").iterdir()
    assert link.is_symlink() and link.read_text() == "a.jpg"


def test_moves_are_taken_back(answer: Answering, sorting: Sorting, tmp_path: Path) -> None:
    answers = [answer("1/a.jpg"), answer("2/a.jpg"), answer("b.jpg", 0.2)]
    before = files(tmp_path / "from")
    done = sort_files(answers, LABELS, Sorting(sorting.folder, "move"))
    assert not files(tmp_path / "from")
    assert [*done.places.values()] == ["cat/a.jpg", "cat/a-1.jpg", "dog_wolf/b.jpg"]
    with pytest.raises(DataError, match="last was in") as error:
        undo_sorting(sorting.folder, [tmp_path / "elsewhere"])
    assert f"{tmp_path / 'from'} --sort-into" in error.value.hint
    assert undo_sorting(sorting.folder, [tmp_path / "from" / "1"]) == 1
    assert undo_sorting(sorting.folder, [tmp_path / "from"]) == 2
    assert files(tmp_path / "from") == before
    assert not sorting.folder.exists()
    with pytest.raises(DataError, match="nothing was moved"):
        undo_sorting(sorting.folder, [tmp_path / "from"])


def test_the_moves_made_last_are_taken_back_first(
    answer: Answering, sorting: Sorting, tmp_path: Path
) -> None:
    by_move = Sorting(sorting.folder, "move")
    sort_files([answer("a.jpg")], LABELS, by_move)
    sort_files([answer("b.jpg")], LABELS, by_move)
    assert undo_sorting(sorting.folder, [tmp_path / "from"]) == 1
    assert files(tmp_path / "from") == {"b.jpg": "b.jpg"}
    answer("a.jpg", content="another")
    with pytest.raises(DataError, match="is there again") as error:
        undo_sorting(sorting.folder, [tmp_path / "from"])
    assert error.value.hint.endswith("--undo")
    assert files(tmp_path / "from")["a.jpg"] == "another"


def test_a_move_to_another_disk_is_a_move(
    answer: Answering, sorting: Sorting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "")

    monkeypatch.setattr(os, "rename", refuse)
    sort_files([answer("a.jpg")], LABELS, Sorting(sorting.folder, "move"))
    assert files(sorting.folder) == {"cat/a.jpg": "a.jpg"} and not files(tmp_path / "from")


def test_a_copy_that_did_not_fit_leaves_nothing_behind(
    answer: Answering, sorting: Sorting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "")

    monkeypatch.setattr("shutil.copyfileobj", refuse)
    with pytest.raises(HostError, match="No space"):
        sort_files([answer("a.jpg")], LABELS, sorting)
    assert not files(sorting.folder)


def test_a_link_that_would_lead_nowhere_is_not_moved(
    answer: Answering, sorting: Sorting, tmp_path: Path
) -> None:
    target = answer("a.jpg")
    link = tmp_path / "from" / "link.jpg"
    link.symlink_to("a.jpg")
    answers = [Prediction(str(link), target.label, target.probability, target.top)]
    done = sort_files(answers, LABELS, Sorting(sorting.folder, "move"))
    assert link.is_symlink() and "link" in done.left[str(link)] and not done.places


def test_classes_that_are_one_folder_somewhere_get_two() -> None:
    labels = ("Cat", "cat", "a/b", "a_b", "unsure", "none_of_these")
    folders = class_folders(labels)
    assert folders["Cat"] == "Cat" and folders["cat"] == "cat-1"
    assert folders["a_b"] == "a_b" and folders["a/b"] == "a_b-1"
    assert folders["unsure"] == "unsure-1" and folders["none_of_these"] == "none_of_these-1"


def test_a_folder_of_a_class_that_is_a_link_is_refused(
    answer: Answering, sorting: Sorting, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    sorting.folder.mkdir()
    (sorting.folder / "cat").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="is a link"):
        sort_files([answer("a.jpg")], LABELS, Sorting(sorting.folder, "move"))
    assert files(tmp_path / "from") == {"a.jpg": "a.jpg"}
    assert not (sorting.folder / JOURNAL).exists()


@pytest.mark.parametrize(
    ("source", "folder", "told"),
    [
        ("photos", "photos/sorted", "photos/sorted' is inside"),
        ("photos", "photos", "photos' is the folder whose"),
        ("photos/new", "photos", "new' is inside"),
    ],
)
def test_a_folder_is_not_sorted_into_itself(
    tmp_path: Path, source: str, folder: str, told: str
) -> None:
    (tmp_path / "photos" / "new").mkdir(parents=True)
    (tmp_path / "same").symlink_to(tmp_path)
    with pytest.raises(DataError, match=told) as error:
        check_sorting(Sorting(tmp_path / "same" / folder), [tmp_path / source])
    assert "--sort-into" in error.value.hint
    check_sorting(Sorting(tmp_path / "sorted"), [tmp_path / source])


@pytest.mark.parametrize(
    "line",
    [
        "no json",
        json.dumps({"batch": 1, "source": "a.jpg", "target": "cat/a.jpg"}),
        json.dumps({"batch": 1, "source": "/a.jpg", "target": "../../a.jpg"}),
        json.dumps({"batch": 1, "source": "/a.jpg", "target": "/etc/passwd"}),
        json.dumps({"batch": 1, "source": 5, "target": "cat/a.jpg"}),
    ],
)
def test_a_damaged_journal_moves_nothing(sorting: Sorting, tmp_path: Path, line: str) -> None:
    sorting.folder.mkdir()
    (sorting.folder / JOURNAL).write_text(line + "\n")
    with pytest.raises(DataError, match="is damaged"):
        undo_sorting(sorting.folder, [Path("/")])


def test_a_way_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such way") as error:
        Sorting(tmp_path, "throw")
    assert "--how" in error.value.hint
