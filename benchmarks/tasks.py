"""How good are solved heads for several labels or a number, and how fast, next to scikit-learn?

    python -m benchmarks.tasks FOLDER ... [--images 500]

Images of a folder are pasted onto a plain ground, none to four of them: the labels are the classes
that are on it, rare and frequent ones, and a number is the share of the ground that is covered.
Another number is the angle by which a single image is turned. The built-in backbone embeds them;
images for training and for testing are composed of different ones.

Both sides choose their penalties and solve the heads. tlearn also answers each image by a head that
has not seen it, for thresholds and intervals; for the numbers scikit-learn does so too. Seconds are
those of the processor, with one thread of BLAS.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.metrics import average_precision_score
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.multiclass import OneVsRestClassifier
from threadpoolctl import threadpool_limits

from benchmarks.solver import timed
from tlearn.data.decode import read_image
from tlearn.data.image_folder import scan
from tlearn.features.extractor import EMBEDDING, litert_engine, open_extractor
from tlearn.features.target_head import cross_validate_targets, solve_targets
from tlearn.models.catalog import SHIPPED, SHIPPED_FEATURES

SIDE, TESTED, MOST_OF_CLASS = 128, 500, 80
COUNTS = (0.08, 0.3, 0.3, 0.2, 0.12)
"""How often none to four images are pasted."""

Drawn = tuple[np.ndarray, np.ndarray]
"""Embeddings and targets."""


def read_halves(folder: Path, rng: np.random.Generator) -> list[list[list[np.ndarray]]]:
    """Read some images of each class: one half to train on, the other to test on."""
    images, halves = scan(folder), [[], []]
    for label in rng.permutation(len(images.classes)):
        paths = [image.path for image in images.images if image.label == label]
        chosen = rng.permutation(len(paths))[:MOST_OF_CLASS]
        pixels = [read_image(paths[index], SIDE, "squash")[0] for index in chosen]
        for part in range(2):
            halves[part].append([image for image in pixels if image is not None][part::2])
    return halves


def compose(pool: list[list[np.ndarray]], rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Draw an image, its labels and the share of it that is covered."""
    ground = Image.new("RGB", (SIDE, SIDE), tuple(map(int, rng.integers(0, 256, 3))))
    frequencies = 1 / np.arange(1, len(pool) + 1)
    labels, covered = np.zeros(len(pool)), 0
    for cell in rng.permutation(4)[: rng.choice(5, p=COUNTS)]:
        label = rng.choice(len(pool), p=frequencies / frequencies.sum())
        side, image = int(rng.integers(36, SIDE // 2)), pool[label][rng.integers(len(pool[label]))]
        left, top = SIDE // 2 * np.array(divmod(cell, 2)) + rng.integers(0, SIDE // 2 - side, 2)
        ground.paste(Image.fromarray(image).resize((side, side)), (int(left), int(top)))
        labels[label], covered = 1, covered + side**2
    return np.asarray(ground), labels, np.array([covered / SIDE**2])


def turn(pool: list[list[np.ndarray]], rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Draw an image and the angle by which it is turned."""
    images, angle = pool[rng.integers(len(pool))], rng.uniform(0, 90)
    image = Image.fromarray(images[rng.integers(len(images))])
    turned = image.rotate(angle, Image.Resampling.BILINEAR, fillcolor=(128, 128, 128))
    return np.asarray(turned), np.array([angle])


def embed(pixels: np.ndarray) -> np.ndarray:
    """Embed images with the built-in backbone."""
    record = json.loads((SHIPPED / SHIPPED_FEATURES).with_suffix(".json").read_text())
    extractor = open_extractor(Path(), record["fingerprint"])
    assert extractor is not None
    engine = litert_engine(extractor, [EMBEDDING])
    return np.concatenate([*engine.run(np.array_split(pixels, 10))])


def draw(folder: Path, n: int) -> dict[str, tuple[str, Drawn, Drawn]]:
    """Return what is to be predicted: its task, and data to train and to test on."""
    rng = np.random.default_rng(0)
    parts: list[dict[str, Drawn]] = []
    for pool, size in zip(read_halves(folder, rng), (n, TESTED), strict=True):
        pasted, labels, covered = map(
            np.stack, zip(*(compose(pool, rng) for _ in range(size)), strict=True)
        )
        turned, angles = map(np.stack, zip(*(turn(pool, rng) for _ in range(size)), strict=True))
        x = embed(pasted)
        parts.append(
            {"labels": (x, labels), "area": (x, covered), "angle": (embed(turned), angles)}
        )
    train, test = parts
    return {
        what: ("labels" if what == "labels" else "number", train[what], test[what])
        for what in train
    }


def ours(x: np.ndarray, targets: np.ndarray, task: str) -> Callable[[np.ndarray], np.ndarray]:
    """Return the answers of tlearn's head."""
    folds = [*KFold(5, shuffle=True, random_state=0).split(x)]
    cv = cross_validate_targets(x, targets, task, folds)
    return solve_targets(x, targets, task, cv.penalty).probabilities


def theirs(x: np.ndarray, targets: np.ndarray, task: str) -> Callable[[np.ndarray], np.ndarray]:
    """Return the answers of scikit-learn's head."""
    if task == "labels":
        model = OneVsRestClassifier(LogisticRegressionCV(max_iter=1000)).fit(x, targets)
        return lambda new: np.asarray(model.predict_proba(new))
    ridge = RidgeCV(np.logspace(-3, 6, 19))
    cross_val_predict(ridge, x, targets, cv=KFold(5, shuffle=True, random_state=0))
    fitted: Any = ridge.fit(x, targets)
    return lambda new: fitted.predict(new).reshape(len(new), -1)


def score(answers: np.ndarray, targets: np.ndarray, median: np.ndarray, task: str) -> float:
    """Return mean average precision, or the share of the median's error that is left."""
    if task == "labels":
        present = targets.any(axis=0)
        return float(average_precision_score(targets[:, present], answers[:, present]))
    return float(abs(answers - targets).mean() / abs(targets - median).mean())


def main() -> None:
    """Parse arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("--images", type=int, default=500, help="composed images to train on")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    warnings.filterwarnings("ignore", category=FutureWarning)
    print("labels: mean average precision; area, angle: error as a share of the median's")
    print(f"{'folder':20} {'target':7} {'tlearn':>14} {'scikit-learn':>16}", flush=True)
    for folder in arguments.folders:
        for what, (task, train, (x, targets)) in draw(folder, arguments.images).items():
            row = f"{folder.name:20} {what:7}"
            for solve in (ours, theirs):
                with threadpool_limits(1):
                    answer, seconds = timed(partial(solve, *train, task))
                result = score(answer(x), targets, np.median(train[1], axis=0), task)
                row += f" {result:8.3f} {seconds:5.2f} s"
            print(row, flush=True)


if __name__ == "__main__":
    main()
