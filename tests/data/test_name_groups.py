"""Names tell of groups where they do, and nowhere else."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from tlearn.data.image_folder import SPLITS, ImageFolder, LabeledImage, scan
from tlearn.data.image_info import ImageInfo
from tlearn.data.name_groups import guess_from_exif, guess_from_names

R = random.Random(0)


def folder_of(names: Iterable[str]) -> ImageFolder:
    images = []
    for name in names:
        split = name.split("/")[0] if name.split("/")[0] in SPLITS else None
        class_name = name.removeprefix(f"{split}/").split("/")[0]
        images.append((name, class_name, split))
    classes = tuple(sorted({class_name for _, class_name, _ in images}))
    listed = [LabeledImage(Path(name), name, classes.index(c), split) for name, c, split in images]
    layout = "splits" if listed[0].split else "classes"
    return ImageFolder(Path("/p"), classes, tuple(listed), layout)


def names(pattern: str, **ranges: int) -> list[str]:
    """Return names of two classes, with every combination of numbers."""
    found = [pattern]
    for key, count in ranges.items():
        found = [text.replace(f"<{key}>", str(n)) for text in found for n in range(count)]
    return [f"{class_name}/{text}.jpg" for class_name in ("ok", "bad") for text in found]


TREES = ("oak", "elm", "fir", "ash", "yew")
FOLDERS = [f"{c}/{tree}/{n}.jpg" for c in "ab" for tree in TREES for n in range(7)]
GROUPED = {
    "page": ([n.replace("ok/", "ok/a") for n in names("page<p>_tile<t>", p=12, t=9)], 24, 9),
    "patient": (names("patient <p> (<t>)", p=20, t=3), 40, 3),
    "coordinates": (names("page<p>_x<x>_y<y>", p=12, x=3, y=3), 24, 9),
    "frames": (names("video<v>_frame00<f>", v=8, f=10), 16, 10),
    "dicom": (
        [f"{c}/IM-{n:04}-{k:04}.png" for c in "ab" for n in range(30) for k in (1, 2)],
        60,
        2,
    ),
    "burst": (
        [
            f"{'ab'[s % 2]}/IMG_20240517_1030{s:02}_BURST{k:03}.jpg"
            for s in range(30)
            for k in range(1, 5)
        ],
        30,
        4,
    ),
    "tracks": (
        [f"{c:05}/{t:05}_{f:05}.ppm" for c in (0, 1) for t in range(9) for f in range(30)],
        18,
        30,
    ),
    "folders": (FOLDERS, 10, 7),
}


@pytest.mark.parametrize("kind", GROUPED)
def test_groups_are_read_from_names(kind: str) -> None:
    listed, n_groups, size = GROUPED[kind]
    guess = guess_from_names(folder_of(listed))
    assert guess is not None
    sizes = Counter(guess[1])
    assert None not in sizes and len(sizes) == n_groups and set(sizes.values()) == {size}


MEANINGLESS = {
    "a counter": names("image_<n>", n=200),
    "a counter after a number": names("set2_<n>", n=200),
    "ids of a website": [
        f"{c}/{R.randrange(10**9)}_{R.randrange(16**10):x}.jpg" for c in "ab" for _ in range(200)
    ],
    "dates": [
        f"{c}/2024-0{R.randrange(1, 9)}-{R.randrange(10, 29)}_{R.randrange(86400)}.jpg"
        for c in "ab"
        for _ in range(200)
    ],
    "codes": [f"{c}/{R.randrange(80)}_{R.randrange(10**6)}.jpg" for c in "ab" for _ in range(300)],
    "a size in every name": names("<n>_100", n=150),
    "one image a patient, numbered in each class": names("patient<n>", n=200),
    "two sessions": names("session<s>_<n>", s=2, n=100),
    "synsets": [f"n{c}/n{c}_{R.randrange(10**5)}.jpg" for c in range(300, 320) for _ in range(30)],
}


@pytest.mark.parametrize("kind", MEANINGLESS)
def test_no_group_is_read_from_names_that_mean_none(kind: str) -> None:
    assert guess_from_names(folder_of(MEANINGLESS[kind])) is None


def test_a_patient_with_two_labels_is_one_group() -> None:
    listed = [f"{'ab'[n % 2]}/person{n // 4}_{'xy'[n % 2]}_{n}.png" for n in range(120)]
    guess = guess_from_names(folder_of(listed))
    assert guess is not None and guess[0] == "personN"
    assert set(Counter(guess[1]).values()) == {4}


def test_numbers_that_start_anew_in_each_part_are_other_groups() -> None:
    anew = [
        f"{s}/{c}/video{v}_{k}.jpg"
        for s in ("train", "test")
        for c in "ab"
        for v in range(12)
        for k in range(4)
    ]
    guess = guess_from_names(folder_of(anew))
    assert guess is not None and len(set(guess[1])) == 48


def test_camera_and_day_are_a_guess_where_there_are_many_days() -> None:
    folder = folder_of(names("IMG_<n>", n=120))
    plain = ImageInfo("", 9, 9, "JPEG", False, camera="Maker One")
    days = [f"2024:05:{n % 20 + 1:02} 10:00:00" for n in range(240)]
    guess = guess_from_exif(folder, [replace(plain, taken=day) for day in days])
    assert guess is not None and len(set(guess[1])) == 20 and guess[1][0] == "Maker One 2024:05:01"
    two = [replace(plain, taken=days[n % 2]) for n in range(240)]
    assert guess_from_exif(folder, two) is None
    assert guess_from_exif(folder, [plain] * 240) is None


@pytest.mark.parametrize(
    ("folder", "n_groups"),
    [
        ("apple_leaf", None),
        ("chest_xray", 1061),
        ("dtd10", None),
        ("flowers5", None),
        ("hymenoptera", None),
        ("neu_steel", None),
        ("omniglot_alphabets", 234),  # the letter that was drawn, by many hands
        ("plants_web", None),
        ("signs", None),
        ("trashnet", None),
    ],
)
def test_real_folders(shared: Path, folder: str, n_groups: int | None) -> None:
    guess = guess_from_names(scan(shared / "data" / folder))
    assert (guess and len(set(guess[1]))) == n_groups
