"""Groups are joined, given by a pattern or a column, or guessed and only told."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlearn.data.groups import GroupRule, check_pattern, find_groups, group_keys, join_groups
from tlearn.data.image_folder import ImageFolder, LabeledImage
from tlearn.data.image_info import ImageInfo
from tlearn.errors import DataError


def folder_of(*names: str, groups: tuple[str | None, ...] = ()) -> ImageFolder:
    classes = tuple(sorted({name.split("/")[0] for name in names}))
    images = [
        LabeledImage(Path("/p") / name, name, classes.index(name.split("/")[0]), None, group)
        for name, group in zip(names, groups or [None] * len(names), strict=True)
    ]
    return ImageFolder(Path("/p"), classes, tuple(images), "classes")


def infos_of(folder: ImageFolder) -> list[ImageInfo]:
    return [ImageInfo(f"{n:064x}", 9, 9, "PNG", False) for n in range(len(folder.images))]


PATIENTS = folder_of(*(f"{c}/patient{n}_{k}.png" for c in "ab" for n in range(9) for k in range(3)))


def test_what_hangs_together_through_others_is_one_group() -> None:
    digests = ["d0", "d1", "d2", "d3", "d4"]
    keys = join_groups(5, digests, [[0, 2]], ["p", "q", None, "q", None])
    assert keys == ["p", "q", "p", "q", "d4"]
    assert join_groups(5, digests, [[0, 2], [2, 1]], ["p", "q", None, "q", None]) == [
        *(["p"] * 4),
        "d4",
    ]
    assert join_groups(3, [[1, 2]]) == ["0", "1", "1"]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=30), st.randoms())
def test_keys_do_not_depend_on_the_order_of_the_images(
    pairs: list[tuple[int, int]], shuffle: random.Random
) -> None:
    digests, names = [f"d{n}" for n, _ in enumerate(pairs)], [f"a{one}" for one, _ in pairs]
    others = [f"b{other}" for _, other in pairs]
    order = [*range(len(pairs))]
    shuffle.shuffle(order)
    keys = join_groups(len(pairs), digests, names, others)
    parts = ([part[n] for n in order] for part in (digests, names, others))
    assert join_groups(len(pairs), *parts) == [keys[n] for n in order]
    for row, (one, other) in enumerate(pairs):
        for key, pair in zip(keys, pairs, strict=True):
            assert key == keys[row] or (pair[0] != one and pair[1] != other)


def test_an_image_on_its_own_goes_by_its_digest() -> None:
    infos = infos_of(folder_of("a/1.png", "a/2.png", "a/3.png"))
    assert group_keys(infos, ["p", "q", "q"]) == [infos[0].sha256, "q", "q"]
    assert group_keys(infos) == [info.sha256 for info in infos]


def test_a_pattern_takes_its_first_parentheses_or_the_whole_match() -> None:
    folder = folder_of("a/p1-x.png", "a/p1-y.png", "b/p2-x.png", "b/q.png")
    for pattern, keys in (
        ("(p[0-9])-", ("p1", "p1", "p2", None)),
        ("-.", ("-x", "-y", "-x", None)),
    ):
        grouping = find_groups(folder, infos_of(folder), GroupRule("given", pattern))
        assert grouping and grouping.keys == keys and grouping.obeyed


@pytest.mark.parametrize(
    ("pattern", "use", "message"),
    [
        ("patient(", "given", "no regular expression"),
        ("video[0-9]", "given", "matches no image; they are called 'a/patient0_0.png' and 'b/pa"),
        ("patient", "none", "no effect"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_an_error(pattern: str, use: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as raised:
        check_pattern(PATIENTS, GroupRule(use, pattern))
    assert "--group-by" in raised.value.hint


def test_a_guess_is_obeyed_only_where_it_is_asked_for() -> None:
    infos = infos_of(PATIENTS)
    told, obeyed = (find_groups(PATIENTS, infos, GroupRule(use)) for use in ("given", "guessed"))
    assert told and obeyed and told.keys == obeyed.keys
    assert (told.obeyed, obeyed.obeyed) == (False, True)
    assert find_groups(PATIENTS, infos, GroupRule("none")) is None


def test_a_column_is_obeyed_and_goes_before_a_guess() -> None:
    names = [image.name for image in PATIENTS.images]
    folder = folder_of(*names, groups=("x", None, *["y"] * (len(names) - 2)))
    grouping = find_groups(folder, infos_of(folder), GroupRule())
    assert grouping and grouping.source == "column" and grouping.obeyed
    assert grouping.keys[:3] == ("x", None, "y")
