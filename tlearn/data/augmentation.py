"""Random changes to training images that do not change their class; never part of a model."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from tlearn.errors import RecipeError


# The repr seeds the stored views (features.store.Views): a renamed or added field changes them all.
@dataclass(frozen=True)
class Augmentation:
    """An augmentation policy: how strongly images are changed; 0 turns a change off.

    Attributes:
        name: Name of the policy.
        rotation: Largest angle in either direction, in degrees.
        zoom: Largest enlargement or reduction, as a fraction.
        translation: Largest shift, as a fraction of the side.
        crop: Largest fraction of the side that is cut away; the rest fills the image.
        brightness: Largest change, as a fraction of the value range.
        contrast: Largest change of the distance to the mean, as a fraction.
        noise: Standard deviation of Gaussian noise, as a fraction of the value range.
        erasing: Probability of filling one rectangle with random pixels.
        mixup: Alpha of MixUp's Beta(alpha, alpha).
        cutmix: Alpha of CutMix's Beta(alpha, alpha).
        flip: Whether half of the images are flipped left to right.
    """

    name: str
    rotation: float = 0.0
    zoom: float = 0.0
    translation: float = 0.0
    crop: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    noise: float = 0.0
    erasing: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0
    flip: bool = False


_LIGHT = Augmentation("light", zoom=0.1, crop=0.1, translation=0.05, flip=True)
_MEDIUM = replace(_LIGHT, name="medium", rotation=10.0, brightness=0.15, contrast=0.15)
_STRONG = Augmentation(
    "strong",
    rotation=20.0,
    zoom=0.25,
    translation=0.1,
    crop=0.25,
    brightness=0.3,
    contrast=0.3,
    noise=0.02,
    erasing=0.25,
    mixup=0.2,
    cutmix=1.0,
    flip=True,
)
POLICIES = {policy.name: policy for policy in (Augmentation("none"), _LIGHT, _MEDIUM, _STRONG)}


def augmentation(name: str, horizontal_flip: bool = True) -> Augmentation:
    """Return the augmentation policy of a name.

    Args:
        name: A key of POLICIES.
        horizontal_flip: False if the class depends on left and right (digits, letters): the
            policy then never flips.

    Raises:
        RecipeError: There is no such policy.
    """
    if name not in POLICIES:
        similar = difflib.get_close_matches(name, POLICIES, 1)
        choices = f"choose one of {', '.join(POLICIES)}: --augment NAME"
        hint = f"did you mean {similar[0]!r}?" if similar else choices
        raise RecipeError(f"there is no augmentation {name!r}", hint)
    policy = POLICIES[name]
    return policy if horizontal_flip else replace(policy, flip=False)


def augment(pixels: np.ndarray, policy: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """Augment one image: one warp for all geometry, then brightness, contrast, noise, erasing.

    Args:
        pixels: uint8 (H, W, 3); unchanged.
        policy: How strongly to change them.
        rng: Random generator; the same state gives the same image.

    Returns:
        uint8 (H, W, 3).
    """
    changed = _warp(pixels, _draw_warp(pixels.shape[0], pixels.shape[1], policy, rng))
    if policy.brightness or policy.contrast:
        changed = _relight(changed, policy, rng)
    if policy.noise:
        noise = rng.standard_normal(changed.shape, np.float32) * np.float32(policy.noise * 255)
        changed = np.clip(np.rint(changed + noise), 0, 255).astype(np.uint8)
    if policy.erasing and rng.random() < policy.erasing:
        changed = _erase(changed, rng)
    return changed


def mix(
    batch: np.ndarray, targets: np.ndarray, policy: Augmentation, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Mix every row with another one by MixUp or CutMix; a fair coin decides if both are on.

        x = lam * x + (1 - lam) * x[order],    lam ~ Beta(alpha, alpha)    (MixUp)
        x = x[order] inside a box of the area 1 - lam, x outside           (CutMix)
        t = lam * t + (1 - lam) * t[order]                                 (both)

    Args:
        batch: float32 (B, H, W, C) pixels or feature maps, or (B, d), to which CutMix does
            not apply.
        targets: float32 (B, classes), rows that sum to one.
        policy: Gives both alphas.
        rng: Random generator.

    Returns:
        The mixed batch and targets; the arguments are unchanged.

    References:
        Zhang et al., mixup, 2018, arXiv 1710.09412. Yun et al., CutMix, 2019, arXiv 1905.04899;
        unlike there, the box always lies inside the image, so that its area is the one drawn.
    """
    cutmix = policy.cutmix if batch.ndim == 4 else 0.0
    if not (policy.mixup or cutmix):
        return batch, targets
    cut = bool(cutmix) and (not policy.mixup or rng.random() < 0.5)
    alpha = cutmix if cut else policy.mixup
    lam = rng.beta(alpha, alpha)
    order = rng.permutation(len(batch))
    if cut:
        batch, lam = _paste_box(batch, order, lam, rng)
    else:
        batch = (lam * batch + (1 - lam) * batch[order]).astype(batch.dtype)
    return batch, (lam * targets + (1 - lam) * targets[order]).astype(targets.dtype)


