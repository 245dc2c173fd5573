"""Intervals of the difference of two accuracies on the same images."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist

import numpy as np

from tlearn.data.design_effect import difference_effect

_Z95 = NormalDist().inv_cdf(0.975)
_EDGE = 1e-12


def grouped_interval(
    lost: np.ndarray,
    won: np.ndarray,
    groups: Sequence[str] = (),
    weights: np.ndarray | None = None,
) -> tuple[float, float]:
    """Return `paired_interval` of as many images as those of groups, or with weights, are worth.

    Args:
        lost: (n,) whether only the first one got an image right.
        won: (n,) whether only the second one did.
        groups: (n,) what images of a group share; nothing where it is not known.
        weights: (n,) what each image counts, 1 on average; None counts all the same.

    References:
        Kish (1965), Survey Sampling (the effect of weights).
    """
    weights = np.ones(len(lost)) if weights is None else weights
    effect = float(np.square(weights).mean())
    effect *= difference_effect(lost.astype(float) - won, groups) if len(groups) else 1.0
    counts = weights[lost].sum(), weights[won].sum(), len(lost)
    return paired_interval(*(float(count) / effect for count in counts))


def paired_interval(lost: float, won: float, n: float, z: float = _Z95) -> tuple[float, float]:
    """Return the interval of the difference of two accuracies on the same images.

    Both ends solve T(d) = ±z for Tango's score statistic

        T(d) = (lost - won - n d) / sqrt(n (2 q + d (1 - d)))
        q = (sqrt(b² - 8 n c) - b) / (4 n),  b = (2 n - lost + won) d - lost - won,
        c = -won d (1 - d)

    where q is the likeliest share of won images if d were true. Unlike estimate ± z·s it is
    honest for few changes: none among n images still allows ± z² / (n + z²).

    Args:
        lost: Images that only the first one got right.
        won: Images that only the second one got right.
        n: Images in all, at least one; fractions of an effective number are allowed.
        z: Quantile of the normal distribution; 1.96 for 95%.

    Returns:
        Lower and upper end of (lost - won) / n, within -1 and 1.

    References:
        Tango (1998), Equivalence test and confidence interval for the difference in proportions
        for the paired-sample design. Statistics in Medicine 17.
    """
    estimate = (lost - won) / n
    upper = _solve(lambda d: _tango(lost, won, n, d) + z, estimate, 1 - _EDGE)
    lower = -_solve(lambda d: _tango(won, lost, n, d) + z, -estimate, 1 - _EDGE)
    return lower, upper


def _tango(lost: float, won: float, n: float, d: float) -> float:
    b = (2 * n - lost + won) * d - lost - won
    c = -won * d * (1 - d)
    q = (math.sqrt(max(b * b - 8 * n * c, 0.0)) - b) / (4 * n)
    variance = n * (2 * q + d * (1 - d))
    return (lost - won - n * d) / math.sqrt(max(variance, _EDGE))


def _solve(falling: Callable[[float], float], low: float, high: float) -> float:
    """Return where a falling function crosses zero; 1 where it does not below `high`."""
    from scipy.optimize import brentq

    return 1.0 if falling(high) > 0 else float(brentq(falling, low, high, xtol=1e-12))
