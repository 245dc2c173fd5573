"""What `tlearn doctor` looks at, and the short part of it that other commands look at too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from tlearn.commands.judged import Judged, judge, judge_train
from tlearn.commands.leaks import measure_leaks
from tlearn.commands.session import Session
from tlearn.commands.workspace import Workspace
from tlearn.data.dataset import Dataset
from tlearn.data.image_folder import ImageFolder, LabeledImage
from tlearn.data.image_info import ImageInfo
from tlearn.data.targets import CLASSES, LABELS, NUMBER
from tlearn.doctor.class_weights import ClassWeightGain, are_unequal, class_weight_gain
from tlearn.doctor.examination import (
    CopyFinding,
    Examination,
    FaultyImage,
    GroupFinding,
    WrongLabel,
)
from tlearn.doctor.image_quality import find_image_issues, measure_images, unlikeness
from tlearn.doctor.labels import check_labels
from tlearn.doctor.overlap import overlapping_classes
from tlearn.doctor.sentences import short_issues
from tlearn.doctor.shortcuts import Shortcut, find_shortcuts
from tlearn.doctor.sources import SourceAccuracy, accuracy_across_sources, known_sources
from tlearn.suggestion.depth_profile import HeadScore

_VOTING_STAGES = 3
"""Last stages in whose features the neighbors of an image are looked for."""

_TOLD_APART = 0.1
"""Standard deviations that the numbers of copies may differ by: a hundredth of the variance."""

_PARTS = {"test": 0, "val": 1}


def examine(session: Session, workspace: Workspace) -> Examination:
    """Look at every image of a folder, of all its splits together.

    Of a folder that cannot be trained on, and of other tasks than classes, at what needs no heads.

    Args:
        session: Recipe, cache and progress.
        workspace: Images, backbone and features.
    """
    dataset = workspace.dataset
    session.progress("examine the images", 0, 0)
    with session.timer.time("examine"):
        found = Examination(
            dataset=dataset,
            backbone=workspace.backbone.name,
            copies=copy_groups_of(dataset),
            groups=tuple(group_findings(dataset)),
        )
        if dataset.is_trainable and dataset.folder.task == CLASSES:
            found = _examine_with_heads(session, workspace, found)
        else:
            everything = np.arange(len(dataset.manifest.names))
            found = replace(found, images=tuple(_faulty(workspace, [everything])))
    return replace(found, seconds=session.timer.total())


def _examine_with_heads(session: Session, workspace: Workspace, found: Examination) -> Examination:
    parts = [*judge(session, workspace)]
    first = parts[0]
    labels = workspace.dataset.manifest.labels[first.rows]
    return replace(
        found,
        accuracy=first.best.accuracy,
        labels=tuple(_wrong_labels(workspace, parts)),
        shortcuts=tuple(_shortcuts(workspace, first)),
        images=tuple(_faulty(workspace, [part.rows for part in parts])),
        overlaps=overlapping_classes(first.best.cv.probabilities, labels),
        sources=tuple(_sources(workspace, first)),
        class_weights=_class_weights(workspace, first),
        **measure_leaks(session, workspace, first, found.copies),
    )


def examine_shortly(
    session: Session, workspace: Workspace, heads: Sequence[HeadScore] = ()
) -> tuple[Workspace, Examination]:
    """Look at what costs next to nothing, for commands that were asked for something else.

    Args:
        session: Recipe, cache and progress.
        workspace: Images, backbone and features.
        heads: Cross-validated on the training images anyway; without any, labels and shortcuts are
            left out.

    Returns:
        The workspace with what was found among the issues of its images, and all of it.
    """
    began = session.timer.total()
    dataset = workspace.dataset
    found = Examination(
        dataset=dataset,
        backbone=workspace.backbone.name,
        accuracy=max((head.accuracy for head in heads), default=None),
        copies=copy_groups_of(dataset),
        groups=tuple(group_findings(dataset)),
    )
    if heads:
        with session.timer.time("examine"):
            part = judge_train(session, workspace, heads)
            labels = tuple(_wrong_labels(workspace, [part]))
            shortcuts = tuple(_shortcuts(workspace, part, of_file=True))
        found = replace(found, labels=labels, shortcuts=shortcuts)
    issues = (*dataset.issues, *short_issues(found))
    workspace = replace(workspace, dataset=replace(dataset, issues=issues))
    return workspace, replace(found, seconds=session.timer.total() - began)


def copy_groups_of(dataset: Dataset) -> tuple[CopyFinding, ...]:
    """Return the images that show the same, those across classes and splits first."""
    images, contradict = dataset.folder.images, _contradiction(dataset.folder)
    groups = []
    for group in dataset.copies:
        shown = sorted(
            (images[row] for row in group.rows), key=lambda i: _PARTS.get(i.split or "", 2)
        )
        groups.append(
            CopyFinding(
                paths=tuple(image.name for image in shown),
                kind=group.kind,
                across_splits=len({image.split for image in shown}) > 1,
                across_classes=contradict(shown),
            )
        )
    return tuple(sorted(groups, key=lambda g: (not g.across_classes, not g.across_splits)))


def _contradiction(folder: ImageFolder) -> Callable[[Sequence[LabeledImage]], bool]:
    """Return the rule by which images that show the same have to be learned differently."""
    if folder.task not in (LABELS, NUMBER):
        return lambda images: len({image.label for image in images}) > 1
    targets = np.array([image.target for image in folder.images])
    most = _TOLD_APART * targets.std() if folder.task == NUMBER else 0.0

    def contradict(images: Sequence[LabeledImage]) -> bool:
        values = np.array([image.target for image in images])  # NaN contradicts nothing
        return bool((np.fmax.reduce(values) - np.fmin.reduce(values) > most).any())

    return contradict


def group_findings(dataset: Dataset) -> Iterator[GroupFinding]:
    """Yield what is known, or guessed, of images that belong together beside copies."""
    grouping = dataset.grouping
    if grouping is None:
        return
    parts: dict[str, set[str | None]] = defaultdict(set)
    for image, key in zip(dataset.folder.images, grouping.keys, strict=True):
        if key is not None:
            parts[key].add(image.split)
    yield GroupFinding(
        pattern=None if grouping.source == "column" else grouping.pattern,
        column=grouping.pattern if grouping.source == "column" else None,
        n_groups=len(parts),
        across_splits=sum(len(splits) > 1 for splits in parts.values()),
        obeyed=grouping.obeyed,
    )


def _wrong_labels(workspace: Workspace, parts: Sequence[Judged]) -> Iterator[WrongLabel]:
    manifest, features = workspace.dataset.manifest, workspace.features
    assert features is not None
    found = []
    numbers = _group_numbers(workspace.dataset)
    for part in parts:
        heads = [score.cv.probabilities for score in part.heads]
        rows = part.rows
        last_stages = features.stage_outputs[-_VOTING_STAGES:]
        embeddings = (features.of(output, rows) for output in last_stages)
        check = check_labels(heads, embeddings, manifest.labels[rows], numbers[rows])
        found += [
            WrongLabel(
                path=manifest.names[rows[issue.row]],
                label=manifest.classes[issue.label],
                suggested=manifest.classes[issue.suggested],
                confidence=issue.confidence,
            )
            for issue in check.issues()
        ]
    yield from sorted(found, key=lambda label: -label.confidence)


def _shortcuts(workspace: Workspace, part: Judged, of_file: bool = False) -> list[Shortcut]:
    dataset = workspace.dataset
    manifest = dataset.manifest
    digests = [manifest.digests[row] for row in part.rows]
    return find_shortcuts(
        _infos_of(dataset, digests),
        None if of_file else dataset.pixels.rows(digests),
        manifest.labels[part.rows],
        part.folds,
        part.best.cv.probabilities,
        _group_numbers(dataset)[part.rows],
    )


def _faulty(workspace: Workspace, parts: Sequence[np.ndarray]) -> Iterator[FaultyImage]:
    """Yield what stands out in the images, measured against the whole folder."""
    dataset, features = workspace.dataset, workspace.features
    assert features is not None
    manifest = dataset.manifest
    unlike = np.empty(len(manifest.names))
    before_last = features.stage_outputs[-2:][0]
    for rows in parts:
        unlike[rows] = unlikeness(features.of(before_last, rows))
    infos = _infos_of(dataset, manifest.digests)
    measures = measure_images(dataset.pixels.rows(manifest.digests))
    for found in find_image_issues(infos, measures, unlike):
        name = None if found.row is None else manifest.names[found.row]
        yield FaultyImage(name, found.issue, found.detail)


def _sources(workspace: Workspace, part: Judged) -> Iterator[SourceAccuracy]:
    """Yield the accuracy on cameras and days that a head has not seen."""
    dataset, features, best = workspace.dataset, workspace.features, part.best
    assert features is not None
    digests = [workspace.dataset.manifest.digests[row] for row in part.rows]
    outputs = features.outputs_of(best.stages)
    for name, values in known_sources(_infos_of(dataset, digests)).items():
        found = accuracy_across_sources(
            name,
            values,
            features.read(outputs, digests),
            dataset.manifest.labels[part.rows],
            best.cv.probabilities,
            features.widths(outputs),
        )
        if found:
            yield found


def _class_weights(workspace: Workspace, part: Judged) -> ClassWeightGain | None:
    """Return whether class weights help, where classes are unequal."""
    manifest, features = workspace.dataset.manifest, workspace.features
    assert features is not None
    labels, n_classes = manifest.labels[part.rows], len(manifest.classes)
    if not are_unequal(labels, n_classes):
        return None
    outputs = features.outputs_of(part.best.stages)
    rows = features.read(outputs, [manifest.digests[row] for row in part.rows])
    return class_weight_gain(rows, labels, n_classes, part.folds)


def _infos_of(dataset: Dataset, digests: Sequence[str]) -> list[ImageInfo]:
    facts = {info.sha256: info for info in dataset.pixels.infos}
    return [facts[digest] for digest in digests]


def _group_numbers(dataset: Dataset) -> np.ndarray:
    """Return the number of the group of each row of the manifest."""
    return np.unique(dataset.manifest.groups, return_inverse=True)[1]