def _draw_warp(
    height: int, width: int, policy: Augmentation, rng: np.random.Generator
) -> np.ndarray | None:
    """Return the (2, 3) affine matrix from output to input coordinates; None for no change."""
    if not (policy.flip or policy.rotation or policy.zoom or policy.translation or policy.crop):
        return None
    angle = math.radians(rng.uniform(-policy.rotation, policy.rotation))
    window = 1 - rng.uniform(0, policy.crop)
    scale = window / (1 + rng.uniform(-policy.zoom, policy.zoom))
    # The crop window may lie anywhere in the image, hence the second term of the shift.
    shift = rng.uniform(-1, 1, 2) * policy.translation + rng.uniform(-1, 1, 2) * (1 - window) / 2
    x_sign = -1 if policy.flip and rng.random() < 0.5 else 1
    linear = scale * np.array(
        [
            [math.cos(angle) * x_sign, -math.sin(angle)],
            [math.sin(angle) * x_sign, math.cos(angle)],
        ]
    )
    center = np.array([width, height]) / 2
    return np.column_stack([linear, center + shift * [width, height] - linear @ center])


def _warp(pixels: np.ndarray, matrix: np.ndarray | None) -> np.ndarray:
    """Warp an image bilinearly; beyond its border it is reflected."""
    if matrix is None:
        return pixels
    height, width = pixels.shape[:2]
    corners = matrix @ np.array([[0, width, 0, width], [0, 0, height, height], [1, 1, 1, 1]])
    low = np.floor(corners.min(axis=1)).astype(int) - 1
    high = np.ceil(corners.max(axis=1)).astype(int) + 1
    columns = _reflected(low[0], high[0], width)
    rows = _reflected(low[1], high[1], height)
    image = Image.fromarray(pixels.take(rows, axis=0).take(columns, axis=1))
    data = (matrix - np.column_stack([np.zeros((2, 2)), low])).ravel().tolist()
    affine, bilinear = Image.Transform.AFFINE, Image.Resampling.BILINEAR
    return np.array(image.transform((width, height), affine, data, bilinear))


def _reflected(low: int, high: int, side: int) -> np.ndarray:
    """Return the indices low ... high - 1, reflected at the edges into 0 ... side - 1."""
    index = np.arange(low, high) % (2 * side)
    return np.minimum(index, 2 * side - 1 - index)


def _relight(pixels: np.ndarray, policy: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """Change contrast about the image's mean, and brightness, by a lookup table of 256 values."""
    mean = pixels.mean()
    gain = 1 + rng.uniform(-policy.contrast, policy.contrast)
    offset = 255 * rng.uniform(-policy.brightness, policy.brightness)
    table = (np.arange(256) - mean) * gain + mean + offset
    return np.clip(np.rint(table), 0, 255).astype(np.uint8).take(pixels)


def _erase(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fill a rectangle of 2% to 20% of the area with random pixels.

    References:
        Zhong et al., Random Erasing Data Augmentation, 2020, arXiv 1708.04896.
    """
    height, width = pixels.shape[:2]
    area = rng.uniform(0.02, 0.2)
    aspect = math.exp(rng.uniform(-1, 1) * math.log(3))
    box_height = max(1, min(height, round(height * math.sqrt(area * aspect))))
    box_width = max(1, min(width, round(width * math.sqrt(area / aspect))))
    top = rng.integers(0, height - box_height + 1)
    left = rng.integers(0, width - box_width + 1)
    erased = pixels.copy()
    shape = (box_height, box_width, pixels.shape[2])
    noise = rng.integers(0, 256, shape, np.uint8)
    erased[top : top + box_height, left : left + box_width] = noise
    return erased


def _paste_box(
    batch: np.ndarray, order: np.ndarray, lam: float, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    """Paste one box of `batch[order]` into the batch; return it and the fraction left of it."""
    height, width = batch.shape[1:3]
    box_height = round(height * math.sqrt(1 - lam))
    box_width = round(width * math.sqrt(1 - lam))
    top = rng.integers(0, height - box_height + 1)
    left = rng.integers(0, width - box_width + 1)
    mixed = batch.copy()
    box = (slice(None), slice(top, top + box_height), slice(left, left + box_width))
    mixed[box] = batch[order][box]
    return mixed, 1 - box_height * box_width / (height * width)
