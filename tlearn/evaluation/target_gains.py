"""One model against another on the same images, where answers are no classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tlearn.data.intervals import Interval, resample
from tlearn.data.targets import LABELS, NUMBER
from tlearn.evaluation.label_scores import mean_precisions


def sampled_scores(
    task: str, answers: np.ndarray, targets: np.ndarray, counts: np.ndarray
) -> np.ndarray:
    """Return the score that stands for all, of each of several samples of the images.

    Args:
        task: LABELS gives the mean average precision, NUMBER the mean absolute error, ONE_CLASS
            the area under the ROC curve.
        answers: (n, outputs).
        targets: (n, outputs), NaN where not known.
        counts: (samples, n), how often a sample holds each image.

    Returns:
        (samples,), NaN of a sample that has only good or only bad images.
    """
    if task == NUMBER:
        return np.asarray(counts @ np.abs(answers - targets)[:, 0] / counts.sum(axis=1))
    if task == LABELS:
        return mean_precisions(answers, targets, counts)
    bad = targets[:, 0] == 1
    over = answers[bad] - answers[~bad].T
    right = (over > 0) + 0.5 * (over == 0)
    of_bad, of_good = counts[:, bad], counts[:, ~bad]
    pairs = of_bad.sum(axis=1) * of_good.sum(axis=1)
    won = ((of_bad @ right) * of_good).sum(axis=1)
    return np.where(pairs > 0, won / np.maximum(pairs, 1), np.nan)


def gain_interval(
    task: str,
    first: np.ndarray,
    other: np.ndarray,
    targets: np.ndarray,
    groups: Sequence[str],
) -> tuple[float, Interval]:
    """Return by how much another model is better than the first one, with a 95% interval.

    The spread is that of bootstrap samples of groups, the same ones for both models; Student's t
    allows for few groups. In simulations of models that are equally good, of 30 to 200 images,
    alone or in groups of 8 or 10, the interval held 0 in 93 to 98% of cases for each task.

    Args:
        task: See `sampled_scores`.
        first: (n, outputs), answers.
        other: (n, outputs).
        targets: (n, outputs).
        groups: (n,) what images of a group share; two groups at least.
    """
    from scipy.special import stdtrit

    everything, counts = np.ones((1, len(targets))), resample(len(targets), groups)[:, :-1]
    counts = counts[counts.sum(axis=1) > 0]
    sign = -1 if task == NUMBER else 1

    def gains(samples: np.ndarray) -> np.ndarray:
        before, after = (sampled_scores(task, of, targets, samples) for of in (first, other))
        return sign * (after - before)

    gain, n_groups = float(gains(everything)[0]), len({*groups})
    spread = float(np.nanstd(gains(counts))) * (n_groups / (n_groups - 1)) ** 0.5
    half = float(stdtrit(n_groups - 1, 0.975)) * spread
    return gain, (gain - half, gain + half)
