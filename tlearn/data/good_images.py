"""Inspection: good images to learn from, and perhaps some bad ones to test on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tlearn.data.manifest import SplitManifest, SplitRow, train_groups
from tlearn.data.notes import Row, listed
from tlearn.errors import DataError, quoted

GOOD, BAD = "good", "bad"
OUTPUTS = ("anomaly",)
_NAMES = {"good", "ok", "okay", "normal", "fine", "healthy", "intact", "clean", "negative", "pass"}
_BAD = {"bad", "ng", "nok", "defect", "defects", "defective", "faulty", "broken", "damaged"}
_BAD |= {"anomaly", "anomalies", "anomalous", "abnormal", "fail", "reject", "rejects", "positive"}
FEWEST = 10
"""Good images that are enough to learn what is usual; fewer say nothing of their spread."""


def is_good(name: str) -> bool:
    """Return whether a class is that of the good images, by its name."""
    return name.casefold() in _NAMES


def good_and_bad(root: Path, rows: Sequence[Row], scored: bool = False) -> list[Row]:
    """Return the images as good or bad, 0 or 1, by the names of their classes.

    Args:
        root: The folder, or that of the table.
        rows: Images in classes: one, or several of which one is called good.
        scored: Whether nothing is to be learned, so that there need not be good ones.

    Raises:
        DataError: None is, or several are.
    """
    names = list(dict.fromkeys(row.class_name for row in rows))
    good = [name for name in names if is_good(name)]
    if len(names) == 1 and names[0].casefold() not in _BAD:
        good = names
    if len(good) != 1 and not (scored and len(names) == 1):
        found = f"{listed(good)} could all be" if good else f"by name, none of {listed(names)} is"
        raise DataError(
            f"{found} the good images of {quoted(root)}",
            "call the folder of good images good, and all others are bad: --task one-class",
        )
    return [
        row._replace(class_name=BAD if bad else GOOD, target=(float(bad),))
        for row in rows
        for bad in (row.class_name not in good,)
    ]


def split_good(classes: Sequence[str], rows: Sequence[SplitRow]) -> SplitManifest:
    """Return a split with all bad images in test, and no validation split.

    What good images are like is judged by cross-validation, so that none has to be set aside.

    Args:
        classes: Names of the strata.
        rows: With the test images of the good ones chosen already.

    Raises:
        DataError: There are too few good images to learn from.
    """
    for row in rows:
        if row.target == (1.0,) or row.split == "val":
            row.split = "test"
    groups = train_groups(rows)
    counts = Counter({classes[label]: len(of_label) for label, of_label in groups.items()})
    if counts[GOOD] < FEWEST:
        tested = sum(row.split == "test" and row.target == (0.0,) for row in rows)
        aside = f", beside {tested} for testing" if tested else ""
        raise DataError(
            f"{counts[GOOD]} good images to learn from{aside} (copies and groups count once); "
            f"{FEWEST} at least are needed, better 50",
            "add images of good ones: tlearn finetune FOLDER --task one-class",
        )
    return SplitManifest.of(classes, rows)
