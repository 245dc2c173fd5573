"""Findings: what raises each one, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tlearn.data.decode import ImageInfo, read_image
from tlearn.data.image_folder import ImageFolder, LabeledImage, scan
from tlearn.data.inspection import DataIssue, inspect_dataset

CLASSES = ("cat", "dog")
Row = tuple[str, int, ImageInfo]


def fact(digest: str, **changes: object) -> ImageInfo:
    return replace(ImageInfo(digest, 100, 80, "PNG", False), **changes)


def folder_of(rows: Sequence[Row], splits: Sequence[str | None] = ()) -> ImageFolder:
    root = Path("/pictures")
    images = [
        LabeledImage(root / name, name, label, split)
        for (name, label, _), split in zip(rows, splits or [None] * len(rows), strict=True)
    ]
    return ImageFolder(root, CLASSES, tuple(images), "classes")


def healthy(per_class: int = 12) -> list[Row]:
    return [
        (f"{name}/{n}.png", label, fact(f"{name}{n}"))
        for label, name in enumerate(CLASSES)
        for n in range(per_class)
    ]


def findings(rows: Sequence[Row], splits: Sequence[str | None] = ()) -> dict[str, DataIssue]:
    found = inspect_dataset(folder_of(rows, splits), [row[2] for row in rows])
    assert len({issue.kind for issue in found}) == len(found)
    assert all(issue.message.endswith(".") and issue.names for issue in found)
    assert all(issue.severity in ("warning", "note") for issue in found)
    return {issue.kind: issue for issue in found}


def test_a_healthy_folder_has_no_findings() -> None:
    assert findings(healthy()) == {}


def test_unreadable() -> None:
    bad = [(f"cat/bad{n}.png", 0, ImageInfo("e", 0, 0, "", False, "empty")) for n in range(5)]
    found = findings([*healthy(), *bad])
    assert set(found) == {"unreadable"}
    assert "5 of 29 images" in found["unreadable"].message
    assert "cat/bad2.png: empty and 2 more" in found["unreadable"].message
    assert found["unreadable"].names[4] == "cat/bad4.png: empty"


def test_misnamed() -> None:
    odd = [
        ("cat/a.jpg", 0, fact("a")),
        ("cat/b.JPEG", 0, fact("b", format="JPEG")),
        ("cat/c.dat", 0, fact("c")),
    ]
    found = findings([*healthy(), *odd])["misnamed"]
    assert found.names == ("cat/a.jpg",) and "cat/a.jpg is PNG" in found.message


def test_duplicates_inside_a_class() -> None:
    copies = [("cat/x.png", 0, fact("cat0")), ("cat/y.png", 0, fact("cat0"))]
    found = findings([*healthy(), *copies])
    assert set(found) == {"duplicate"}
    assert found["duplicate"].names == ("cat/0.png", "cat/x.png", "cat/y.png")
    assert "1 image is stored more than once" in found["duplicate"].message
    assert "2 spare copies" in found["duplicate"].message


def test_conflicting_labels() -> None:
    found = findings([*healthy(), ("dog/x.png", 1, fact("cat0"))])
    assert set(found) == {"conflicting_labels"}
    assert found["conflicting_labels"].names == ("cat/0.png", "dog/x.png")
    assert "'cat', 'dog'" in found["conflicting_labels"].message


def test_leak() -> None:
    rows = [*healthy(), ("val/cat/x.png", 0, fact("cat0"))]
    found = findings(rows, ["train"] * 24 + ["val"])
    assert set(found) == {"leak"}
    assert found["leak"].names == ("cat/0.png", "val/cat/x.png")


@pytest.mark.parametrize(("side", "expected"), [(31, {"tiny"}), (32, set())])
def test_tiny(side: int, expected: set[str]) -> None:
    assert set(findings([*healthy(), ("cat/x.png", 0, fact("x", height=side))])) == expected


@pytest.mark.parametrize(("extra", "expected"), [(24, set()), (25, {"imbalance"})])
def test_imbalance(extra: int, expected: set[str]) -> None:
    more = [(f"cat/more{n}.png", 0, fact(f"more{n}")) for n in range(extra)]
    found = findings([*healthy(), *more])
    assert set(found) == expected
    if expected:
        assert "'cat' has 37 images" in found["imbalance"].message
        assert found["imbalance"].names == ("cat", "dog")


def test_imbalance_looks_at_train_only() -> None:
    more = [(f"val/cat/{n}.png", 0, fact(f"more{n}")) for n in range(100)]
    assert findings([*healthy(), *more], ["train"] * 24 + ["val"] * 100) == {}


def test_a_class_without_readable_pictures() -> None:
    rows = [row for row in healthy() if row[1] == 0]
    bad = ("dog/0.png", 1, ImageInfo("e", 0, 0, "", False, "empty"))
    assert "against none" in findings([*rows, bad])["imbalance"].message


@pytest.mark.parametrize(("per_class", "expected"), [(9, {"few"}), (10, set())])
def test_few(per_class: int, expected: set[str]) -> None:
    found = findings(healthy(per_class))
    assert set(found) == expected
    if expected:
        assert found["few"].severity == "note" and found["few"].names == CLASSES


def test_rotated() -> None:
    found = findings([*healthy(), ("cat/x.png", 0, fact("x", rotated=True))])
    assert found["rotated"].severity == "note" and found["rotated"].names == ("cat/x.png",)


def test_placeholder() -> None:
    odd = [("cat/imageNotFound.png", 0, fact("x")), ("no_image/x.png", 0, fact("y"))]
    assert findings([*healthy(), *odd])["placeholder"].names == ("cat/imageNotFound.png",)


def test_on_files(image_folder: Callable[..., Path]) -> None:
    root = image_folder(classes=2, per_class=10)
    (root / "circle" / "circle_1.png").write_bytes(b"")
    (root / "square" / "copy.jpg").write_bytes((root / "square" / "square_0.png").read_bytes())
    folder = scan(root)
    facts = [read_image(image.path, 32, "squash")[1] for image in folder.images]
    kinds = {issue.kind for issue in inspect_dataset(folder, facts)}
    assert kinds == {"unreadable", "duplicate", "misnamed", "few"}
