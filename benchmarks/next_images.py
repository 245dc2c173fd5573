"""Does a model learn more from the images that `tlearn next` chooses than from random ones?

    python -m benchmarks.next_images FOLDER ... [--weights MOBILENETV2.h5] [--seeds 5]

Half of each folder is for testing. Of the other half a tenth has labels at first, drawn at random
with two of each class at least, and a tenth is added four times. A number is the mean accuracy at
20, 30, 40 and 50%, averaged over the seeds: that of random images, and points above it. All
strategies start from the same images. The error of a mean is its standard error over folders.

    margin          least margin between the two most probable classes
    core-set        farthest first from what has a label (Sener and Savarese 2018)
    badge           k-means++ on gradients of the head (Ash et al. 2020)
    cluster-margin  clusters of the least margins, one image of each in turn (after Citovsky 2021)
    tlearn          `tlearn.suggestion.worth`

The last columns are for the first tenth that is added, in points of accuracy: what the learning
curve forecasts, and what random and chosen images brought.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from benchmarks.answers.cells import Folder, open_folder
from tlearn.data.sampling import make_folds
from tlearn.features.head import LinearHead
from tlearn.features.linear_head import cross_validate, held_out_probabilities, solve_head
from tlearn.suggestion.learning_curve import measure_curve
from tlearn.suggestion.worth import choose, margins

STEPS, SHARE, MOST_TESTED, SIZE = 4, 0.1, 400, 128


@dataclass(frozen=True, eq=False)
class Pool:
    """What a strategy sees: embeddings of all images (n, d), probabilities of those in `rows`."""

    embeddings: np.ndarray
    labeled: Sequence[int]
    rows: np.ndarray
    probabilities: np.ndarray
    rng: np.random.Generator

    @property
    def unit(self) -> np.ndarray:
        """Return centered embeddings of length 1."""
        x = self.embeddings - self.embeddings.mean(axis=0)
        return x / np.linalg.norm(x, axis=1, keepdims=True)


def at_random(pool: Pool, count: int) -> np.ndarray:
    """Choose any."""
    return pool.rng.permutation(pool.rows)[:count]


def margin(pool: Pool, count: int) -> np.ndarray:
    """Choose what is least sure."""
    return pool.rows[np.argsort(margins(pool.probabilities), kind="stable")[:count]]


def core_set(pool: Pool, count: int) -> np.ndarray:
    """Choose what is farthest from everything with a label."""
    x = pool.unit
    nearest, chosen = (x[pool.rows] @ x[pool.labeled].T).max(axis=1), []
    for _ in range(count):
        chosen.append(pool.rows[nearest.argmin()])
        nearest = np.maximum(nearest, x[pool.rows] @ x[chosen[-1]])
    return np.array(chosen)


def badge(pool: Pool, count: int) -> np.ndarray:
    """Choose by k-means++ on gradients (p - guess) x, from the largest one on."""
    x, a = pool.unit[pool.rows], pool.probabilities.copy()
    a[np.arange(len(a)), a.argmax(axis=1)] -= 1
    size = np.square(a).sum(axis=1)
    chosen, distance = [int(size.argmax())], np.full(len(a), np.inf)
    while len(chosen) < count:
        last = chosen[-1]
        apart = size + size[last] - 2 * (a @ a[last]) * (x @ x[last])
        distance = np.minimum(distance, np.maximum(apart, 0))
        distance[chosen] = 0
        chosen.append(int(pool.rng.choice(len(a), p=distance / distance.sum())))
    return pool.rows[chosen]


def cluster_margin(pool: Pool, count: int) -> np.ndarray:
    """Choose from clusters of the least margins, three times as many, the least sure first."""
    least = margin(pool, 3 * count)
    if len(least) <= count:
        return least
    seed = int(pool.rng.integers(2**31))
    clusters = KMeans(count, random_state=seed).fit_predict(pool.unit[least])
    turn = [int((clusters[:n] == clusters[n]).sum()) for n in range(len(least))]
    return least[np.argsort(turn, kind="stable")[:count]]


def tlearn(pool: Pool, count: int) -> np.ndarray:
    """Choose as the command does."""
    x = pool.embeddings
    return pool.rows[choose(x[pool.rows], margins(pool.probabilities), x[pool.labeled], count)[0]]


STRATEGIES: dict[str, Callable[[Pool, int], np.ndarray]] = {
    "random": at_random,
    "margin": margin,
    "core-set": core_set,
    "badge": badge,
    "cluster-margin": cluster_margin,
    "tlearn": tlearn,
}


@dataclass(frozen=True, eq=False)
class Task:
    """A folder's embeddings and labels, with half of it for testing."""

    x: np.ndarray
    labels: np.ndarray
    half: np.ndarray
    tested: np.ndarray

    @classmethod
    def draw(cls, folder: Folder, x: np.ndarray, rng: np.random.Generator) -> Task:
        """Divide a folder; images of a group stay together."""
        groups = np.unique(folder.workspace.dataset.manifest.groups, return_inverse=True)[1]
        order = np.argsort(rng.permutation(groups.max() + 1)[groups], kind="stable")
        half = len(order) // 2
        return cls(x, folder.labels, order[:half], order[half:][:MOST_TESTED])

    def fit(self, rows: Sequence[int]) -> LinearHead:
        """Solve a head as `finetune` does."""
        x, y = self.x[rows], self.labels[rows]
        folds = make_folds(y, [str(row) for row in rows], 0)
        penalty = cross_validate(x, y, self.labels.max() + 1, folds).penalty
        return solve_head(x, y, self.labels.max() + 1, penalty)

    def accuracy(self, head: LinearHead) -> float:
        """Return the share of test images that are answered rightly."""
        guesses = head.probabilities(self.x[self.tested]).argmax(axis=1)
        return float((guesses == self.labels[self.tested]).mean())

    def begin(self, rng: np.random.Generator) -> list[int]:
        """Draw the first tenth, with two of each class at least."""
        rows = rng.permutation(self.half)
        rank = [
            int((self.labels[rows[:n]] == self.labels[row]).sum()) for n, row in enumerate(rows)
        ]
        n_first = max(round(SHARE * len(rows)), 2 * len({*self.labels[rows]}))
        return rows[np.argsort(np.array(rank) >= 2, kind="stable")[:n_first]].tolist()

    def forecast(self, rows: Sequence[int], penalty: float, count: int) -> float:
        """Return what the learning curve promises of so many more images."""
        x, y = self.x[rows], self.labels[rows]
        n_classes = self.labels.max() + 1
        folds = make_folds(y, [str(row) for row in rows], 0)
        curve = measure_curve(
            y, folds, lambda f, k: held_out_probabilities(x, y, n_classes, f, penalty * k)
        )
        return curve.gain(count) if curve.drawn else np.nan

    def curve(
        self, strategy: str, first: Sequence[int], head: LinearHead, rng: np.random.Generator
    ) -> list[float]:
        """Return the accuracy after each tenth that is added."""
        labeled, accuracies = list(first), []
        for _ in range(STEPS):
            rows = np.setdiff1d(self.half, labeled)
            pool = Pool(self.x, labeled, rows, head.probabilities(self.x[rows]), rng)
            count = min(round(SHARE * len(self.half)), len(rows))
            labeled += STRATEGIES[strategy](pool, count).tolist()
            head = self.fit(labeled)
            accuracies.append(self.accuracy(head))
        return accuracies


