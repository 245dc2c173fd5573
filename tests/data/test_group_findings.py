"""What is said of groups: shown before they are used, and told where a split breaks them."""

from __future__ import annotations

from pathlib import Path

from tlearn.data.group_findings import group_issues
from tlearn.data.groups import GroupRule, find_groups
from tlearn.data.image_folder import ImageFolder, LabeledImage
from tlearn.data.image_info import ImageInfo
from tlearn.data.inspection import DataIssue


def issues(rule: GroupRule, splits: tuple[str | None, ...]) -> dict[str, DataIssue]:
    """Twenty patients of each class with four images; every fifth has one in the other part."""
    images = []
    for label, class_name in enumerate("ab"):
        for n in range(20):
            for k in range(4):
                other = (n % 2 == 0) != (n % 10 == 0 and k == 0)
                split = splits[other]
                name = f"{class_name}/patient{label}{n:02}_{k}.png"
                images.append(LabeledImage(Path(name), f"{split or ''}/{name}", label, split))
    folder = ImageFolder(Path("/p"), ("a", "b"), tuple(images), "classes")
    infos = [ImageInfo(f"{n}", 9, 9, "PNG", False) for n in range(len(images))]
    found = find_groups(folder, infos, rule)
    return {issue.kind: issue for issue in group_issues(folder, infos, found)}


def test_a_given_split_that_breaks_groups_is_a_warning_with_counts_and_the_flag() -> None:
    found = issues(GroupRule(), ("test", "train"))
    assert list(found) == ["groups_across_splits"]
    issue = found["groups_across_splits"]
    assert issue.severity == "warning" and issue.message.endswith("--groups auto.")
    assert issue.message.startswith("4 of 24 groups in test are also in train")
    assert "By their names, 160 images seem to be of 40 groups" in issue.message
    assert len(issue.names) == 12 and all(name.startswith("train/") for name in issue.names)


def test_obeyed_groups_tell_what_was_left_out() -> None:
    issue = issues(GroupRule("guessed"), ("test", "train"))["groups_left_out"]
    assert issue.message.endswith("for that: 12 images.")


def test_without_given_splits_a_guess_is_offered_and_what_is_obeyed_is_shown() -> None:
    offered = issues(GroupRule(), (None, None))["groups"]
    assert offered.severity == "note" and offered.message.endswith("--groups auto.")
    pattern = issues(GroupRule("given", "(patient[0-9]+)_"), (None, None))["groups"]
    assert pattern.message.startswith("By the pattern '(patient[0-9]+)_', 160 images are of 40")
    assert (
        "'patient000', has 4: 'patient000_0.png', 'patient000_1.png' and 2 more" in pattern.message
    )


def test_a_class_of_few_groups_is_a_warning() -> None:
    found = issues(GroupRule("given", "patient([01])"), (None, None))
    assert "'a' (1), 'b' (1)" in found["few_groups"].message


def test_no_groups_no_words() -> None:
    assert issues(GroupRule("none"), ("test", "train")) == {}


def test_days_on_both_sides_of_a_given_split_are_no_warning() -> None:
    images, infos = [], []
    for n in range(240):
        split = "train" if n % 3 else "test"
        name = f"{split}/{'ab'[n % 2]}/{n}.jpg"
        images.append(LabeledImage(Path(name), name, n % 2, split))
        day = f"2024:05:{n // 12 + 1:02} 10:00:00"
        infos.append(ImageInfo(f"{n}", 9, 9, "JPEG", False, camera="One", taken=day))
    folder = ImageFolder(Path("/p"), ("a", "b"), tuple(images), "splits")
    (told,) = group_issues(folder, infos, find_groups(folder, infos, GroupRule()))
    assert told.severity == "note" and told.message.startswith("By camera and day (EXIF), 240")
    obeyed = [*group_issues(folder, infos, find_groups(folder, infos, GroupRule("guessed")))]
    assert "groups_left_out" in {issue.kind for issue in obeyed}


def test_who_asks_for_a_guess_is_told_that_there_is_none() -> None:
    images = [LabeledImage(Path(f"{n}"), f"{'ab'[n % 2]}/{n}.jpg", n % 2) for n in range(40)]
    folder = ImageFolder(Path("/p"), ("a", "b"), tuple(images), "classes")
    infos = [ImageInfo(f"{n}", 9, 9, "JPEG", False) for n in range(40)]
    (told,) = group_issues(folder, infos, None, guess_asked=True)
    assert told.message.endswith("--group-by REGEX.")
