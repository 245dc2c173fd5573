"""95% intervals of shares and means, of images that may come in groups."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tlearn.data.design_effect import design_effect

Interval = tuple[float, float]

Z95 = 1.959963984540054


def wilson_interval(correct: float, n: float, z: float = Z95) -> Interval:
    """Return the Wilson score interval of a share, which holds for few trials and near 0 and 1.

        (p + z²/2n ± z · sqrt(p (1 - p) / n + z²/4n²)) / (1 + z²/n),   p = correct / n

    Args:
        correct: Number of successes.
        n: Number of trials, at least one; fractions of an effective number are allowed.
        z: Quantile of the normal distribution; 1.96 for 95 %.

    Returns:
        Lower and upper end, within 0 and 1.

    References:
        Wilson (1927), Probable inference, the law of succession, and statistical inference.
    """
    p, correction = correct / n, z * z / n
    middle = p + correction / 2
    half = z * math.sqrt(p * (1 - p) / n + correction / (4 * n))
    # At 0 and n the ends are exactly 0 and 1; rounding must not say otherwise.
    low = 0.0 if correct == 0 else (middle - half) / (1 + correction)
    high = 1.0 if correct == n else (middle + half) / (1 + correction)
    return low, high


def share_interval(
    hits: np.ndarray, groups: Sequence[str] = (), copies: Sequence[str] = ()
) -> Interval:
    """Return Wilson's interval of a share, of fewer images where groups go together.

    Args:
        hits: bool (n,), n > 0.
        groups: (n,) what images of a group share; nothing where it is not known.
        copies: (n,) what copies of one file share, which are in one group; nothing without groups.
    """
    effect = design_effect(hits, groups, copies) if groups else 1.0
    return wilson_interval(int(hits.sum()) / effect, len(hits) / effect)


def mean_interval(
    values: np.ndarray, groups: Sequence[str] = (), least: float = 0.0
) -> Interval | None:
    """Return Student's interval of the mean of values that cannot be below `least`.

    A group counts as one: with m the mean, e_i = value_i - m and G groups g,

        m ± t · sqrt(G / (G - 1) · sum over g of (sum of e_i in g)²) / n

    Args:
        values: (n,).
        groups: (n,) what images of a group share; nothing where it is not known.
        least: No interval goes below it.

    Returns:
        Lower and upper end; None for a single image or a single group.
    """
    from scipy.special import stdtrit

    members = group_indices(len(values), groups)
    n_groups = int(members.max()) + 1
    if n_groups < 2:
        return None
    mean = float(values.mean())
    squares = np.square(np.bincount(members, weights=values - mean)).sum()
    error = math.sqrt(n_groups / (n_groups - 1) * squares) / len(values)
    half = float(stdtrit(n_groups - 1, 0.975)) * error
    return max(mean - half, least), mean + half


def group_indices(n: int, groups: Sequence[str]) -> np.ndarray:
    """Return the number of each image's group, from 0; every image is one where none is known."""
    if not groups:
        return np.arange(n)
    return np.unique(np.asarray(groups), return_inverse=True)[1]


def resample(n: int, groups: Sequence[str] = (), draws: int = 1000) -> np.ndarray:
    """Draw bootstrap samples of groups of images, always the same ones.

    To as many groups as there are one more is added, of mean size, that stands for what these
    images do not show; without it no error would be certain to stay none.

    Args:
        n: Number of images.
        groups: (n,) what images of a group share; nothing where it is not known.
        draws: Number of samples.

    Returns:
        (draws, n + 1), how often a sample holds each image, and the images of the added group.
    """
    members = group_indices(n, groups)
    n_groups = int(members.max()) + 1
    shares = np.full(n_groups + 1, 1 / (n_groups + 1))
    counts = np.random.default_rng(0).multinomial(n_groups, shares, draws)
    return np.column_stack([counts[:, members], counts[:, -1] * n / n_groups])
