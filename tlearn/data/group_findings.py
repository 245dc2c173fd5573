"""What groups do to a split, in sentences for a person."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from tlearn.data.groups import Grouping
from tlearn.data.image_folder import ImageFolder, LabeledImage
from tlearn.data.image_info import ImageInfo
from tlearn.data.inspection import DataIssue

FEW_GROUPS = 5
"""Groups of a class below which a test of it rests on one or two."""

_SHOWN = 2
_BY = {
    "names": "By their names",
    "exif": "By camera and day (EXIF)",
    "column": "By a column of the CSV",
}


def group_issues(
    folder: ImageFolder, infos: Sequence[ImageInfo], grouping: Grouping | None
) -> Iterator[DataIssue]:
    """Yield what is worth knowing about the groups of a folder's images.

    Args:
        folder: Classes and files.
        infos: `infos[i]` belongs to `folder.images[i]`.
        grouping: The groups; None where there are none.
    """
    if grouping is None:
        return
    images = [
        (image, key)
        for image, info, key in zip(folder.images, infos, grouping.keys, strict=True)
        if info.problem is None and key is not None
    ]
    given = {image.split for image in folder.images} - {None}
    earlier, counts = _across(images)
    if earlier:
        left_out = "1 image" if len(earlier) == 1 else f"{len(earlier):,} images"
        told, obeyed = "groups_across_splits", "groups_left_out"
        kind, consequence = {
            False: (told, "Leave their images out of train: --groups auto."),
            True: (obeyed, f"Left out of train or val for that: {left_out}."),
        }[grouping.obeyed]
        text = (
            f"{_shares(counts)} also in train: accuracy on what was seen in training says little "
            f"about new ones. {_summary(grouping, images)}. {consequence}"
        )
        yield DataIssue(kind, "warning", text, earlier)
    elif grouping.obeyed:
        text = f"{_summary(grouping, images)}. Each group stays in one split and one fold."
        yield DataIssue("groups", "note", text, ())
    elif not {"val", "test"} <= given:
        text = f"{_summary(grouping, images)}. Keep each in one split: --groups auto."
        yield DataIssue("groups", "note", text, ())
    if grouping.obeyed:
        yield from _few(folder, images)


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


def _across(
    images: Sequence[tuple[LabeledImage, str]],
) -> tuple[tuple[str, ...], dict[str, Counter[str]]]:
    """Return images whose group is in a later split too, and how many groups that is.

    Returns:
        Names of images in train, or in val where the group is in test; for every later split, the
        groups by kind: "all/personN" and "shared/personN".
    """
    splits: dict[str, set[str | None]] = defaultdict(set)
    for image, key in images:
        splits[key].add(image.split)
    later = {"train": {"val", "test"}, "val": {"test"}}
    names = tuple(i.name for i, key in images if splits[key] & later.get(i.split or "", set()))
    counts: dict[str, Counter[str]] = {}
    for split in ("test", "val"):
        of_split = [key for key, found in splits.items() if split in found]
        counts[split] = Counter(f"all/{_kind(key)}" for key in of_split)
        shared = (key for key in of_split if "train" in splits[key])
        counts[split].update(f"shared/{_kind(key)}" for key in shared)
    return names, counts


def _shares(counts: dict[str, Counter[str]]) -> str:
    """Return "36 of 385 groups in test (30 of 190 personN, 6 of 195 IM-N) are"."""
    parts = []
    for split, of_split in counts.items():
        kinds = [key.partition("/")[2] for key in of_split if key.startswith("all/")]
        pairs = [(of_split[f"shared/{kind}"], of_split[f"all/{kind}"], kind) for kind in kinds]
        shared, n = sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)
        if shared:
            worst = [f"{s} of {a} {k!r}" for s, a, k in sorted(pairs, reverse=True)[:_SHOWN] if s]
            detail = f" ({', '.join(worst)})" if len(pairs) > 1 else ""
            parts.append(f"{shared} of {n} groups in {split}{detail}")
    if not parts:  # of test in val alone
        return "Groups in test are in val, if not"
    return f"{' and '.join(parts)} are"


def _few(folder: ImageFolder, images: Sequence[tuple[LabeledImage, str]]) -> Iterator[DataIssue]:
    groups: dict[int, set[str]] = defaultdict(set)
    for image, key in images:
        groups[image.label].add(key)
    few = {folder.classes[n]: len(keys) for n, keys in groups.items() if len(keys) < FEW_GROUPS}
    if few:
        listed = ", ".join(f"{name!r} ({count})" for name, count in [*few.items()][:3])
        more = f" and {len(few) - 3} more" if len(few) > 3 else ""
        yield DataIssue(
            "few_groups",
            "warning",
            f"Fewer than {FEW_GROUPS} groups in {listed}{more}: what is learned of such a class, "
            "and the test of it, rest on one or two of them. Add images of other groups.",
            tuple(few),
        )


def _kind(key: str) -> str:
    """Return a key with N for numbers: "personN"."""
    return re.sub(r"\d+", "N", key)
