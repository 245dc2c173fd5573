"""Augmentation: exact where it can be, bounded where it cannot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tlearn.data.augmentation import POLICIES, Augmentation, augment, augmentation, mix
from tlearn.errors import RecipeError

OFF = Augmentation("off")


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def image(height: int = 40, width: int = 60, seed: int = 0) -> np.ndarray:
    """Smooth, so that resampling changes little."""
    y, x = np.mgrid[:height, :width]
    waves = [np.sin((x * a + y * b) / 9 + seed) for a, b in ((1, 0), (0, 1), (0.7, 0.7))]
    return (np.dstack(waves) * 100 + 128).astype(np.uint8)


def test_none_changes_nothing() -> None:
    assert np.array_equal(augment(image(), POLICIES["none"], rng()), image())
    batch, targets = rng().random((4, 2, 2, 3), np.float32), np.eye(4, dtype=np.float32)
    mixed, mixed_targets = mix(batch, targets, POLICIES["none"], rng())
    assert mixed is batch and mixed_targets is targets


@pytest.mark.parametrize("name", POLICIES)
def test_the_same_seed_gives_the_same_image(name: str) -> None:
    source = image()
    before = source.copy()
    views = [augment(source, POLICIES[name], rng(seed)) for seed in (5, 5, 6)]
    assert np.array_equal(source, before)
    assert all(view.shape == source.shape and view.dtype == np.uint8 for view in views)
    assert np.array_equal(views[0], views[1])
    assert np.array_equal(views[0], views[2]) == (name == "none")


def test_policies_get_stronger() -> None:
    def change(name: str) -> float:
        views = [augment(image(), POLICIES[name], rng(seed)) for seed in range(40)]
        return float(np.mean([np.abs(view.astype(int) - image()).mean() for view in views]))

    changes = [change(name) for name in ("none", "light", "medium", "strong")]
    assert changes == sorted(changes) and changes[0] == 0


def test_flip_is_exact_and_happens_half_the_time() -> None:
    policy = replace(OFF, flip=True)
    source = rng().integers(0, 256, (31, 44, 3), np.uint8)
    views = [augment(source, policy, rng(seed)) for seed in range(200)]
    flipped = sum(np.array_equal(view, source[:, ::-1]) for view in views)
    unchanged = sum(np.array_equal(view, source) for view in views)
    assert flipped + unchanged == 200 and 70 < flipped < 130


@pytest.mark.parametrize("name", ["light", "medium", "strong"])
def test_without_horizontal_flip_left_stays_left(name: str) -> None:
    source = np.full((40, 60, 3), 50, np.uint8)
    source[:, :30] = 200

    def left_is_brighter(horizontal_flip: bool) -> set[bool]:
        policy = augmentation(name, horizontal_flip=horizontal_flip)
        views = [augment(source, policy, rng(seed)) for seed in range(50)]
        return {bool(view[:, :20].mean() > view[:, -20:].mean()) for view in views}

    assert left_is_brighter(horizontal_flip=False) == {True}
    assert left_is_brighter(horizontal_flip=True) == {True, False}
    assert augmentation(name) is POLICIES[name]


def test_an_unknown_policy_suggests_the_nearest() -> None:
    with pytest.raises(RecipeError) as raised:
        augmentation("mediun")
    assert "medium" in raised.value.hint


class Fixed:
    """A generator whose uniform draws are fixed."""

    def __init__(self, *draws: object) -> None:
        self.draws = iter(draws)

    def uniform(self, *_: object) -> object:
        draw = next(self.draws)
        return np.array(draw) if isinstance(draw, list) else draw

    random = uniform


def warp(*draws: object, **strengths: float) -> np.ndarray:
    """`image` warped with angle, crop, zoom, translation and crop window as drawn."""
    policy = replace(OFF, **({"rotation": 1.0} | strengths))  # type: ignore[arg-type]
    return augment(image(), policy, Fixed(*draws))  # type: ignore[arg-type]


def test_translation_reflects_the_border() -> None:
    changed = warp(0, 0, 0, [0.5, 0.25], [0, 0], translation=0.2)
    source = image()
    assert np.array_equal(changed[:38, :54], source[2:, 6:])
    assert np.array_equal(changed[:38, 54:], source[2:, -1:-7:-1])
    assert np.array_equal(changed[38:, :54], source[:-3:-1, 6:])


def test_rotation_by_a_quarter() -> None:
    source = image(40, 40)
    policy = replace(OFF, rotation=90.0)
    draws = Fixed(90, 0, 0, [0, 0], [0, 0])
    rotated = augment(source, policy, draws)  # type: ignore[arg-type]
    assert np.abs(rotated.astype(int) - np.rot90(source, 1)).max() <= 1


def test_crop_window() -> None:
    """The upper left half of both sides fills the image: pixels are enlarged twice."""
    changed = warp(0, 0.5, 0, [0, 0], [-1, -1], crop=0.5)
    middles = image()[:20, :30].repeat(2, axis=0).repeat(2, axis=1)
    assert np.abs(changed.astype(int) - middles).mean() < 4


def test_zoom_out_shows_reflections() -> None:
    changed = warp(0, 0, -0.5, [0, 0], [0, 0], zoom=0.5)
    inner = changed[10:30, 15:45].astype(int)
    assert np.abs(inner - image()[::2, ::2]).mean() < 10
    assert np.abs(changed[9, 15:45].astype(int) - changed[10, 15:45]).mean() < 15


def test_far_translation_does_not_fail() -> None:
    assert augment(image(), replace(OFF, translation=5.0, zoom=0.9), rng()).shape == (40, 60, 3)


@pytest.mark.parametrize("side", [1, 2, 5])
def test_small_images(side: int) -> None:
    source = np.full((side, side, 3), 9, np.uint8)
    for seed in range(20):
        assert augment(source, POLICIES["strong"], rng(seed)).shape == source.shape


def test_brightness_and_contrast() -> None:
    source = image()
    draws = Fixed(0.5, 0.1)
    policy = replace(OFF, brightness=0.2, contrast=0.5)
    changed = augment(source, policy, draws)  # type: ignore[arg-type]
    expected = (source - source.mean()) * 1.5 + source.mean() + 25.5
    assert np.array_equal(changed, np.clip(np.rint(expected), 0, 255))


def test_noise_has_its_standard_deviation() -> None:
    gray = np.full((100, 100, 3), 128, np.uint8)
    noisy = augment(gray, replace(OFF, noise=0.02), rng()).astype(float)
    assert abs(noisy.std() - 0.02 * 255) < 0.2 and abs(noisy.mean() - 128) < 0.2


def test_erasing_fills_one_rectangle() -> None:
    gray = np.full((64, 64, 3), 128, np.uint8)
    erased = 0
    for seed in range(100):
        changed = augment(gray, replace(OFF, erasing=0.5), rng(seed))
        rows, columns = np.nonzero((changed != 128).any(axis=2))
        if len(rows):
            erased += 1
            box = (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
            assert 0.01 < box / 64**2 < 0.22 and len(rows) > 0.95 * box
    assert 35 < erased < 65


def batch_of(*shape: int) -> tuple[np.ndarray, np.ndarray]:
    """Row n is filled with n, and its target is class n."""
    rows = np.zeros(shape, np.float32) + np.arange(shape[0]).reshape(-1, *[1] * (len(shape) - 1))
    return rows.astype(np.float32), np.eye(shape[0], dtype=np.float32)


@pytest.mark.parametrize("shape", [(6, 8, 8, 3), (6, 4, 4, 16), (6, 32)])
@pytest.mark.parametrize("strengths", [(0.2, 0.0), (0.0, 1.0), (0.4, 0.4)])
def test_mixed_targets_sum_to_one(shape: tuple[int, ...], strengths: tuple[float, float]) -> None:
    policy = replace(OFF, mixup=strengths[0], cutmix=strengths[1])
    for seed in range(20):
        batch, targets = batch_of(*shape)
        mixed, mixed_targets = mix(batch, targets, policy, rng(seed))
        assert mixed.shape == shape and mixed.dtype == mixed_targets.dtype == np.float32
        np.testing.assert_allclose(mixed_targets.sum(axis=1), 1, atol=1e-6)
        # Row n holds n: what a row shows on average is what its target says.
        seen = mixed.reshape(6, -1).mean(axis=1)
        np.testing.assert_allclose(seen, mixed_targets @ np.arange(6), atol=1e-4)
        assert np.array_equal(batch, batch_of(*shape)[0])


def test_cutmix_pastes_and_mixup_blends() -> None:
    batch, targets = batch_of(6, 16, 16, 1)
    pasted, _ = mix(batch, targets, replace(OFF, cutmix=1.0), rng(2))
    assert set(np.unique(pasted)) <= set(range(6))
    assert any(len(np.unique(row)) == 2 for row in pasted)
    blended, _ = mix(batch, targets, replace(OFF, mixup=1.0), rng(2))
    assert all(len(np.unique(row)) == 1 for row in blended)
    assert not set(np.unique(blended)) <= set(range(6))


def test_cutmix_leaves_embeddings_alone() -> None:
    batch, targets = batch_of(6, 32)
    mixed, mixed_targets = mix(batch, targets, replace(OFF, cutmix=1.0), rng())
    assert mixed is batch and mixed_targets is targets


def test_a_coin_chooses_where_there_are_both() -> None:
    batch, targets = batch_of(6, 16, 16, 1)
    policy = replace(OFF, mixup=1.0, cutmix=1.0)
    kinds = [
        all(len(np.unique(row)) == 1 for row in mix(batch, targets, policy, rng(seed))[0])
        for seed in range(100)
    ]
    assert 30 < sum(kinds) < 75
