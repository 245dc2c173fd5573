"""From findings to moves: what is sure is suggested, what is not is listed for a person."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from tlearn.doctor.examination import CopyFinding, Examination, FaultyImage, WrongLabel
from tlearn.doctor.moves import Move


def examination(**findings: Any) -> Examination:
    images = [SimpleNamespace(name=name, label=0) for name in "abcdxyz"]
    dataset: Any = SimpleNamespace(
        manifest=SimpleNamespace(classes=("cat", "dog")),
        folder=SimpleNamespace(images=images, task="classes"),
    )
    return Examination(dataset, "b", 0.9, **findings)


@pytest.mark.parametrize(
    ("kind", "across_splits", "across_classes", "suggested"),
    [
        ("equal pixels", False, False, ["b"]),
        ("near copy", False, False, []),  # not quite the same: it stays, on the same side
        ("near copy", True, False, ["b"]),
        ("near copy", False, True, ["a", "b"]),
    ],
)
def test_copies_are_to_be_moved_where_they_do_harm(
    kind: str, across_splits: bool, across_classes: bool, suggested: list[str]
) -> None:
    found = examination(copies=[CopyFinding(("a", "b"), kind, across_splits, across_classes)])
    moves = found.moves()
    assert [move.path for move in moves if move.suggestion == "quarantine"] == suggested
    assert moves[-1].path == "b" and "'a'" in moves[-1].what


def test_a_label_is_moved_where_that_is_sure() -> None:
    labels = [WrongLabel("x", "cat", "dog", 0.9), WrongLabel("y", "cat", "dog", 0.4)]
    assert [move.suggestion for move in examination(labels=labels).moves()] == ["move to dog", ""]


def test_a_file_is_listed_once_with_what_is_surest() -> None:
    found = examination(
        copies=[CopyFinding(("a", "b"), "equal pixels", False, False)],
        labels=[WrongLabel("b", "cat", "dog", 0.9)],
        images=[FaultyImage("b", "blank"), FaultyImage("c", "blank", "gray 127")],
    )
    assert found.moves() == [
        Move("b", "equal pixels of 'a'", "quarantine"),
        Move("c", "blank: gray 127", "quarantine"),
    ]


def test_near_copies_with_a_wrong_label_are_moved_all() -> None:
    found = examination(
        copies=[CopyFinding(("a", "b", "c"), "near copy", False, False)],
        labels=[WrongLabel(name, "cat", "dog", 0.9) for name in "abc"],
    )
    assert {move.path: move.suggestion for move in found.moves()} == dict.fromkeys(
        "abc", "move to dog"
    )


def test_a_class_of_blank_images_stays() -> None:
    few = examination(images=[FaultyImage(name, "blank") for name in "abc"])
    assert [move.suggestion for move in few.moves()] == ["quarantine"] * 3
    most = examination(images=[FaultyImage(name, "blank") for name in "abcdx"])
    assert [move.suggestion for move in most.moves()] == [""] * 5


def test_the_document_has_every_finding() -> None:
    found = examination(copies=[CopyFinding(("a", "b"), "near copy", True, False)])
    document = json.loads(json.dumps(found.to_json()))
    assert document["copies"][0]["paths"] == ["a", "b"]
    assert document["accuracy_without_leaks"] is None and document["labels"] == []


def test_where_too_many_labels_are_listed_none_is_to_be_moved() -> None:
    labels = [WrongLabel(f"{n}", "cat", "dog", 0.9) for n in range(30)]
    images = SimpleNamespace(images=[SimpleNamespace(name="0", label=0)] * 100)
    dataset: Any = SimpleNamespace(folder=images, manifest=None)
    few, many = (Examination(dataset, "b", 0.9, labels=labels[:n]) for n in (20, 30))
    assert {move.suggestion for move in few.moves()} == {"move to dog"}
    assert {move.suggestion for move in many.moves()} == {""}
