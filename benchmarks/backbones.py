"""How good are backbones? Solved heads on every folder, 50 images per class, five seeds.

    python -m benchmarks.backbones FOLDERS NAME:SIZE[:WEIGHTS] ... [--per-class 50]

FOLDERS holds one image folder for each task; WEIGHTS is a file, `random`, or left out to be looked
for. The table shows (accuracy - chance) / (1 - chance) on images that were not sampled to learn
from (three quarters of the smallest class at most are), its mean over the folders, and that as a
share of the first backbone's.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from tlearn.commands.session import Session
from tlearn.data.sampling import FOLDS
from tlearn.data.split import fold_indices
from tlearn.features.linear_head import cross_validate, solve_head
from tlearn.models.resolve import resolve_backbone

SEEDS = 5
MOST_TESTED = 500


def chance_corrected(folder: Path, flags: dict[str, object], per_class: int) -> float:
    """Return the chance-corrected accuracy of solved heads on a folder, a mean over the seeds."""
    with Session(folder, None, flags) as session:
        workspace = session.open_workspace()
        manifest = workspace.dataset.manifest
        every = np.arange(len(manifest.labels))
        features = session.extract_features(workspace).features
        assert features is not None
        embeddings, labels = features.embeddings(every), manifest.labels
    classes = len(manifest.classes)
    smallest = int(np.bincount(labels).min())
    per_class = min(per_class, smallest * 3 // 4)  # something must be left to test on
    scores = []
    for seed in range(SEEDS):
        order = np.random.default_rng(seed).permutation(len(labels))
        rank = np.zeros(len(labels), int)
        for label in range(classes):
            rank[order[labels[order] == label]] = np.arange((labels == label).sum())
        train, test = order[rank[order] < per_class], order[rank[order] >= per_class]
        test = test[:MOST_TESTED]
        folds = fold_indices(labels[train], [manifest.groups[n] for n in train], FOLDS, seed)
        x, y = embeddings[train], labels[train]
        head = solve_head(x, y, classes, cross_validate(x, y, classes, folds).penalty)
        accuracy = (head.probabilities(embeddings[test]).argmax(1) == labels[test]).mean()
        scores.append((accuracy - 1 / classes) / (1 - 1 / classes))
    return float(np.mean(scores))


def parse_backbone(text: str) -> dict[str, object]:
    """Return the recipe keys of NAME:SIZE[:WEIGHTS]."""
    name, size, *weights = text.split(":")
    flags: dict[str, object] = {"backbone": name, "image_size": int(size)}
    if weights == ["random"]:
        file = Path(tempfile.mkdtemp()) / "random.weights.h5"
        resolve_backbone(name, None, int(size), random_seed=0).load().trunk.save_weights(file)
        return flags | {"weights": str(file)}
    return flags | ({"weights": weights[0]} if weights else {})


def main() -> None:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path)
    parser.add_argument("backbones", nargs="+")
    parser.add_argument("--per-class", type=int, default=50)
    arguments = parser.parse_args()
    folders = sorted(path for path in arguments.folders.iterdir() if path.is_dir())
    print("| backbone | " + " | ".join(path.name for path in folders) + " | mean | share |")
    print("|---" * (len(folders) + 3) + "|")
    first = None
    for text in arguments.backbones:
        flags = parse_backbone(text)
        scores = [chance_corrected(path, flags, arguments.per_class) for path in folders]
        mean = float(np.mean(scores))
        first = first or mean
        cells = [f"{score:.3f}" for score in (*scores, mean)] + [f"{mean / first:.0%}"]
        name, size, *weights = text.split(":")
        label = " ".join([name, size, *(Path(file).name for file in weights)])
        print(f"| {label} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
