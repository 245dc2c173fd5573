"""Data issues: what raises each one, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tlearn.data.decode import read_image
from tlearn.data.image_folder import ImageFolder, LabeledImage, scan
from tlearn.data.image_info import ImageInfo
from tlearn.data.inspection import DataIssue, inspect_dataset

CLASSES = ("cat", "dog")
Row = tuple[str, int, ImageInfo]


def info(digest: str, **changes: object) -> ImageInfo:
    return replace(ImageInfo(digest, 100, 80, "PNG", False), **changes)


def folder_of(rows: Sequence[Row], splits: Sequence[str | None] = ()) -> ImageFolder:
    root = Path("/images")
    images = [
        LabeledImage(root / name, name, label, split)
        for (name, label, _), split in zip(rows, splits or [None] * len(rows), strict=True)
    ]
    return ImageFolder(root, CLASSES, tuple(images), "classes")


def healthy(per_class: int = 12) -> list[Row]:
    return [
        (f"{name}/{n}.png", label, info(f"{name}{n}"))
        for label, name in enumerate(CLASSES)
        for n in range(per_class)
    ]


def issues_of(rows: Sequence[Row], splits: Sequence[str | None] = ()) -> dict[str, DataIssue]:
    issues = inspect_dataset(folder_of(rows, splits), [row[2] for row in rows])
    assert len({issue.kind for issue in issues}) == len(issues)
    assert all(issue.message.endswith(".") and issue.names for issue in issues)
    assert all(issue.severity in ("warning", "note") for issue in issues)
    return {issue.kind: issue for issue in issues}


def test_a_healthy_folder_has_no_issues() -> None:
    assert issues_of(healthy()) == {}


def test_unreadable_images() -> None:
    bad = [(f"cat/bad{n}.png", 0, ImageInfo("e", 0, 0, "", False, "empty")) for n in range(5)]
    issues = issues_of([*healthy(), *bad])
    assert set(issues) == {"unreadable"}
    assert "5 of 29 images" in issues["unreadable"].message
    assert "'cat/bad2.png' (empty) and 2 more" in issues["unreadable"].message
    assert issues["unreadable"].names[4] == "cat/bad4.png: empty"


def test_another_format_than_the_extension_says() -> None:
    odd = [
        ("cat/a.jpg", 0, info("a")),
        ("cat/b.JPEG", 0, info("b", format="JPEG")),
        ("cat/c.dat", 0, info("c")),
    ]
    issue = issues_of([*healthy(), *odd])["misnamed"]
    assert issue.names == ("cat/a.jpg",) and "'cat/a.jpg' is PNG" in issue.message


def test_duplicates_in_a_class() -> None:
    copies = [("cat/x.png", 0, info("cat0")), ("cat/y.png", 0, info("cat0"))]
    issues = issues_of([*healthy(), *copies])
    assert set(issues) == {"duplicate"}
    assert issues["duplicate"].names == ("cat/0.png", "cat/x.png", "cat/y.png")
    assert "1 image is stored more than once" in issues["duplicate"].message
    assert "2 spare copies" in issues["duplicate"].message


def test_an_image_in_two_classes() -> None:
    issues = issues_of([*healthy(), ("dog/x.png", 1, info("cat0"))])
    assert set(issues) == {"conflicting_labels"}
    assert issues["conflicting_labels"].names == ("cat/0.png", "dog/x.png")
    assert "'cat', 'dog'" in issues["conflicting_labels"].message


def test_an_image_in_two_splits() -> None:
    rows = [*healthy(), ("val/cat/x.png", 0, info("cat0"))]
    issues = issues_of(rows, ["train"] * 24 + ["val"])
    assert set(issues) == {"leak", "untested"}
    assert issues["leak"].names == ("cat/0.png", "val/cat/x.png")


@pytest.mark.parametrize(("side", "expected"), [(31, {"tiny"}), (32, set())])
def test_tiny_images(side: int, expected: set[str]) -> None:
    assert set(issues_of([*healthy(), ("cat/x.png", 0, info("x", height=side))])) == expected


@pytest.mark.parametrize(("extra", "expected"), [(24, set()), (25, {"imbalance"})])
def test_imbalanced_classes(extra: int, expected: set[str]) -> None:
    more = [(f"cat/more{n}.png", 0, info(f"more{n}")) for n in range(extra)]
    issues = issues_of([*healthy(), *more])
    assert set(issues) == expected
    if expected:
        assert (
            "'cat' has 37 images that can be read, 'dog' has 12 (3.1 to 1)"
            in issues["imbalance"].message
        )
        assert issues["imbalance"].names == ("cat", "dog")


def test_imbalance_looks_at_train_only() -> None:
    more = [(f"val/cat/{n}.png", 0, info(f"more{n}")) for n in range(100)]
    found = issues_of([*healthy(), *more], ["train"] * 24 + ["val"] * 100)
    assert set(found) == {"untested"} and found["untested"].names == ("dog",)


def test_a_class_without_readable_images() -> None:
    rows = [row for row in healthy() if row[1] == 0]
    bad = ("dog/0.png", 1, ImageInfo("e", 0, 0, "", False, "empty"))
    assert "'dog' has none" in issues_of([*rows, bad])["imbalance"].message


@pytest.mark.parametrize(("per_class", "expected"), [(9, {"few"}), (10, set())])
def test_few_images_of_a_class(per_class: int, expected: set[str]) -> None:
    issues = issues_of(healthy(per_class))
    assert set(issues) == expected
    if expected:
        assert issues["few"].severity == "note" and issues["few"].names == CLASSES


def test_rotated_images() -> None:
    issues = issues_of([*healthy(), ("cat/x.png", 0, info("x", rotated=True))])
    assert issues["rotated"].severity == "note" and issues["rotated"].names == ("cat/x.png",)


def test_a_placeholder_is_known_by_its_name() -> None:
    odd = [("cat/imageNotFound.png", 0, info("x")), ("no_image/x.png", 0, info("y"))]
    assert issues_of([*healthy(), *odd])["placeholder"].names == ("cat/imageNotFound.png",)


def test_issues_of_real_files(image_folder: Callable[..., Path]) -> None:
    root = image_folder(classes=2, per_class=10)
    (root / "circle" / "circle_1.png").write_bytes(b"")
    (root / "square" / "copy.jpg").write_bytes((root / "square" / "square_0.png").read_bytes())
    folder = scan(root)
    infos = [read_image(image.path, 32, "squash")[1] for image in folder.images]
    kinds = {issue.kind for issue in inspect_dataset(folder, infos)}
    assert kinds == {"unreadable", "duplicate", "misnamed", "few"}


def test_folders_that_became_no_class_and_loose_images_are_reported(
    image_folder: Callable[..., Path],
) -> None:
    root = image_folder(classes=2, per_class=12)
    (root / "scans").mkdir()
    (root / "scans" / "a.dcm").touch()
    next(root.rglob("*.png")).rename(root / "loose.png")
    folder = scan(root)
    issues = inspect_dataset(folder, [info(image.name) for image in folder.images])
    (issue,) = (issue for issue in issues if issue.kind == "no_class")
    assert issue.names == ("scans", "loose.png")
    assert issue.message == (
        "1 folder became no class: 'scans' (only .dcm files). "
        "1 image is in no class folder and left out: 'loose.png'."
    )
