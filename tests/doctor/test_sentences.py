"""Findings in sentences, the worst first, and none where there is nothing to say."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from tlearn.data.inspection import DataIssue
from tlearn.doctor.examination import (
    CopyFinding,
    Examination,
    FaultyImage,
    GroupFinding,
    WrongLabel,
)
from tlearn.doctor.overlap import ClassOverlap
from tlearn.doctor.sentences import sentences
from tlearn.doctor.shortcuts import Shortcut


def said(*issues: DataIssue, **findings: Any) -> str:
    names = SimpleNamespace(classes=("ant", "bee", "wasp", "fly"), images=range(6), task="classes")
    dataset: Any = SimpleNamespace(folder=names, manifest=names, issues=issues)
    return "\n".join(sentences(Examination(dataset, "b", 0.9, **findings)))


def test_nothing_found_is_nothing_said() -> None:
    assert said() == ""
    harmless = Shortcut("mean color", 0.4, (0.3, 0.5), 0.25, 0.9, False)
    assert said(shortcuts=[harmless]) == ""


def test_copies_are_counted_with_what_they_do_to_accuracy() -> None:
    copies = [
        CopyFinding(("a", "b", "c"), "near copy", True, False),
        CopyFinding(("d", "e"), "equal pixels", False, True),
    ]
    text = said(copies=copies, accuracy_with_leaks=0.95, accuracy_without_leaks=0.718)
    assert "5 images are copies or near copies of one another (2 groups)" in text
    assert "1 group in two classes" in text and "1 group on both sides of the split" in text
    assert "95.0%" in text and "71.8%" in text


def test_suspicious_shortcuts_qualify_the_accuracy() -> None:
    overall = Shortcut("size in bytes", 0.82, (0.79, 0.84), 0.5, 0.84, True)
    of_class = Shortcut("border pixels", 0.9, (0.8, 0.95), 0.5, 0.92, True, (0, 2))
    text = said(shortcuts=[overall, of_class])
    assert "The classes can be told apart by size in bytes alone (82.0% right" in text
    assert "'ant', 'wasp' can be told from the other classes by border pixels alone" in text
    assert "images themselves reach 84.0%, guessing 50.0%" in text
    assert text.endswith("accuracy may be much lower than measured here.")


def test_labels_and_images_are_told() -> None:
    text = said(
        labels=[WrongLabel("ant/1.jpg", "ant", "bee", 0.93)],
        images=[
            FaultyImage("ant/2.jpg", "blank"),
            *(FaultyImage(f"ant/{n}.jpg", "outlier") for n in (3, 4)),
        ],
    )
    assert "1 label is probably wrong; the surest: 'ant/1.jpg'" in text
    assert "3 images may be faulty: 1 blank, 2 outliers" in text


def test_labels_that_are_less_sure_are_counted_apart() -> None:
    labels = [WrongLabel(f"ant/{n}.jpg", "ant", "bee", sure) for n, sure in ((1, 0.9), (2, 0.4))]
    assert "2 labels may be wrong, 1 of them probably; the surest" in said(labels=labels)


def test_very_many_wrong_labels_are_doubted() -> None:
    labels = [WrongLabel(f"ant/{n}.jpg", "ant", "bee", 0.9) for n in range(11)]
    assert "So many" in said(labels=labels)
    assert "So many" not in said(labels=labels[:10])


def test_overlap_is_told_beside_guessing() -> None:
    text = said(overlaps=[ClassOverlap(0, 1, 0.52, (0.4, 0.6)), ClassOverlap(1, 2, 0.1, (0, 0.2))])
    assert "'ant' and 'bee' are told apart hardly better than by guessing (52.0% right" in text
    assert "'bee' and 'wasp' are told apart no better than by guessing (10.0% right" in text


def test_groups_on_both_sides_are_told_in_the_words_of_other_commands_and_only_once() -> None:
    torn = DataIssue("groups_across_splits", "warning", "30 of 190 groups are torn.", ())
    group = GroupFinding("personN", None, 190, 30, False)
    assert said(torn, groups=[group]) == "30 of 190 groups are torn."
    assert said(groups=[replace(group, across_splits=0)]) == ""


def test_what_keeps_a_folder_from_being_trained_on_comes_first() -> None:
    obstacle = DataIssue("untrainable", "warning", "It cannot be trained on: why.", ())
    text = said(obstacle, copies=[CopyFinding(("a", "b"), "near copy", False, False)])
    assert text.startswith("It cannot be trained on: why.\n") and "copies" in text


def test_leaks_that_promise_nothing_are_not_told() -> None:
    copies = [CopyFinding(("a", "b"), "near copy", False, False)]
    text = said(copies=copies, accuracy_with_leaks=0.7, accuracy_without_leaks=0.72)
    assert "A head that is trained on copies" not in text
