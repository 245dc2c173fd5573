"""Are strangers told from one's own images, and better than by simpler means?

    python -m benchmarks.answers.strangers FOLDER ... [--weights MOBILENETV2.h5] [--sizes 25,60]

"far": 60 images of each other folder; "near": the images of two classes (of three, one) that the
model was not told of, the mean of three draws. The area under the ROC of `known` stands beside
that of the yardsticks. "best" is the best of the yardsticks, if it is better than `known`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.answers.cells import Cell, Folder, open_folder, parse_arguments, train_cell
from benchmarks.answers.yardsticks import yardsticks

FROM_EACH, DRAWS = 60, 3

Strangers = list[tuple[Folder, np.ndarray]]


def areas(cell: Cell, strangers: Strangers) -> dict[str, float]:
    """Return the area under the ROC by each method."""
    measured = {}
    for method, score in yardsticks(cell).items():
        own = score(cell.folder, cell.rows["test"])
        others = np.concatenate([score(folder, rows) for folder, rows in strangers])
        truth = np.repeat([1, 0], [len(own), len(others)])
        measured[method] = float(roc_auc_score(truth, np.concatenate([own, others])))
    return measured


def far(folder: Folder, size: int, folders: list[Folder]) -> list[dict[str, float]]:
    """Measure on images of the other folders."""
    rng = np.random.default_rng(0)
    strangers = [
        (other, rng.permutation(len(other.labels))[:FROM_EACH])
        for other in folders
        if other is not folder
    ]
    return [areas(train_cell(folder, size), strangers)]


def near(folder: Folder, size: int) -> Iterator[dict[str, float]]:
    """Measure on classes that are left out; a model of one class is no model."""
    n_classes = folder.labels.max() + 1
    choices = [*combinations(range(n_classes), 2 if n_classes > 3 else 1)]
    if n_classes < 3:
        return
    for choice in np.random.default_rng(0).permutation(len(choices))[:DRAWS]:
        left_out = choices[choice]
        strangers = [(folder, np.flatnonzero(np.isin(folder.labels, left_out)))]
        yield areas(train_cell(folder, size, left_out, seed=int(choice)), strangers)


def main() -> None:
    """Print a row for each folder, size and kind of strangers, and means."""
    paths, flags, given = parse_arguments(__doc__)
    folders = [open_folder(path, flags) for path in paths]
    table: dict[tuple[str, int], list[list[float]]] = {}
    methods: list[str] = []
    for size in given.sizes:
        for folder in folders:
            for kind, trials in (
                ("far", far(folder, size, folders)),
                ("near", [*near(folder, size)]),
            ):
                if not trials:
                    continue
                methods = methods or _heading(trials[0])
                row = [float(np.mean([trial[method] for trial in trials])) for method in methods]
                table.setdefault((kind, size), []).append(row)
                best = int(np.argmax(row))
                print(_row(kind, folder.path.name, size, row), f"  {methods[best]}" * (best > 0))
    for (kind, size), rows in table.items():
        print(_row(kind, "mean", size, np.mean(rows, axis=0).tolist()))
        better = (np.array(rows)[:, :1] > np.array(rows)).sum(axis=0)
        wins = ", ".join(f"{m} {n}" for m, n in zip(methods[1:], better[1:], strict=True))
        print(f"     known is better on so many of {len(rows)}: {wins}")


def _heading(trial: dict[str, float]) -> list[str]:
    print(f"{'kind':4} {'folder':20} size ", *(f"{method:>8}" for method in trial), "  best")
    return [*trial]


def _row(kind: str, name: str, size: int, row: list[float]) -> str:
    return " ".join([f"{kind:4} {name:20} {size:4} ", *(f"{area:8.3f}" for area in row)])


if __name__ == "__main__":
    main()
