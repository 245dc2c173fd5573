"""What was found in a folder, in sentences, what is worth mending first."""

from __future__ import annotations

from collections.abc import Iterator

from tlearn.data.dataset import UNTRAINABLE
from tlearn.data.group_findings import TORN_GROUPS
from tlearn.data.inspection import DataIssue
from tlearn.doctor.examination import SURE, Examination
from tlearn.doctor.image_quality import OUTLIER
from tlearn.doctor.shortcuts import Shortcut

_PLURAL = {OUTLIER: "outliers"}
_BOTH_SIDES = "on both sides of the split"


def sentences(found: Examination) -> list[str]:
    """Return a sentence for each kind of finding, without those of which there is none."""
    return [
        *_obstacles(found),
        *_copies(found),
        *_groups(found),
        *_labels(found),
        *_shortcuts(found),
        *_images(found),
        *_classes(found),
    ]


def short_issues(found: Examination) -> Iterator[DataIssue]:
    """Yield what commands tell that were asked for something else; copies and groups they know.

    Args:
        found: The short examination.
    """
    more = "Look at the images: tlearn doctor FOLDER."
    if found.labels:
        names = tuple(label.path for label in found.labels)
        yield DataIssue("wrong_labels", "warning", " ".join([*_labels(found), more]), names)
    if any(shortcut.suspicious for shortcut in found.shortcuts):
        names = tuple(shortcut.name for shortcut in found.shortcuts if shortcut.suspicious)
        yield DataIssue("shortcut", "warning", " ".join([*_shortcuts(found), more]), names)


def _obstacles(found: Examination) -> Iterator[str]:
    for issue in found.dataset.issues:
        if issue.kind == UNTRAINABLE:
            yield issue.message
            yield "Until then, wrong labels and shortcuts cannot be looked for."


def _copies(found: Examination) -> Iterator[str]:
    if not found.copies:
        return
    n_images = sum(len(group.paths) for group in found.copies)
    sentence = f"{n_images:,} images are copies or near copies of one another"
    sentence += f" ({_count(len(found.copies), 'group')})"
    places = []
    if n := sum(group.across_classes for group in found.copies):
        places.append(f"{_count(n, 'group')} {found.contradiction}")
    if n := sum(group.across_splits for group in found.copies):
        places.append(f"{_count(n, 'group')} {_BOTH_SIDES}")
    yield f"{sentence}: {', '.join(places)}." if places else f"{sentence}."
    with_leaks, without = found.accuracy_with_leaks, found.accuracy_without_leaks
    if with_leaks is not None and without is not None and with_leaks > without:
        yield (
            f"With copies on both sides of a split, accuracy seems to be {with_leaks:.1%}; with "
            f"each group on one side, it is {without:.1%}."
        )


def _groups(found: Examination) -> Iterator[str]:
    yield from (issue.message for issue in found.dataset.issues if issue.kind in TORN_GROUPS)


def _labels(found: Examination) -> Iterator[str]:
    if found.labels:
        sure = sum(label.confidence >= SURE for label in found.labels)
        first = found.labels[0]
        some = f"may be wrong, {sure} of them probably"
        if sure == len(found.labels):
            some = f"{'is' if sure == 1 else 'are'} probably wrong"
        yield (
            f"{_count(len(found.labels), 'label')} {some}; the surest: {first.path!r}, perhaps "
            f"{first.suggested!r} ({first.confidence:.0%})."
        )
        if found.labels_are_doubtful:
            yield "So many rather mean that they are hard to judge, or that classes overlap."


def _shortcuts(found: Examination) -> Iterator[str]:
    suspicious = [shortcut for shortcut in found.shortcuts if shortcut.suspicious]
    overall = [shortcut for shortcut in suspicious if not shortcut.classes]
    if overall:
        listed = ", ".join(_reached(shortcut) for shortcut in overall)
        yield f"The classes can be told apart by {listed}; {_beside(overall[0])}."
    for shortcut in suspicious:
        if shortcut.classes:
            names = [repr(found.dataset.folder.classes[label]) for label in shortcut.classes[:3]]
            some = ", ".join([*names, *["..."] * (len(shortcut.classes) > 3)])
            told = f"{some} can be told from the other classes by {_reached(shortcut)}"
            yield f"{told}; {_beside(shortcut)}."
    if suspicious:
        yield "On images from another source, accuracy may be much lower than measured here."


def _reached(shortcut: Shortcut) -> str:
    low, high = shortcut.interval
    return f"{shortcut.name} alone ({shortcut.accuracy:.1%} right, {low:.1%} to {high:.1%})"


def _beside(shortcut: Shortcut) -> str:
    real, guessing = shortcut.real_accuracy, shortcut.guessing
    return f"the images themselves reach {real:.1%}, guessing {guessing:.1%}"


def _images(found: Examination) -> Iterator[str]:
    counts: dict[str, int] = {}
    for image in found.images:
        if image.path is None:
            yield f"{image.detail[:1].upper()}{image.detail[1:]}."
        else:
            counts[image.issue] = counts.get(image.issue, 0) + 1
    if counts:
        listed = ", ".join(
            f"{n:,} {_PLURAL.get(issue, issue) if n > 1 else issue}" for issue, n in counts.items()
        )
        yield f"{_count(sum(counts.values()), 'image')} may be faulty: {listed}."


def _classes(found: Examination) -> Iterator[str]:
    names = found.dataset.manifest.classes
    for pair in found.overlaps[:3]:
        better = "hardly" if pair.accuracy > 0.5 else "no"
        yield (
            f"{names[pair.first]!r} and {names[pair.second]!r} are told apart {better} better than "
            f"by guessing ({pair.accuracy:.1%} right, guessing 50.0%)."
        )
    if found.class_weights and found.class_weights.helps:
        gain = found.class_weights
        yield (
            f"Class weights raise the mean accuracy of the classes from {gain.plain:.1%} to "
            f"{gain.weighted:.1%}: --class-weights."
        )
    for source in found.sources:
        yield (
            f"On images of a {source.source} that it has not seen, a model is right in "
            f"{source.accuracy:.1%}; where it has seen all {source.n_sources}, in "
            f"{source.mixed_accuracy:.1%}."
        )


def _count(number: int, singular: str) -> str:
    return f"{number:,} {singular if number == 1 else singular + 's'}"
