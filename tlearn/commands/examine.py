"""What `tlearn doctor` looks at, and the short part of it that other commands look at too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from tlearn.commands.session import Session, Workspace
from tlearn.data.dataset import Dataset
from tlearn.data.image_info import ImageInfo
from tlearn.data.sampling import (
    CROSS_VALIDATION_LIMIT,
    FOLDS,
    FOLDS_OF_MANY,
    MANY_IMAGES,
    make_folds,
    stratified_order,
)
from tlearn.data.split import Fold
from tlearn.doctor.class_weights import ClassWeightGain, are_unequal, class_weight_gain
from tlearn.doctor.examination import (
    CopyGroup,
    Examination,
    FaultyImage,
    GroupFinding,
    WrongLabel,
)
from tlearn.doctor.image_quality import find_image_issues, measure_images, neighbor_distances
from tlearn.doctor.labels import check_labels
from tlearn.doctor.overlap import overlapping_classes
from tlearn.doctor.shortcuts import Shortcut, find_shortcuts
from tlearn.doctor.sources import SourceAccuracy, accuracy_across_sources, known_sources
from tlearn.features.features import HeadProblem
from tlearn.features.linear_head import CrossValidation
from tlearn.features.store import Views
from tlearn.suggestion.depth_profile import DepthProfile, measure_profile

_PARTS = {"test": 0, "val": 1}


@dataclass(frozen=True)
class _Judged:
    """A stratified part of a folder's images, with heads that were cross-validated on it.

    Attributes:
        rows: (m,) rows of the manifest.
        folds: Positions among `rows`.
        profile: The heads.
    """

    rows: np.ndarray
    folds: Sequence[Fold]
    profile: DepthProfile


def examine(session: Session, workspace: Workspace) -> Examination:
    """Look at every image of a folder, of all its splits together.

    Args:
        session: Recipe, cache and progress.
        workspace: Images, backbone and features.
    """
    dataset = workspace.dataset
    manifest = dataset.manifest
    session.progress("examine the images", 0, 0)
    with session.timer.time("examine"):
        parts = [*_judge(session, workspace)]
        copies = copy_groups_of(dataset)
        found = Examination(
            dataset=dataset,
            backbone=workspace.backbone.name,
            accuracy=parts[0].profile.best.accuracy,
            copies=copies,
            groups=tuple(group_findings(dataset)),
            labels=tuple(_wrong_labels(workspace, parts)),
            shortcuts=tuple(_shortcuts(workspace, parts[0])),
            images=tuple(_faulty(workspace, parts)),
            overlaps=overlapping_classes(
                parts[0].profile.best.cv.probabilities, manifest.labels[parts[0].rows]
            ),
            sources=tuple(_sources(workspace, parts[0])),
            class_weights=_class_weights(workspace, parts[0]),
            **_leaks(session, workspace, parts[0], copies),
        )
    return replace(found, seconds=session.timer.total())


def _judge(session: Session, workspace: Workspace) -> Iterator[_Judged]:
    """Cross-validate heads on all images; of very many, on one part after the other.

    So every image is judged by heads that have not seen it, in bounded memory.
    """
    labels = workspace.dataset.manifest.labels
    n_parts = -(-len(labels) // CROSS_VALIDATION_LIMIT)
    order = stratified_order(labels, session.seed)
    for number in range(n_parts):
        yield _judge_part(session, workspace, np.sort(order[number::n_parts]))


def _judge_part(session: Session, workspace: Workspace, rows: np.ndarray) -> _Judged:
    manifest, features = workspace.dataset.manifest, workspace.features
    assert features is not None
    labels, keys = manifest.labels[rows], [manifest.digests[row] for row in rows]
    n_folds = FOLDS if len(rows) < MANY_IMAGES else FOLDS_OF_MANY
    folds = make_folds(labels, [manifest.groups[row] for row in rows], session.seed, n_folds)

    def cross_validate(stages: Sequence[int]) -> CrossValidation:
        return features.cross_validate(
            HeadProblem(stages, keys, labels, len(manifest.classes)), folds
        )

    names = [stage.name for stage in workspace.stages]
    return _Judged(rows, folds, measure_profile(names, labels, cross_validate))


def copy_groups_of(dataset: Dataset) -> tuple[CopyGroup, ...]:
    """Return the images that show the same, those across classes and splits first."""
    images = dataset.folder.images
    groups = []
    for group in dataset.copies:
        shown = sorted(
            (images[row] for row in group.rows), key=lambda i: _PARTS.get(i.split or "", 2)
        )
        groups.append(
            CopyGroup(
                paths=tuple(image.name for image in shown),
                kind=group.kind,
                across_splits=len({image.split for image in shown}) > 1,
                across_classes=len({image.label for image in shown}) > 1,
            )
        )
    return tuple(sorted(groups, key=lambda g: (not g.across_classes, not g.across_splits)))


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


def _wrong_labels(workspace: Workspace, parts: Sequence[_Judged]) -> Iterator[WrongLabel]:
    manifest, features = workspace.dataset.manifest, workspace.features
    assert features is not None
    found = []
    numbers = _group_numbers(workspace.dataset)
    for part in parts:
        heads = [score.cv.probabilities for score in part.profile.scores]
        rows = part.rows
        check = check_labels(
            heads, [features.embeddings(rows)], manifest.labels[rows], numbers[rows]
        )
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


def _shortcuts(workspace: Workspace, part: _Judged) -> list[Shortcut]:
    dataset = workspace.dataset
    manifest = dataset.manifest
    digests = [manifest.digests[row] for row in part.rows]
    return find_shortcuts(
        _infos_of(dataset, digests),
        dataset.pixels.rows(digests),
        manifest.labels[part.rows],
        part.folds,
        part.profile.best.cv.probabilities,
        _group_numbers(dataset)[part.rows],
    )


def _leaks(
    session: Session, workspace: Workspace, part: _Judged, copies: Sequence[CopyGroup]
) -> dict[str, float]:
    """Return the accuracy of the best head with and without copies of what it is scored on."""
    if any(group.across_splits for group in copies):
        scores = _scores_of_test(session, workspace, part, copies)
    elif copies:
        scores = _cross_validated(session, workspace, part)
    else:
        return {}
    return dict(zip(("accuracy_with_leaks", "accuracy_without_leaks"), scores, strict=True))


def _cross_validated(session: Session, workspace: Workspace, part: _Judged) -> tuple[float, float]:
    """Return accuracies of a cross-validation that tears copies apart, and of the one that was."""
    manifest, features, best = workspace.dataset.manifest, workspace.features, part.profile.best
    assert features is not None
    keys, labels = [manifest.digests[row] for row in part.rows], manifest.labels[part.rows]
    torn = make_folds(labels, [str(row) for row in part.rows], session.seed, len(part.folds))
    problem = HeadProblem(best.stages, keys, labels, len(manifest.classes))
    return features.cross_validate(problem, torn).accuracy, best.accuracy


def _scores_of_test(
    session: Session, workspace: Workspace, part: _Judged, copies: Sequence[CopyGroup]
) -> tuple[float, float]:
    """Return the accuracy on test of a head solved on train with the copies, and without."""
    dataset, features, best = workspace.dataset, workspace.features, part.profile.best
    assert features is not None
    manifest = dataset.manifest
    used, torn = {*manifest.names}, {path for g in copies if g.across_splits for path in g.paths}
    left_out = [
        (info.sha256, image.label)
        for image, info in zip(dataset.folder.images, dataset.pixels.infos, strict=True)
        if image.split == "train" and image.name in torn and image.name not in used
    ]
    step = partial(session.progress, "compute features")
    digests = [digest for digest, _ in left_out]
    features.store.fill(dataset.pixels, digests, session.engine_factory(workspace), Views(), step)
    train, scored = dataset.digests("train"), manifest.report_split
    labels = dataset.labels("train")
    held_out = features.read(features.outputs_of(best.stages), dataset.digests(scored))

    def accuracy(keys: Sequence[str], labels: np.ndarray) -> float:
        problem = HeadProblem(best.stages, keys, labels, len(manifest.classes))
        answers = features.solve(problem, best.cv.penalty).probabilities(held_out)
        return float((answers.argmax(axis=1) == dataset.labels(scored)).mean())

    all_labels = np.array([*labels, *(label for _, label in left_out)], np.int64)
    return accuracy([*train, *digests], all_labels), accuracy(train, labels)


def _faulty(workspace: Workspace, parts: Sequence[_Judged]) -> Iterator[FaultyImage]:
    """Yield what stands out in the images, measured against the whole folder."""
    dataset, features = workspace.dataset, workspace.features
    assert features is not None
    manifest = dataset.manifest
    numbers = _group_numbers(dataset)
    distances = np.empty(len(manifest.names))
    for part in parts:
        embeddings = features.embeddings(part.rows)
        distances[part.rows] = neighbor_distances(
            embeddings, manifest.labels[part.rows], numbers[part.rows]
        )
    infos = _infos_of(dataset, manifest.digests)
    measures = measure_images(dataset.pixels.rows(manifest.digests))
    for found in find_image_issues(infos, measures, distances):
        name = None if found.row is None else manifest.names[found.row]
        yield FaultyImage(name, found.issue, found.detail)


def _sources(workspace: Workspace, part: _Judged) -> Iterator[SourceAccuracy]:
    """Yield the accuracy on cameras and days that a head has not seen."""
    dataset, features, best = workspace.dataset, workspace.features, part.profile.best
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


def _class_weights(workspace: Workspace, part: _Judged) -> ClassWeightGain | None:
    """Return whether class weights help, where classes are unequal."""
    manifest, features = workspace.dataset.manifest, workspace.features
    assert features is not None
    labels, n_classes = manifest.labels[part.rows], len(manifest.classes)
    if not are_unequal(labels, n_classes):
        return None
    outputs = features.outputs_of(part.profile.best_single.stages)
    rows = features.read(outputs, [manifest.digests[row] for row in part.rows])
    return class_weight_gain(rows, labels, n_classes, part.folds)


def _infos_of(dataset: Dataset, digests: Sequence[str]) -> list[ImageInfo]:
    facts = {info.sha256: info for info in dataset.pixels.infos}
    return [facts[digest] for digest in digests]


def _group_numbers(dataset: Dataset) -> np.ndarray:
    """Return the number of the group of each row of the manifest."""
    return np.unique(dataset.manifest.groups, return_inverse=True)[1]
