"""How well probabilities rank images: the area under the ROC curve, average precision, F1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tlearn.data.intervals import Z95, Interval, group_indices

_CURVE_POINTS = 200


def roc_auc(
    scores: np.ndarray, positive: np.ndarray, groups: Sequence[str] = ()
) -> tuple[float, Interval] | None:
    """Return the area under the ROC curve with its 95% interval.

    The area A is how often a positive image gets a higher score than a negative one; ties count as
    half. The interval holds the areas a that differ from A by less than chance would explain,

        (A - a)² <= z² a (1 - a) (1 + (N - 1) ((1 - a) / (2 - a) + a / (1 + a))) / (m n)

    with m positive and n negative images and N = (m + n) / 2. Unlike DeLong's it is no point where
    all is ranked right. Images of groups count as fewer, by how much the variance of DeLong et al.
    grows when a group counts as one (Obuchowski), smoothed as in `design_effect`.

    Args:
        scores: (n,) probability of the positive class.
        positive: bool (n,), whether an image is of that class.
        groups: (n,) what images of a group share; nothing where it is not known.

    Returns:
        None where all images are of one side.

    References:
        Newcombe (2006), Confidence intervals for an effect size measure based on the Mann-Whitney
        statistic, part 2 (method 5). Statistics in Medicine 25.
        DeLong et al. (1988), Comparing the areas under two or more correlated ROC curves.
        Obuchowski (1997), Nonparametric analysis of clustered ROC curve data. Biometrics 53.
    """
    m, n = int(positive.sum()), int((~positive).sum())
    if not (m and n):
        return None
    shares = np.empty(len(scores))  # of the other side that an image is ranked right against
    shares[positive] = _share_below(scores[positive], scores[~positive])
    shares[~positive] = 1 - _share_below(scores[~positive], scores[positive])
    area = float(shares[positive].mean())
    effect = _group_effect((shares - area) / np.where(positive, m, n), min(m, n), groups)
    return area, _area_interval(area, m / effect, n / effect)


def macro_roc_auc(probabilities: np.ndarray, labels: np.ndarray) -> float | None:
    """Return the mean area of each class against the rest; None where there is but one class."""
    areas = [roc_auc(probabilities[:, label], labels == label) for label in np.unique(labels)]
    known = [found[0] for found in areas if found]
    return float(np.mean(known)) if known else None


def roc_curve(scores: np.ndarray, positive: np.ndarray) -> tuple[tuple[float, float], ...]:
    """Return points (false positive rate, true positive rate) from (0, 0) to (1, 1).

    Of very many points about 200 are kept; empty where all images are of one side.
    """
    if not 0 < positive.sum() < len(positive):
        return ()
    from sklearn.metrics import roc_curve as curve

    false_rate, true_rate, _ = curve(positive, scores)
    last = len(false_rate) - 1
    kept = np.unique(np.linspace(0, last, min(last + 1, _CURVE_POINTS)).round().astype(int))
    return tuple((float(false_rate[i]), float(true_rate[i])) for i in kept)


def average_precision(scores: np.ndarray, positive: np.ndarray) -> float | None:
    """Return the area under the curve of precision against recall; None without positives."""
    if not positive.any():
        return None
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(positive, scores))


def best_f1_threshold(scores: np.ndarray, positive: np.ndarray) -> tuple[float, float] | None:
    """Return the threshold with the largest F1, and that F1; None without positives.

    It lies halfway to the next lower score, so that the last digit of a score decides nothing.
    """
    if not positive.any():
        return None
    order = np.argsort(-scores, kind="stable")
    ranked, found = scores[order], np.cumsum(positive[order])
    f1 = 2 * found / (np.arange(1, len(scores) + 1) + positive.sum())
    f1[:-1][ranked[:-1] == ranked[1:]] = 0  # equal scores are on one side together
    best = int(f1.argmax())
    below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return float((ranked[best] + below) / 2), float(f1[best])


def _share_below(scores: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the share of `others` below each score, ties as half."""
    ranked = np.sort(others)
    sides = np.searchsorted(ranked, scores, "left") + np.searchsorted(ranked, scores, "right")
    return sides / (2 * len(others))


def _group_effect(influence: np.ndarray, smaller: int, groups: Sequence[str]) -> float:
    """Return by how much groups enlarge the variance of an area, at least 1.

    Args:
        influence: (n,) what each image adds to the area's error.
        smaller: Images of the smaller side.
        groups: (n,) groups, or nothing.
    """
    if not groups:
        return 1.0
    members = group_indices(len(influence), groups)
    sizes = np.bincount(members)
    one_more = 1 / (2 * smaller) ** 2  # an image that is ranked below half of the others
    together = np.square(np.bincount(members, influence)).sum()
    together += one_more * np.square(sizes).sum() / sizes.sum()
    return max(float(together / (np.square(influence).sum() + one_more)), 1.0)


def _area_interval(area: float, m: float, n: float) -> Interval:
    larger = max((m + n) / 2 - 1, 0.0)

    def is_compatible(a: float) -> bool:
        spread = a * (1 - a) * (1 + larger * ((1 - a) / (2 - a) + a / (1 + a)))
        return (area - a) ** 2 <= Z95**2 * spread / (m * n)

    def end(outside: float) -> float:
        inside = area
        for _ in range(50):
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if is_compatible(middle) else (inside, middle)
        return inside

    return end(0.0), end(1.0)
