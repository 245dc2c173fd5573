"""Groups of near-copies, and what is said of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlearn.data.copy_findings import CopyGroup, copy_issues
from tlearn.data.image_folder import ImageFolder, LabeledImage


def folder_of(*images: tuple[int, str | None]) -> ImageFolder:
    listed = tuple(
        LabeledImage(Path(f"/f/{n}.png"), f"{n}.png", label, split)
        for n, (label, split) in enumerate(images)
    )
    return ImageFolder(Path("/f"), ("ant", "bee"), listed, "classes")


@pytest.mark.parametrize(
    ("second", "kind", "severity", "words"),
    [
        ((0, None), "near_copies", "note", "Each group stays in one split."),
        ((1, None), "near_copies_across_classes", "warning", "One of the labels is wrong"),
        ((0, "test"), "near_copies_across_splits", "warning", "1 image is left out of train"),
    ],
)
def test_near_copies_are_told_with_what_they_do(
    second: tuple[int, str | None], kind: str, severity: str, words: str
) -> None:
    first = (0, "train" if second[1] else None)
    (issue,) = copy_issues(folder_of(first, second), [CopyGroup((0, 1), "near copy")])
    assert (issue.kind, issue.severity) == (kind, severity)
    assert "2 images are near copies (1 group)" in issue.message and words in issue.message
    assert issue.names == ("0.png", "1.png")


def test_equal_pixels_are_told_elsewhere() -> None:
    copies = [CopyGroup((0, 1), "equal pixels")]
    assert not [*copy_issues(folder_of((0, None), (1, None)), copies)]