def measure(folder: Folder, seeds: int) -> tuple[dict[str, np.ndarray], list[float]]:
    """Return curves (seeds, steps) by strategy, and forecast, random and chosen gain of a step."""
    rows = np.arange(len(folder.labels))
    x = folder.features([len(folder.workspace.stages)], rows)
    curves: dict[str, list[list[float]]] = {name: [] for name in STRATEGIES}
    gains = []
    for seed in range(seeds):
        task = Task.draw(folder, x, np.random.default_rng(seed))
        first = task.begin(np.random.default_rng(seed))
        head = task.fit(first)
        for name in STRATEGIES:
            curves[name].append(task.curve(name, first, head, np.random.default_rng(seed)))
        count = round(SHARE * len(task.half))
        before, forecast = task.accuracy(head), task.forecast(first, head.penalty, count)
        brought = (curves[name][-1][0] - before for name in ("random", "tlearn"))
        gains.append([forecast, *brought])
    means = 100 * np.mean(gains, axis=0)
    return {name: np.array(rows) for name, rows in curves.items()}, means.tolist()


def main() -> None:
    """Print a row for each folder, and means."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--weights", help="MobileNetV2's; without, the built-in backbone is used")
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    flags = {"backbone": "builtin", "policy": "linear_head"}
    if given.weights:
        flags |= {"backbone": "mobilenetv2", "weights": given.weights, "image_size": SIZE}
    others = [name for name in STRATEGIES if name != "random"]
    columns = [*others, "forecast", "at random", "chosen"]
    print(f"{'folder':18}  random  {'  '.join(columns)}")
    table = []
    for path in given.folders:
        with threadpool_limits(1):
            curves, gains = measure(open_folder(path, flags), given.seeds)
        base = curves["random"].mean()
        table.append([100 * (curves[name].mean() - base) for name in others] + gains)
        print(f"{path.name:18}  {100 * base:5.1f}%  {_cells(table[-1], columns)}", flush=True)
    points = np.array(table)
    above = (points[:, : len(others)] > 0).sum(axis=0)
    error = points[:, : len(others)].std(axis=0) / max(len(points) - 1, 1) ** 0.5
    print(f"{'mean':26} {_cells(np.nanmean(points, axis=0), columns)}")
    print(f"{'its error':26} {_cells(error, others)}")
    print(f"{'above random':26} {_cells(above, others)}")


def _cells(values: Sequence[float], names: Sequence[str]) -> str:
    """Return values below names; a dash for what is unknown."""
    cells = ["-" if np.isnan(v) else f"{v:.1f}" if isinstance(v, float) else v for v in values]
    return "  ".join(f"{cell:>{len(name)}}" for cell, name in zip(cells, names, strict=False))


if __name__ == "__main__":
    main()
