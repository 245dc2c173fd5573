"""What was found in an image folder, and the moves that would mend it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tlearn.data.copy_findings import COPY_KINDS
from tlearn.data.dataset import UNTRAINABLE, Dataset
from tlearn.data.group_findings import TORN_GROUPS
from tlearn.data.inspection import DataIssue
from tlearn.data.near_copies import EQUAL
from tlearn.data.targets import CLASSES, LABELS, NUMBER
from tlearn.doctor.class_weights import ClassWeightGain
from tlearn.doctor.image_quality import BLANK
from tlearn.doctor.moves import TO_CLASS, TO_QUARANTINE, Move
from tlearn.doctor.overlap import ClassOverlap
from tlearn.doctor.shortcuts import Shortcut
from tlearn.doctor.sources import SourceAccuracy

TOO_MANY = 0.25
"""Share of the images from which on a list of wrong labels is doubted itself."""

_A_FEW = 10

_TOLD = {UNTRAINABLE, "conflicting_labels", "leak"} | COPY_KINDS | TORN_GROUPS
_OF_PIXELS = {"blank", "dark", "tiny"}
"""Issues that are told already where all of their images are listed as faulty."""

SURE = 0.5
"""Confidence that a label is wrong, from which `moves.csv` names the class to move to."""


@dataclass(frozen=True)
class CopyFinding:
    """Images that show the same.

    Attributes:
        paths: Their names, those of test first, then val, then train.
        kind: "equal pixels", "near copy", "mirrored" and the like.
        across_splits: Whether they stand in more than one part of the splits that were given.
        across_classes: Whether they stand in more than one class, or have different labels, or
            numbers that differ by more than a tenth of the standard deviation.
    """

    paths: tuple[str, ...]
    kind: str
    across_splits: bool
    across_classes: bool


@dataclass(frozen=True)
class GroupFinding:
    """Images that belong together: of one patient, one video, one camera.

    Attributes:
        pattern: The regular expression, or the sort of name, that tells the groups apart.
        column: The column of the CSV instead.
        n_groups: Number of groups.
        across_splits: Groups that stand in more than one part of the splits that were given.
        obeyed: Whether each group is kept on one side.
    """

    pattern: str | None
    column: str | None
    n_groups: int
    across_splits: int
    obeyed: bool


@dataclass(frozen=True)
class WrongLabel:
    """An image whose label is probably wrong.

    Attributes:
        path: Its name.
        label: The class that it stands in.
        suggested: The class that it should perhaps have.
        confidence: How sure that is, 0 to 1.
    """

    path: str
    label: str
    suggested: str
    confidence: float


@dataclass(frozen=True)
class FaultyImage:
    """An image that may teach nothing, or something wrong.

    Attributes:
        path: Its name; None if it is about most images of the folder.
        issue: "blank", "dark", "bright", "blurred", "tiny" and the like.
        detail: In numbers, for a person.
    """

    path: str | None
    issue: str
    detail: str = ""


@dataclass(frozen=True)
class Examination:
    """All that was found in a folder.

    Attributes:
        dataset: The folder, decoded and split, with the issues that every command tells.
        backbone: Name of the network whose features were used.
        accuracy: Cross-validated accuracy of the best head, groups kept together; None where
            there are no heads.
        accuracy_with_leaks: Of a head that was trained on copies of what it is scored on; None
            where there are no copies.
        accuracy_without_leaks: Of the same head without them.
        copies: Groups of copies, those across classes and splits first.
        groups: Images that belong together by name, CSV or camera.
        labels: Probably wrong labels, the surest first.
        shortcuts: What else tells the classes apart, the suspicious first.
        images: Images that may be faulty.
        overlaps: Pairs of classes that are told apart hardly better than by guessing.
        sources: Accuracy on cameras and days that a head has not seen.
        class_weights: Whether class weights help; None where classes are about equal.
        seconds: Time spent, in all.
    """

    dataset: Dataset
    backbone: str
    accuracy: float | None = None
    accuracy_with_leaks: float | None = None
    accuracy_without_leaks: float | None = None
    copies: Sequence[CopyFinding] = ()
    groups: Sequence[GroupFinding] = ()
    labels: Sequence[WrongLabel] = ()
    shortcuts: Sequence[Shortcut] = ()
    images: Sequence[FaultyImage] = ()
    overlaps: Sequence[ClassOverlap] = ()
    sources: Sequence[SourceAccuracy] = ()
    class_weights: ClassWeightGain | None = None
    seconds: float = 0.0

    @property
    def contradiction(self) -> str:
        """Return in words what copies across classes are."""
        words = {LABELS: "with different labels", NUMBER: "with different numbers"}
        return words.get(self.dataset.folder.task, "in two classes")

    @property
    def left_out(self) -> str:
        """Return what was not looked for, as a sentence; empty where images have classes."""
        if self.dataset.folder.task == CLASSES:
            return ""
        return "Wrong labels, shortcuts and unlike sources are looked for in classes only."

    @property
    def overall_shortcuts(self) -> list[Shortcut]:
        """Return the shortcuts to all classes; others are scored by another measure."""
        return [shortcut for shortcut in self.shortcuts if not shortcut.classes]

    def to_json(self) -> dict[str, Any]:
        """Return the document, without the folder itself."""
        classes, weights = self.dataset.manifest.classes, self.class_weights
        return {
            "accuracy": self.accuracy,
            "accuracy_with_leaks": self.accuracy_with_leaks,
            "accuracy_without_leaks": self.accuracy_without_leaks,
            "copies": [asdict(group) for group in self.copies],
            "groups": [asdict(grouping) for grouping in self.groups],
            "labels": [asdict(label) for label in self.labels],
            "shortcuts": [asdict(shortcut) for shortcut in self.shortcuts],
            "images": [asdict(image) for image in self.images],
            "overlaps": [
                asdict(pair) | {"classes": [classes[pair.first], classes[pair.second]]}
                for pair in self.overlaps
            ],
            "sources": [asdict(source) for source in self.sources],
            "class_weights": asdict(weights) | {"helps": weights.helps} if weights else None,
            "seconds": self.seconds,
        }

    def to_short_json(self) -> dict[str, Any]:
        """Return the part that `suggest` and `finetune` look at."""
        whole = self.to_json()
        return {key: whole[key] for key in ("copies", "groups", "labels", "shortcuts", "seconds")}

    @property
    def labels_are_doubtful(self) -> bool:
        """Return whether so many labels are listed that the heads are to be doubted, not these."""
        return len(self.labels) > max(TOO_MANY * len(self.dataset.folder.images), _A_FEW)

    @property
    def other_issues(self) -> list[DataIssue]:
        """Return the issues of the folder that neither findings nor their sentences tell."""
        told = {image.path for image in self.images}
        return [
            issue
            for issue in self.dataset.issues
            if issue.kind not in _TOLD
            and not (issue.kind in _OF_PIXELS and told.issuperset(issue.names))
        ]

    def moves(self) -> list[Move]:
        """Return the files that would better stand elsewhere, each once, what is sure first."""
        listed: dict[str, Move] = {}
        moves = (*self._copies_to_move(), *self._labels_to_move(), *self._images_to_move())
        for move in sorted(moves, key=lambda move: not move.suggestion):
            listed.setdefault(move.path, move)
        return [*listed.values()]

    def _copies_to_move(self) -> Iterator[Move]:
        for group in self.copies:
            if group.across_classes:
                for path in group.paths:
                    other = next(other for other in group.paths if other != path)
                    what = f"{group.kind} of {other!r}, {self.contradiction}"
                    yield Move(path, what, TO_QUARANTINE)
            else:
                # A near copy is not quite the same image; it stays, on the side of the other.
                spare = group.across_splits or group.kind == EQUAL
                kept, *others = group.paths
                for path in others:
                    yield Move(path, f"{group.kind} of {kept!r}", TO_QUARANTINE if spare else "")

    def _labels_to_move(self) -> Iterator[Move]:
        for found in self.labels:
            sure = found.confidence >= SURE and not self.labels_are_doubtful
            what = f"label {found.label!r} is probably wrong ({found.confidence:.0%})"
            yield Move(found.path, what, f"{TO_CLASS}{found.suggested}" if sure else "")

    def _images_to_move(self) -> Iterator[Move]:
        labels = {image.name: image.label for image in self.dataset.folder.images}
        blank = Counter(labels.get(i.path or "", -1) for i in self.images if i.issue == BLANK)
        sizes = Counter(labels.values())
        for image in self.images:
            if image.path is None:
                continue
            # A class that is blank for the most part is meant so: empty plates, closed lids.
            label = labels.get(image.path, -1)
            spare = image.issue == BLANK and 2 * blank[label] <= sizes[label]
            what = f"{image.issue}: {image.detail}" if image.detail else image.issue
            yield Move(image.path, what, TO_QUARANTINE if spare else "")
