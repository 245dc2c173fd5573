"""What groups do to a split, in sentences for a person."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from tlearn.data.groups import Grouping
from tlearn.data.image_folder import ImageFolder, LabeledImage
from tlearn.data.image_info import ImageInfo
from tlearn.data.inspection import DataIssue

TORN_GROUPS = {"groups_across_splits", "groups_left_out"}
"""Issues that tell of groups on both sides of a split."""

FEW_GROUPS = 5
"""Groups of a class below which a test of it rests on one or two."""

_SHOWN = 2
_BY = {
    "names": "By their names",
    "exif": "By camera and day (EXIF)",
    "column": "By a column of the CSV (group, patient or subject)",
}


def group_issues(
    folder: ImageFolder,
    infos: Sequence[ImageInfo],
    grouping: Grouping | None,
    guess_asked: bool = False,
) -> Iterator[DataIssue]:
    """Yield what is worth knowing about the groups of a folder's images.

    Args:
        folder: Classes and files.
        infos: `infos[i]` belongs to `folder.images[i]`.
        grouping: The groups; None where there are none.
        guess_asked: Whether the person asked for a guess, and is owed an answer.
    """
    if grouping is None and guess_asked:
        text = "Neither names nor camera and day (EXIF) tell which images belong together"
        yield DataIssue("groups", "note", f"{text}. If some do, name them: --group-by REGEX.", ())
    if grouping is None:
        return
    readable = [
        (image, key)
        for image, info, key in zip(folder.images, infos, grouping.keys, strict=True)
        if info.problem is None
    ]
    images = [(image, key) for image, key in readable if key is not None]
    if not images:
        return
    given = {image.split for image in folder.images} - {None}
    splits = _splits_of_groups(images)
    later = {"train": {"val", "test"}, "val": {"test"}}
    earlier = tuple(i.name for i, key in images if splits[key] & later.get(i.split or "", set()))
    by_day = grouping.source == "exif"  # a day is on both sides of most splits, and no fault
    if earlier and (grouping.obeyed or not by_day):
        left_out = "1 image" if len(earlier) == 1 else f"{len(earlier):,} images"
        told, obeyed = "groups_across_splits", "groups_left_out"
        kind, consequence = {
            False: (told, "Leave their images out of train: --groups auto."),
            True: (obeyed, f"Left out of train or val for that: {left_out}."),
        }[grouping.obeyed]
        text = (
            f"{_shares(splits)}: accuracy on what was seen before says little about new ones. "
            f"{_summary(grouping, images)}. {consequence}"
        )
        yield DataIssue(kind, "warning", text, earlier)
    elif grouping.obeyed:
        alone = len({key for _, key in images}) == len(images)
        does = "so nothing is kept together" if alone else "and each stays in one split and fold"
        text = f"{_summary(grouping, images)}, {does}."
        yield DataIssue("groups", "note", text, ())
    elif by_day or not {"val", "test"} <= given:
        text = f"{_summary(grouping, images)}. Keep each in one split: --groups auto."
        yield DataIssue("groups", "note", text, ())
    if grouping.obeyed:
        yield from _few(folder, [(image, key or image.name) for image, key in readable])


def _summary(grouping: Grouping, images: Sequence[tuple[LabeledImage, str]]) -> str:
    """Return what was grouped, by what, and names of the largest group."""
    members: dict[str, list[str]] = defaultdict(list)
    for image, key in images:
        members[key].append(repr(PurePosixPath(image.name).name))
    largest = max(members, key=lambda key: len(members[key]))
    names = members[largest]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    shown = ", ".join(names[:_SHOWN]) + more
    by = _BY.get(grouping.source, f"By the pattern '{grouping.pattern}'")
    are = "seem to be" if grouping.source in ("names", "exif") else "are"
    return (
        f"{by}, {len(images):,} images {are} of {len(members):,} groups; the largest, {largest!r}, "
        f"has {len(names):,}: {shown}"
    )


def _splits_of_groups(
    images: Sequence[tuple[LabeledImage, str]],
) -> dict[str, set[str]]:
    splits: dict[str, set[str]] = defaultdict(set)
    for image, key in images:
        splits[key].add(image.split or "")
    return splits


def _shares(splits: Mapping[str, set[str]]) -> str:
    """Return "36 of 385 groups in test (30 of 190 personN, 4 of 112 IM-N) are also in train"."""
    for earlier, laters in (("train", ("test", "val")), ("val", ("test",))):
        parts = []
        for later in laters:
            keys = [key for key, found in splits.items() if later in found]
            n = Counter(map(_kind, keys))
            shared = Counter(_kind(key) for key in keys if earlier in splits[key])
            worst = [
                f"{m} of {n[kind]} {kind!r}" for kind, m in shared.most_common() if n[kind] > 1
            ]
            detail = f" ({', '.join(worst[:_SHOWN])})" if len(n) > 1 and worst else ""
            if shared:
                parts.append(f"{shared.total():,} of {len(keys):,} groups in {later}{detail}")
        if parts:
            break
    return f"{' and '.join(parts)} are also in {earlier}"


def _few(folder: ImageFolder, images: Sequence[tuple[LabeledImage, str]]) -> Iterator[DataIssue]:
    groups: dict[int, set[str]] = defaultdict(set)
    for image, key in images:
        groups[0 if folder.has_strata else image.label].add(key)
    few = {folder.classes[n]: len(keys) for n, keys in groups.items() if len(keys) < FEW_GROUPS}
    if few:
        listed = ", ".join(f"{name!r} ({count})" for name, count in [*few.items()][:3])
        more = f" and {len(few) - 3} more" if len(few) > 3 else ""
        where, of = (f" in {listed}{more}", " of such a class")
        if folder.has_strata:
            where, of = f" ({len(groups[0])})", ""
        yield DataIssue(
            "few_groups",
            "warning",
            f"Fewer than {FEW_GROUPS} groups{where}: what is learned{of}, and the test of it, rest "
            "on one or two of them. Add images of other groups.",
            tuple(few),
        )


def _kind(key: str) -> str:
    """Return a key with N for numbers: "personN"."""
    return re.sub(r"\d+", "N", key)
