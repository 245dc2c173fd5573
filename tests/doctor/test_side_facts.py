"""The columns that shortcuts are solved on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tlearn.data.image_info import ImageInfo
from tlearn.doctor import side_facts

FILES = [ImageInfo(str(n), 300 + n % 40, 200, "JPEG", False, None, 10_000 + n) for n in range(60)]


def square(inner: int, outer: int) -> np.ndarray:
    image = np.full((64, 64, 3), outer, np.uint8)
    image[16:48, 16:48] = inner
    return image


def side_of(images: list[np.ndarray]) -> side_facts.SidePixels:
    return side_facts.read_side_pixels(np.stack(images), np.arange(len(images)))


def test_the_border_and_the_outer_part_do_not_see_the_center() -> None:
    side = side_of([square(10 * n, 100) for n in range(20)])
    assert np.abs(side_facts.ring(side)).max() < 1e-3
    assert np.abs(side_facts.ring(side, side_facts.CONTROL_DEPTH)).max() > 1
    seen = side_facts.thumbnail(side)
    assert np.abs(seen).max() > 1
    small = side_of(
        [
            np.pad(np.full((16, 16, 3), 10 * n, np.uint8), ((24, 24), (24, 24), (0, 0)))
            for n in range(20)
        ]
    )
    assert np.abs(side_facts.thumbnail(small, center=False)).max() < 1e-3


def test_a_change_of_brightness_moves_the_limits_and_keeps_the_shape() -> None:
    rng = np.random.default_rng(0)
    images = [
        rng.integers(40, 200, (8, 8, 3), np.uint8).repeat(8, axis=0).repeat(8, axis=1)
        for _ in range(40)
    ]
    darker = [(0.6 * image).astype(np.uint8) for image in images]
    side = side_of(images + darker)
    limits, shape = side_facts.brightness_limits(side), side_facts.shape_of_brightness(side)

    def moved(columns: np.ndarray) -> float:
        return float(np.abs(columns[:40].mean(axis=0) - columns[40:].mean(axis=0)).max())

    assert moved(limits) > 1.5
    assert moved(shape) < 0.7


def test_values_of_few_files_share_a_column() -> None:
    plain = side_facts.file_facts(FILES).shape[1]
    rare = [replace(info, camera=f"camera {n}") for n, info in enumerate(FILES)]
    assert side_facts.file_facts(rare).shape[1] <= plain + 60
    assert not side_facts.file_facts(rare)[:, -61:].any(axis=0).sum() > 2
    two = [replace(info, camera=f"camera {n % 2}") for n, info in enumerate(FILES)]
    assert np.ptp(side_facts.file_facts(two)[:, -5:], axis=0).max() > 1


def test_file_facts_leave_the_size_in_bytes_to_itself() -> None:
    larger = [replace(info, size_bytes=999) for info in FILES]
    np.testing.assert_array_equal(side_facts.file_facts(FILES), side_facts.file_facts(larger))
    assert not side_facts.size_in_bytes(larger).any()
    assert side_facts.size_in_bytes(FILES).any()


def test_bins_let_a_linear_head_see_a_middling_value() -> None:
    x = np.linspace(0, 1, 120)[:, None]
    columns = side_facts.with_bins(x, 12)
    assert columns.shape == (120, 13)
    np.testing.assert_array_equal(columns[:, 1:].sum(axis=1), 1)
    assert side_facts.with_bins(np.ones((5, 1)), 12)[:, 1:].sum() == 5


def test_columns_that_never_change_become_zero() -> None:
    columns = side_facts.standardized(np.array([[1.0, 5], [3, 5]]))
    np.testing.assert_allclose(columns, [[-1, 0], [1, 0]])
