"""Names tell of groups where they do, and nowhere else."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import product
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


def of_groups(pattern: str, *fields: int | Iterable[object]) -> list[str]:
    """Return names with every combination of fields; the first is the group, in class a or b."""
    values = [range(field) if isinstance(field, int) else [*field] for field in fields]
    rows = [
        (number % 2, row)
        for number, key in enumerate(values[0])
        for row in product([key], *values[1:])
    ]
    return [f"{'ab'[label]}/{pattern.format(*row)}.jpg" for label, row in rows]


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
    "few videos": (of_groups("video{}_frame{}", 6, 30), 6, 30),
    "videos numbered in each class": (names("video<v>_frame<f>", v=3, f=30), 6, 30),
    "tiles of slides with a letter": (of_groups("slide_A{}_x{}_y{}", 12, 4, 4), 12, 16),
    "slides by letter": (of_groups("slide_{}_x{}_y{}", "ABCDEF", 4, 4), 6, 16),
    "sides of a patient": (of_groups("P{:03}_{}_{}", 40, "LR", 3), 40, 6),
    "one image of each eye": (of_groups("{}_{}", 60, ("left", "right")), 60, 2),
    "sessions of a subject": (of_groups("subject-{:02}_session{}_{:03}", 12, 2, 5), 12, 10),
    "leaves of a plant": (of_groups("plant{}-leaf{}", 14, 6), 14, 6),
    "crops of a photo": (of_groups("DSC_{:04}_crop{}", 50, 4), 50, 4),
    "turned images": (of_groups("IMG_{:04}_{}", 60, ("rot0", "rot90", "rot180")), 60, 3),
    "views beside the image": (of_groups("leaf{}{}", 60, ("", "_flip", "_rot90")), 60, 3),
    "images of an animal": (of_groups("cow_{:03}_img_{}", 20, 8), 20, 8),
    "cameras on a day": (of_groups("2021-05-{:02}_cam{}_{:04}", range(1, 25), 2, 6), 24, 12),
    "slices": (of_groups("scan{} slice {}", 12, 20), 12, 20),
    "numbers in parentheses": (of_groups("img{}({})", 25, 4), 25, 4),
    "tiles of biopsies": (
        of_groups("{}_idx5_x{}_y{}_class0", range(8000, 8300, 10), 4, 4),
        30,
        16,
    ),
    "magnified": (
        of_groups("SOB_A-14-{}AB-{}-{:03}", range(22549, 22789, 10), (40, 100), 7),
        24,
        14,
    ),
    "views of an export": (
        of_groups("img{}_jpg.rf.{:032x}", 60, range(10**30, 4 * 10**30, 10**30)),
        60,
        3,
    ),
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
    "a pair for each class": [f"c{c}/train_{c}_{k}.jpg" for c in range(30) for k in range(2)],
    "the class as the last number": [
        f"{'abc'[c]}/train_{n}_{c}.jpg" for n in range(99) for c in range(3)
    ],
    "the class as the first number": [
        f"{'abc'[c]}/train_{c}_{n}.jpg" for n in range(99) for c in range(3)
    ],
    "a counter after a year": names("IMG_2021_<n>", n=200),
    "random numbers after a counter": [
        f"{c}/aug_{n}_{R.randrange(10**4)}.jpg" for c in "ab" for n in range(200)
    ],
    "hashes": [f"{c}/{R.randrange(16**40):040x}.jpg" for c in "ab" for _ in range(300)],
    "times": [
        f"{c}/2021-05-03_{R.randrange(8, 18):02}-{R.randrange(60):02}-{R.randrange(60):02}.jpg"
        for c in "ab"
        for _ in range(300)
    ],
    "days and times": [
        f"{c}/IMG_202105{R.randrange(1, 29):02}_{R.randrange(10**5, 2 * 10**5)}.jpg"
        for c in "ab"
        for _ in range(300)
    ],
    "synsets in wider classes": [
        f"{c}/n{c}{1440000 + s}_{n}.jpg" for c in (1, 2) for s in range(9) for n in range(20)
    ],
    "two fields of a size": names("<n>_224x224", n=100),
    "parts of a set": names("train_<n>", n=90) + names("valid_<n>", n=90),
    "synsets": [f"n{c}/n{c}_{R.randrange(10**5)}.jpg" for c in range(300, 320) for _ in range(30)],
}


@pytest.mark.parametrize("kind", MEANINGLESS)
def test_no_group_is_read_from_names_that_mean_none(kind: str) -> None:
    assert guess_from_names(folder_of(MEANINGLESS[kind])) is None


@pytest.mark.parametrize("kind", ["slides by letter", "tracks", "folders", "images of an animal"])
def test_where_no_word_tells_the_images_of_few_groups_have_to_look_alike(kind: str) -> None:
    folder, asked = folder_of(GROUPED[kind][0]), []

    def alike(keys: Mapping[int, str]) -> bool:
        asked.append(len({*keys.values()}))
        return False

    assert guess_from_names(folder, alike) is None
    assert GROUPED[kind][1] in asked


@pytest.mark.parametrize("kind", ["few videos", "sides of a patient", "crops of a photo"])
def test_a_word_and_many_small_groups_are_believed(kind: str) -> None:
    folder = folder_of(GROUPED[kind][0])
    assert guess_from_names(folder, lambda keys: False) == guess_from_names(folder)


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
