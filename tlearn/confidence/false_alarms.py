"""From which `anomaly` an image is called bad, so that few good ones are.

A new good image is as likely to fall into any of the n + 1 gaps between n held-out ones. So it is
above the k-th highest with a probability of k / (n + 1), which is `rate` or less for

    k = floor((n + 1) rate)

How often that comes true for one threshold, over many new images, is Beta(k, n + 1 - k).
Where n images are too few for k = 1, the threshold follows the tail of their values instead; it is
not below the highest, and no promise is made but the upper end of that one's interval.

References:
    Vovk et al. 2005, Algorithmic Learning in a Random World, and 2012, Conditional Validity of
    Inductive Conformal Predictors, for the Beta distribution.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tlearn.confidence.novelty import low_quantile
from tlearn.confidence.rank_promise import promised_rank

DEFAULT_RATE = 0.05

_TAILS = 0.025, 0.975
_MOST_EVIDENCE = 1e-7
"""What `anomaly` is kept from 0 and 1 by, where its logit is taken."""


@dataclass(frozen=True)
class FalseAlarms:
    """A threshold on `anomaly`, and how many good images it calls bad.

    Attributes:
        threshold: An image is called bad from this `anomaly` on.
        asked: The share of good images that may be called bad.
        promised: The share that new good images keep on average; None if n is too few for `asked`.
        interval: 95% interval of the share over many new images.
        n: Number of held-out good images.
        needed: How many would be enough for a promise.
    """

    threshold: float
    asked: float
    promised: float | None
    interval: tuple[float, float]
    n: int
    needed: int


def choose_threshold(held_out: np.ndarray, rate: float = DEFAULT_RATE) -> FalseAlarms:
    """Choose the threshold for a share of false alarms.

    Args:
        held_out: (n,) `anomaly` of good images that were not learned from, n > 0.
        rate: Between 0 and 1.
    """
    from scipy.special import betaincinv

    n, rank = len(held_out), promised_rank(len(held_out), 1 - rate)
    value = float(np.sort(held_out)[-max(rank, 1)])
    if not rank:
        kept = np.clip(np.asarray(held_out, float), _MOST_EVIDENCE, 1 - _MOST_EVIDENCE)
        evidence = np.log(kept / (1 - kept))
        value = max(value, float(1 / (1 + np.exp(low_quantile(-evidence, rate)))))
    low, high = (float(betaincinv(max(rank, 1), n + 1 - max(rank, 1), tail)) for tail in _TAILS)
    return FalseAlarms(
        threshold=float(np.nextafter(np.float32(value), np.float32(2))),
        asked=rate,
        promised=rank / (n + 1) if rank else None,
        interval=(low if rank else 0.0, high),
        n=n,
        needed=math.ceil(1 / rate) - 1,
    )
