"""Images added to a split: old ones stay, new ones follow their group or are divided alike."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tlearn.data.extension import Earlier, extend_split
from tlearn.data.image_folder import ImageFolder, LabeledImage
from tlearn.data.image_info import ImageInfo
from tlearn.data.manifest import SplitManifest
from tlearn.data.split import make_split
from tlearn.errors import DataError

Facts = Mapping[str, str]
"""Name of an image, which begins with its class, to its group; empty for an image on its own."""


def sha(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def names_of(start: str, n: int, classes: str = "ab") -> dict[str, str]:
    return {f"{label}/{start}{number}": "" for label in classes for number in range(n)}


def arrange(
    images: Facts, splits: Mapping[str, str] | None = None
) -> tuple[ImageFolder, list[ImageInfo], list[str | None]]:
    classes = sorted({name[0] for name in images})
    folder = ImageFolder(
        Path("/p"),
        tuple(classes),
        tuple(
            LabeledImage(Path("/p") / name, name, classes.index(name[0]), (splits or {}).get(name))
            for name in images
        ),
        "classes",
    )
    infos = [ImageInfo(sha(name), 9, 9, "PNG", False, None) for name in images]
    return folder, infos, [group or None for group in images.values()]


def divide(images: Facts, **options: object) -> SplitManifest:
    folder, infos, groups = arrange(images)
    return make_split(folder, infos, groups=groups, **options)  # type: ignore[arg-type]


def extend(
    old: SplitManifest, before: Facts, new: Facts, splits: Mapping[str, str] | None = None
) -> SplitManifest:
    folder, infos, groups = arrange({**before, **new}, splits)
    return extend_split(
        Earlier(old), folder, infos, val_fraction=0.15, test_fraction=0.15, seed=0, groups=groups
    )


def splits_of(
    manifest: SplitManifest, names: Sequence[str] | Facts | None = None
) -> dict[str, str]:
    found = dict(zip(manifest.names, manifest.splits, strict=True))
    return {name: found[name] for name in names or found}


def test_old_images_stay_and_new_ones_are_divided_as_a_folder_of_their_own() -> None:
    before, new = names_of("old", 20), names_of("new", 20)
    old = divide(before)
    both = extend(old, before, new)
    assert splits_of(both, before) == splits_of(old)
    assert splits_of(both, new) == splits_of(divide(new))


def test_a_new_class_is_divided_like_any_other() -> None:
    before, new = names_of("old", 20), names_of("new", 20, "c")
    both = extend(divide(before), before, new)
    assert Counter(splits_of(both, new).values()) == {"train": 14, "val": 3, "test": 3}
    assert both.classes == ("a", "b", "c")


def test_a_new_image_goes_where_the_old_ones_of_its_group_are() -> None:
    before = names_of("old", 20)
    old = divide(before)
    places = splits_of(old)
    first = {
        split: next(n for n, s in places.items() if s == split) for split in {*places.values()}
    }
    before |= {name: f"group of {split}" for split, name in first.items()}
    new = {f"a/new in {split}": f"group of {split}" for split in first}
    both = extend(old, before, new)
    assert splits_of(both, new) == {f"a/new in {split}": split for split in first}
    groups = dict(zip(both.names, both.groups, strict=True))
    assert all(groups[name] == groups[f"a/new in {split}"] for split, name in first.items())


def test_what_belongs_to_images_of_two_splits_is_left_out_and_these_stay() -> None:
    before = names_of("old", 20)
    old = divide(before)
    places = splits_of(old)
    torn = [next(n for n, s in places.items() if s == split) for split in ("train", "test")]
    before |= dict.fromkeys(torn, "bridge")
    both = extend(old, before, {"a/new": "bridge"} | names_of("other", 4))
    assert "a/new" not in both.names and splits_of(both, places) == places
    groups = dict(zip(both.names, both.groups, strict=True))
    assert groups[torn[0]] != groups[torn[1]]


def test_new_images_come_into_no_split_that_the_run_has_none_of() -> None:
    before = names_of("old", 4)  # too few for val
    old = divide(before)
    assert not old.count("val")
    both = extend(old, before, names_of("new", 40))
    assert not both.count("val") and both.count("test") > old.count("test") and both.folds


def test_splits_that_the_new_folder_gives_are_obeyed() -> None:
    before, new = names_of("old", 20), names_of("new", 10)
    given = {name: "test" if name[-1] in "01234" else "train" for name in new}
    both = splits_of(extend(divide(before), before, new, given), new)
    assert all(both[name] == "test" for name in new if given[name] == "test")
    assert Counter(both.values()) == {"test": 10, "train": 8, "val": 2}


def test_images_that_are_all_given_for_training_are_divided_as_in_a_folder() -> None:
    before, new = names_of("old", 20), names_of("new", 20)
    old = divide(before)
    both = extend(old, before, new, dict.fromkeys(new, "train"))
    assert splits_of(both, new) == splits_of(extend(old, before, new), new)


def test_a_given_split_that_contradicts_the_group_leaves_the_image_out() -> None:
    before = names_of("old", 20)
    old = divide(before)
    trained = next(name for name, split in splits_of(old).items() if split == "train")
    before[trained] = "patient"
    both = extend(old, before, {"a/new": "patient"} | names_of("more", 2), {"a/new": "test"})
    assert "a/new" not in both.names


def test_a_new_class_of_one_image_is_refused() -> None:
    before = names_of("old", 20)
    with pytest.raises(DataError, match="fewer than two different images to train on in 'c'"):
        extend(divide(before), before, {"c/only": ""})


def test_names_are_read_as_in_the_folder_that_an_image_came_from() -> None:
    folder = arrange({"a/p1_1": "", "b/p2_1": ""})[0]
    images = (*folder.images, LabeledImage(Path("/n/a/p1_2"), "../n_1/a/p1_2", 0))
    earlier = Earlier(divide(names_of("old", 4)), ("../n_1/", "../n_1/more/"))
    named = earlier.with_own_names(ImageFolder(Path("/p"), ("a", "b"), images, "classes"))
    assert [image.name for image in named.images] == ["a/p1_1", "b/p2_1", "a/p1_2"]
