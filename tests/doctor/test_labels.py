"""Moved labels are found, sound ones of clear and of hard folders are left alone."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.doctor.labels import check_labels
from tlearn.features.linear_head import cross_validate


def blobs(spread: float, n: int = 300, classes: int = 3, seed: int = 0) -> tuple:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    centers = rng.normal(size=(classes, 20))
    return (centers[labels] + spread * rng.normal(size=(n, 20))).astype(np.float32), labels


def heads_on(features: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
    fold_of = np.random.default_rng(1).permutation(len(labels)) % 5
    folds = [(np.flatnonzero(fold_of != f), np.flatnonzero(fold_of == f)) for f in range(5)]
    return [cross_validate(features, labels, int(labels.max()) + 1, folds).probabilities]


@pytest.mark.parametrize("share", [0.03, 0.1, 0.25])
def test_moved_labels_come_first_with_the_class_that_they_had(share: float) -> None:
    features, truth = blobs(0.5)
    moved = np.random.default_rng(2).choice(300, round(share * 300), replace=False)
    labels = truth.copy()
    labels[moved] = (truth[moved] + np.random.default_rng(3).integers(1, 3, len(moved))) % 3
    check = check_labels(heads_on(features, labels), [features], labels)
    issues = check.issues()
    assert len({issue.row for issue in issues} & {*moved.tolist()}) >= 0.9 * len(moved)
    assert len(issues) <= 1.2 * len(moved)
    assert all(issue.suggested == truth[issue.row] for issue in issues if issue.row in moved)
    assert [issue.confidence for issue in issues] == sorted(check.confidence, reverse=True)[
        : len(issues)
    ]
    assert check.share_wrong == pytest.approx(share, rel=0.4)


@pytest.mark.parametrize("spread", [0.3, 1.0, 2.0, 8.0])
def test_a_clean_folder_gets_a_list_of_hardly_any_however_hard_it_is(spread: float) -> None:
    listed = 0
    for seed in range(4):
        features, labels = blobs(spread, seed=seed)
        listed += len(check_labels(heads_on(features, labels), [features], labels).issues())
    assert listed <= 4  # of 1200


def test_one_wrong_label_among_two_small_classes_is_the_first() -> None:
    features, labels = blobs(0.3, n=40, classes=2)
    labels[7] = 1 - labels[7]
    first = check_labels(heads_on(features, labels), [features], labels).issues(at_least=0)[0]
    assert (first.row, first.label, first.suggested) == (7, labels[7], 1 - labels[7])
    assert 0 < first.confidence <= 1


def test_an_image_that_no_head_has_judged_is_not_listed() -> None:
    features, labels = blobs(0.3)
    labels[:30] = (labels[:30] + np.repeat([1, 2], 15)) % 3
    heads = heads_on(features, labels)
    heads[0][:15] = 0
    check = check_labels(heads, [features], labels)
    assert not check.confidence[:15].any()
    assert {issue.row for issue in check.issues()} >= {*range(15, 30)}


def test_copies_of_an_image_do_not_vote_for_its_label() -> None:
    features, labels = blobs(0.3, n=60)
    copies = np.flatnonzero(labels == 0)[:9]
    features[copies] = features[copies[0]]
    labels[copies] = 1
    groups = np.arange(60)
    groups[copies] = copies[0]
    unsure = [np.full((60, 3), 1 / 3)]
    alone = check_labels(unsure, [features], labels).probabilities[copies[0]]
    together = check_labels(unsure, [features], labels, groups).probabilities[copies[0]]
    assert alone[1] > alone[0]
    assert together[0] > together[1]


def test_a_head_that_guesses_is_not_heard() -> None:
    features, labels = blobs(0.3)
    good = heads_on(features, labels)
    guess = np.random.default_rng(0).dirichlet([0.2] * 3, 300)
    with_both = check_labels([*good, guess], [], labels).probabilities
    np.testing.assert_array_equal(with_both, check_labels(good, [], labels).probabilities)


def test_a_direction_among_much_noise_is_heard_where_images_are_few() -> None:
    found = 0
    for seed in range(4):
        rng = np.random.default_rng(seed)
        labels = np.arange(200) % 2
        features = rng.normal(size=(200, 120)).astype(np.float32)
        features[:, 0] += 4 * labels
        moved = rng.choice(200, 10, replace=False)
        labels[moved] = 1 - labels[moved]
        unsure = [np.full((200, 2), 0.5)]
        ranked = np.argsort(-check_labels(unsure, [features], labels).confidence)
        found += len({*ranked[:10].tolist()} & {*moved.tolist()})
    assert found >= 34  # of 40; the votes of neighbors find 31
