"""A threshold that is one of n held-out values, as a promise about new ones.

A new value is as likely to fall into any of the n + 1 gaps between them. So it is at least the k-th
lowest with a probability of 1 - k / (n + 1), which is `level` or more for

    k = floor((n + 1) (1 - level))

References:
    Vovk et al. 2005, Algorithmic Learning in a Random World.
"""

from __future__ import annotations

import numpy as np

BROKEN = 0.01
"""Probability of so few hits, if a promise holds, below which it is called broken."""

SLACK = 1e-6
"""What a floating-point number may be below the whole one that is meant."""


class HeldPromise:
    """A promise that was held against new values; `p_value` is as from `chance_of_so_few`."""

    p_value: float

    @property
    def holds(self) -> bool:
        """Return whether the images are no proof that the promise is broken."""
        return self.p_value >= BROKEN


def promised_rank(n: int, level: float) -> int:
    """Return k; 0 where n values are too few to promise so much."""
    return min(int((n + 1) * (1 - level) + SLACK), n)


def chance_of_so_few(hits: int, m: int, n: int, level: float) -> float:
    """Return the probability of so few or fewer hits among m new values if the promise holds.

    Their number is beta-binomial, because the threshold itself comes from n values: m trials at a
    rate that is Beta(n + 1 - k, k).
    """
    from scipy.special import betaln, logsumexp  # scipy.stats takes ten times as long to import

    k = promised_rank(n, level)
    right = np.arange(hits + 1)
    logs = betaln(right + n + 1 - k, m - right + k) - betaln(right + 1, m - right + 1)
    return min(float(np.exp(logsumexp(logs) - betaln(n + 1 - k, k)) / (m + 1)), 1.0)
