"""Are moved labels found, and how many sound ones are accused?

    python -m benchmarks.doctor.labels FOLDER ... [--weights MOBILENETV2.h5] [--seeds 2]
        [--per-class 60]

Labels of whole folders, or of so many images a class, are moved to another class, chosen at random
or the one that looks most alike. "top" is the share of planted ones among as many rows of the
ranked list as were planted, "ROC" the area under the curve of the confidence. "listed" are the rows
with a confidence of at least one half, "right" the share of them that was planted, "said" their
mean confidence. "own" is the yardstick: ranked by 1 - p(label) of the best head, as cleanlab does
by default.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.doctor.folders import (
    LAST,
    Sample,
    open_sample,
    parse_arguments,
    take_of_each_class,
)
from tlearn.data.split import Fold
from tlearn.doctor.labels import check_labels
from tlearn.features.linear_head import cross_validate

CASES = (
    (0.0, "random"),
    (0.03, "random"),
    (0.1, "random"),
    (0.25, "random"),
    (0.1, "look-alike"),
)


def held_out_heads(sample: Sample, labels: np.ndarray, folds: list[Fold]) -> list[np.ndarray]:
    """Return the held-out probabilities of heads on each stage, and on the last three together."""
    n_classes = len(sample.classes)
    together, widths = sample.last_stages
    cvs = [cross_validate(stage, labels, n_classes, folds) for stage in sample.stages]
    cvs.append(cross_validate(together, labels, n_classes, folds, blocks=widths))
    return [cv.probabilities for cv in cvs]


def best_head(heads: list[np.ndarray], labels: np.ndarray) -> np.ndarray:
    """Return the most accurate head's probabilities."""
    return max(heads, key=lambda p: (p.argmax(axis=1) == labels).mean())


def look_alikes(heads: list[np.ndarray], labels: np.ndarray) -> np.ndarray:
    """Return for each class the one that the best head confuses it with most."""
    p = best_head(heads, labels)
    one_hot = np.eye(p.shape[1])[labels]
    confusion = (one_hot / one_hot.sum(axis=0)).T @ p
    return (confusion + confusion.T - 2 * np.eye(p.shape[1])).argmax(axis=1)


def move_labels(
    labels: np.ndarray, n_classes: int, share: float, alike: np.ndarray | None, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return labels of which a share was moved, and which were."""
    rng = np.random.default_rng(seed)
    moved = labels.copy()
    rows = rng.choice(len(labels), round(share * len(labels)), replace=False)
    step = rng.integers(1, n_classes, len(rows))
    moved[rows] = (labels[rows] + step) % n_classes if alike is None else alike[labels[rows]]
    return moved, moved != labels


def found_first(score: np.ndarray, planted: np.ndarray) -> float:
    """Return the share of planted rows among as many first ones of a ranking."""
    return float(planted[np.argsort(-score, kind="stable")[: planted.sum()]].mean())


def area_under_roc(score: np.ndarray, planted: np.ndarray) -> float:
    """Return the chance that a planted row is ranked above another; ties count half."""
    from scipy.stats import rankdata

    n = planted.sum()
    above = rankdata(score)[planted].sum() - n * (n + 1) / 2
    return float(above / (n * (len(score) - n)))


def measure(
    sample: Sample, share: float, how: str, seed: int, per_class: int = 0
) -> dict[str, float]:
    """Move labels of one folder and return what is found."""
    if per_class:
        sample = take_of_each_class(sample, per_class, seed)
    alike = None
    if how == "look-alike":
        alike = look_alikes(held_out_heads(sample, sample.labels, sample.folds), sample.labels)
    labels, planted = move_labels(sample.labels, len(sample.classes), share, alike, seed)
    heads = held_out_heads(sample, labels, sample.folds)
    check = check_labels(heads, sample.stages[-LAST:], labels)
    listed = [issue.row for issue in check.issues()]
    row = {"listed": float(len(listed)), "share": check.share_wrong}
    if planted.any():
        own = 1 - best_head(heads, labels)[np.arange(len(labels)), labels]
        row["top"] = found_first(check.confidence, planted)
        row["ROC"] = area_under_roc(check.confidence, planted)
        row["own top"], row["own ROC"] = found_first(own, planted), area_under_roc(own, planted)
        row["right"] = float(planted[listed].mean()) if listed else np.nan
        row["said"] = float(check.confidence[listed].mean()) if listed else np.nan
    return row


def mean_known(values: list[float]) -> float:
    """Return the mean of the values that are numbers."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else np.nan


def main() -> None:
    """Print a table for each case."""
    folders, flags, per_class, n_seeds = parse_arguments(__doc__, per_class=0)
    samples = [open_sample(Path(folder), flags) for folder in folders]
    for share, how in CASES:
        rows = []
        for sample in samples:
            seeds = [
                measure(sample, share, how, seed, per_class)
                for seed in range(n_seeds if share else 1)
            ]
            rows.append({key: mean_known([row[key] for row in seeds]) for key in seeds[0]})
        print(f"\n{share:.0%} moved, {how}")
        print(" " * 20, *(key.rjust(8) for key in rows[0]))
        for sample, row in zip(samples, rows, strict=True):
            print(sample.name[:20].ljust(20), *(f"{value:8.3f}" for value in row.values()))
        means = [mean_known([row[key] for row in rows]) for key in rows[0]]
        print("mean".ljust(20), *(f"{value:8.3f}" for value in means), flush=True)


if __name__ == "__main__":
    main()
