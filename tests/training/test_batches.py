"""What a batch holds: order, views, augmentation and weights, the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from tlearn.data.augmentation import augmentation
from tlearn.training.batches import Batches, Examples, Variation, class_weight_rows, one_hot

NONE, STRONG = augmentation("none"), augmentation("strong")


@pytest.fixture
def images() -> Examples:
    """Ten images of one brightness each, with two views: the second is 100 brighter."""
    pixels = {
        f"{view}/{n}": np.full((8, 8, 3), 100 * view + n, np.uint8)
        for n in range(10)
        for view in range(2)
    }

    def read(keys: Sequence[str]) -> np.ndarray:
        return np.stack([pixels[key] for key in keys])

    keys = [[f"0/{n}", f"1/{n}"] for n in range(10)]
    return Examples(read, keys, one_hot(np.arange(10) % 3, 3))


def levels(batches: Batches) -> list[int]:
    """Return the brightness of every image, in order."""
    return [int(image.mean()) for n in range(len(batches)) for image in batches[n][0]]


def test_validation_reads_every_image_once_in_order_and_unchanged(images: Examples) -> None:
    batches = Batches(images, 4)
    for epoch in range(2):
        batches.begin_epoch(epoch)
        assert levels(batches) == list(range(10))
    assert [len(batches[n][0]) for n in range(len(batches))] == [4, 4, 2]
    assert np.array_equal(batches[0][1], np.eye(3)[[0, 1, 2, 0]])


def test_every_epoch_has_another_order_and_other_views_with_each_image_once(
    images: Examples,
) -> None:
    batches = Batches(images, 4, Variation(NONE, live=False, seed=1))
    epochs = []
    for epoch in range(3):
        batches.begin_epoch(epoch)
        epochs.append(levels(batches))
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert all(sorted(level % 100 for level in epoch) == list(range(10)) for epoch in epochs)
    assert any(level >= 100 for level in epochs[0]) and any(level < 100 for level in epochs[0])


def test_the_same_seed_gives_the_same_batches(images: Examples) -> None:
    first, second = (Batches(images, 4, Variation(STRONG, live=True, seed=7)) for _ in range(2))
    other = Batches(images, 4, Variation(STRONG, live=True, seed=8))
    assert all(np.array_equal(a, b) for a, b in zip(first[1], second[1], strict=True))
    assert not np.array_equal(first[1][0], other[1][0])


def test_stored_features_are_mixed_but_not_augmented(images: Examples) -> None:
    light = augmentation("light")
    stored = Batches(images, 10, Variation(light, live=False, seed=0))
    assert all(image.std() == 0 for image in stored[0][0])
    mixed = Batches(images, 10, Variation(STRONG, live=False, seed=0))[0][1]
    assert np.allclose(mixed.sum(axis=1), 1) and (mixed.max(axis=1) < 1).any()


def test_inputs_pass_through_the_prefix_and_weights_come_along(images: Examples) -> None:
    weights = np.arange(10, dtype=np.float32)
    examples = replace(images, weights=weights, prefix=lambda pixels: pixels.mean(axis=(1, 2)))
    inputs, _, batch_weights = Batches(examples, 4)[1]
    assert inputs.shape == (4, 3) and inputs.dtype == np.float32
    assert list(batch_weights) == [4, 5, 6, 7]


@pytest.mark.parametrize("labels", [[0, 0, 0, 1], [0, 2, 2, 2, 2, 2]])
def test_class_weights_give_every_present_class_the_same_total(labels: list[int]) -> None:
    weights = class_weight_rows(np.array(labels), 3)
    totals = [weights[np.array(labels) == label].sum() for label in set(labels)]
    assert totals == pytest.approx([totals[0]] * len(totals))
    assert weights.mean() == pytest.approx(1)


def test_batches_of_features_need_no_images(examples: Callable[..., Examples]) -> None:
    batches = Batches(examples(6), 4)
    assert batches[0][0].shape == (4, 8) and len(batches) == 2


def test_an_epoch_can_go_on_from_any_step(images: Examples) -> None:
    batches = Batches(images, 2, Variation(STRONG, live=True, seed=3))
    batches.begin_epoch(5)
    whole = [inputs for inputs, _ in batches.from_step(0)]
    rest = [inputs for inputs, _ in batches.from_step(3)]
    assert [len(whole), len(rest)] == [5, 2]
    assert all(np.array_equal(a, b) for a, b in zip(whole[3:], rest, strict=True))
