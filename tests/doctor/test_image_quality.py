"""Images that stand out in a folder, on both sides of each limit."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.data.image_info import ImageInfo
from tlearn.doctor.image_quality import (
    ASPECT,
    BLANK,
    BLURRED,
    BRIGHT,
    DARK,
    OUTLIER,
    PALE,
    TINY,
    ImageFinding,
    find_image_issues,
    measure_images,
    robust_z,
    unlikeness,
)

N, SIDE = 40, 64


def photographs(seed: int = 0) -> np.ndarray:
    """Blobs with fine detail; brightness and contrast vary as in a folder."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(20, 235, (N, 8, 8, 3)).repeat(8, axis=1).repeat(8, axis=2)
    detailed = coarse + rng.normal(0, 12, (N, SIDE, SIDE, 1))
    return np.clip(detailed * rng.uniform(0.8, 1.1, (N, 1, 1, 1)), 0, 255).astype(np.uint8)


def infos(**first: int) -> list[ImageInfo]:
    sizes = [{"width": 400, "height": 300} for _ in range(N)]
    sizes[0] |= first
    return [ImageInfo(str(n), format="JPEG", rotated=False, **size) for n, size in enumerate(sizes)]


def found(pixels: np.ndarray, **first: int) -> list[tuple[int | None, str]]:
    findings = find_image_issues(infos(**first), measure_images(pixels))
    return [(finding.row, finding.issue) for finding in findings]


def changed(row: int, image: np.ndarray) -> np.ndarray:
    pixels = photographs()
    pixels[row] = np.clip(image, 0, 255)
    return pixels


def smooth(image: np.ndarray, times: int) -> np.ndarray:
    soft = image.astype(float)
    for _ in range(times):
        soft = (soft + np.roll(soft, 1, 0) + np.roll(soft, -1, 0)) / 3
        soft = (soft + np.roll(soft, 1, 1) + np.roll(soft, -1, 1)) / 3
    return soft


def test_a_folder_of_ordinary_photographs_gets_no_finding() -> None:
    assert found(photographs()) == []


@pytest.mark.parametrize(
    ("image", "issue"),
    [
        (np.full((SIDE, SIDE, 3), (90, 120, 40)), BLANK),
        (photographs()[3] * 0.1, DARK),
        (255 - photographs()[3] * 0.1, BRIGHT),
        (120 + photographs()[3] * 0.08, PALE),
        (smooth(photographs()[3], 12), BLURRED),
    ],
)
def test_one_image_that_stands_out_is_named_with_its_issue(image: np.ndarray, issue: str) -> None:
    assert found(changed(7, image)) == [(7, issue)]


@pytest.mark.parametrize("image", [photographs()[3] * 0.6, 60 + photographs()[3] * 0.5])
def test_an_image_that_is_only_darker_or_paler_than_most_is_not(image: np.ndarray) -> None:
    assert found(changed(7, image)) == []


def test_two_colors_of_the_same_gray_are_not_blank() -> None:
    board = np.indices((SIDE, SIDE)).sum(axis=0) // 8 % 2
    image = np.where(board[..., None], (255, 60, 60), (0, 167, 167))
    assert (7, BLANK) not in found(changed(7, image))
    assert (7, PALE) not in found(changed(7, image))


def test_drawings_on_white_are_not_too_bright() -> None:
    rng = np.random.default_rng(0)
    pixels = np.full((N, SIDE, SIDE, 3), 255, np.uint8)
    for image in pixels:
        for row in rng.integers(4, 60, rng.integers(1, 9)):
            image[row : row + 2, 8:50] = 0
    assert found(pixels) == []


@pytest.mark.parametrize(("level", "color"), [(255, "white"), (3, "black")])
def test_a_folder_of_one_color_is_one_finding(level: int, color: str) -> None:
    pixels = photographs()
    pixels[4:] = level
    findings = find_image_issues(infos(), measure_images(pixels))
    assert [(f.row, f.issue) for f in findings if f.issue == BLANK] == [(None, BLANK)]
    assert color in findings[0].detail


def test_a_folder_that_uses_few_gray_values_is_one_finding() -> None:
    findings = find_image_issues(infos(), measure_images(photographs() // 16))
    assert findings == [
        ImageFinding(None, PALE, findings[0].detail, 0.9),
    ]
    assert "100% of the images use gray values from about" in findings[0].detail


@pytest.mark.parametrize(
    ("size", "issues"),
    [
        ((31, 40), [(0, TINY)]),
        ((70, 90), [(0, TINY)]),
        ((80, 100), []),
        ((1100, 300), [(0, ASPECT)]),
        ((900, 300), []),
        ((300, 900), [(0, ASPECT)]),
    ],
)
def test_sizes_are_held_against_the_folder(size: tuple[int, int], issues: list) -> None:
    assert found(photographs(), width=size[0], height=size[1]) == issues


def test_an_image_from_elsewhere_is_an_outlier() -> None:
    rng = np.random.default_rng(0)
    features = (rng.normal(size=(N, 6)) @ rng.normal(size=(6, 30))).astype(np.float32)
    features += 0.1 * rng.normal(size=features.shape).astype(np.float32)
    measures = measure_images(photographs())
    assert not find_image_issues(infos(), measures, unlikeness(features))
    features[5] += 25 * rng.normal(size=30).astype(np.float32)
    findings = find_image_issues(infos(), measures, unlikeness(features))
    assert [(f.row, f.issue) for f in findings] == [(5, OUTLIER)]


def test_the_worst_comes_first_and_an_image_has_its_worst_issue_alone() -> None:
    pixels = changed(7, photographs()[3] * 0.1)
    pixels[0] = 128
    assert found(pixels, width=1100) == [(0, BLANK), (7, DARK)]


def test_robust_z_is_not_moved_by_what_it_looks_for() -> None:
    values = np.append(np.random.default_rng(0).normal(5, 2, 1000), [100] * 50)
    assert robust_z(values, 0.1)[-1] > 30
    assert np.abs(robust_z(values, 0.1)[:1000]).mean() == pytest.approx(0.8, abs=0.2)
    assert robust_z(np.array([1.0, 1, 1, 1, 2]), 0.5)[-1] == 2
