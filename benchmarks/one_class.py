"""Are bad images told from good ones, when only good ones were learned from?

    python -m benchmarks.one_class FOLDER ... --backbone NAME:SIZE[:WEIGHTS] ... [--good 50]

Each class of a folder in turn is good, the others are bad ("other"); and good images of the test
are bad once a scratch, a spot or a piece of another image is drawn into them ("defect"). The table
shows areas under the ROC curve, means over classes and seeds: of the distance to the mean
embedding, of single kinds of evidence, and of `anomaly`, which weighs them; then the share of good
test images that a threshold for 5% calls bad, and the seconds of learning, from files to threshold,
once the network is there.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.backbones import parse_backbone
from tlearn.confidence.false_alarms import choose_threshold
from tlearn.confidence.normality import fit_normality, weigh
from tlearn.data.decode import decode
from tlearn.data.formats import EXTENSIONS
from tlearn.models.one_class import build_one_class, normality_features, one_class_maps
from tlearn.models.resolve import resolve_backbone

MOST_OF_CLASS, MOST_BAD = 100, 100
LEARNED_SHARE = 0.75
"""Of a class, at most: some must be left to test on."""

_BATCH = 16


@dataclass(frozen=True, eq=False)
class Images:
    """Images of a folder, each as it is and with a defect: both are rows of the features.

    Attributes:
        labels: (n,).
        embedding: (2 n, d).
        features: (2 n, d) of each stage, leveled.
        patches: (2 n, h, w, c).
    """

    labels: np.ndarray
    embedding: np.ndarray
    features: list[np.ndarray]
    patches: np.ndarray


def draw_defect(pixels: np.ndarray, other: np.ndarray, seed: int) -> np.ndarray:
    """Draw a scratch, a spot or a piece of another image into an image."""
    rng = np.random.default_rng(seed)
    side = len(pixels)
    if seed % 3 == 2:
        height, width = (rng.uniform(0.06, 0.14, 2) * side).astype(int) + 1
        (y, v), (x, u) = rng.integers(0, side - height, 2), rng.integers(0, side - width, 2)
        pasted = pixels.copy()
        pasted[y : y + height, x : x + width] = other[v : v + height, u : u + width]
        return pasted
    down, right = np.mgrid[:side, :side] - rng.uniform(0.2, 0.8, (2, 1, 1)) * side
    turn = rng.uniform(0, np.pi)
    along = right * np.cos(turn) + down * np.sin(turn)
    across = down * np.cos(turn) - right * np.sin(turn)
    if seed % 3:
        a, b = rng.uniform(0.02, 0.05, 2) * side
        shape = (1 - np.hypot(along / a, across / b)) * min(a, b) + 0.5
        color = rng.choice([-1, 1]) * rng.uniform(35, 80) * rng.uniform(0.7, 1.3, 3)
    else:
        length, half = rng.uniform(0.12, 0.35) * side, rng.uniform(0.006, 0.012) * side
        bend = rng.uniform(-0.15, 0.15) * along**2 / length
        shape = np.minimum(half + 0.5 - np.abs(across - bend), length / 2 - np.abs(along))
        color = np.full(3, rng.choice([-1, 1]) * rng.uniform(45, 90))
    drawn = pixels + shape.clip(0, 1)[..., np.newaxis] * color
    return drawn.clip(0, 255).astype(np.uint8)


def read_images(folder: Path, size: int, network: keras.Model) -> Images:
    """Read a folder and compute the features."""
    pixels, labels = [], []
    for label, path in enumerate(sorted(path for path in folder.iterdir() if path.is_dir())):
        files = sorted(file for file in path.iterdir() if file.suffix.lower() in EXTENSIONS)
        for file in np.random.default_rng(0).permutation(files)[:MOST_OF_CLASS]:
            pixels.append(decode(file, size))
            labels.append(label)
    others = np.random.default_rng(1).permutation(len(pixels))
    defective = [draw_defect(pixels[n], pixels[other], n) for n, other in enumerate(others)]
    *features, patches, embedding = compute(network, np.stack(pixels + defective))
    return Images(np.array(labels), embedding, features, patches)


def compute(network: keras.Model, pixels: np.ndarray) -> list[np.ndarray]:
    """Compute features of each stage, patches in half precision, and the embedding."""
    parts = []
    for start in range(0, len(pixels), _BATCH):
        *features, patches, embedding = network.predict_on_batch(
            pixels[start : start + _BATCH].astype(np.float32)
        )
        parts.append([*features, patches.astype(np.float16), embedding])
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


def measure(images: Images, good: int, n_learned: int, seed: int) -> dict[str, tuple[float, float]]:
    """Learn from some images of a class and return the areas of every method."""
    rng = np.random.default_rng(seed)
    own = rng.permutation(np.flatnonzero(images.labels == good))
    n_learned = min(n_learned, int(LEARNED_SHARE * len(own)))
    learned, held = own[:n_learned], own[n_learned:]
    bad = rng.permutation(np.flatnonzero(images.labels != good))[:MOST_BAD]
    rows = np.concatenate([held, bad, held + len(images.labels)])
    normality = fit_normality([x[learned] for x in images.features], images.patches[learned])
    tested = [x[rows] for x in images.features]
    distances, _ = normality.distances(tested, images.patches[rows])
    units = normality.units
    whole = np.mean([u.of(d) for u, d in zip(units[:-2], distances.T, strict=False)], axis=0)
    mean = images.embedding[learned].mean(axis=0)
    anomaly, _ = normality.score(tested, images.patches[rows])
    scores = {
        "mean distance": np.linalg.norm(images.embedding[rows] - mean, axis=1),
        "last stage": distances[:, -2],
        "all stages": whole,
        "places": distances[:, -1],
        "anomaly": weigh(distances, units),
    }
    areas = {name: (area(s, len(held), len(bad))) for name, s in scores.items()}
    alarms = anomaly[: len(held)] >= choose_threshold(normality.held_out).threshold
    return areas | {"false alarms": (float(alarms.mean()), 0.0)}


def area(scores: np.ndarray, n_good: int, n_bad: int) -> tuple[float, float]:
    """Return the areas of other classes and of defects."""
    parts = scores[n_good : n_good + n_bad], scores[n_good + n_bad :]
    truth = [np.repeat([0, 1], [n_good, len(part)]) for part in parts]
    both = [np.concatenate([scores[:n_good], part]) for part in parts]
    other, defect = (float(roc_auc_score(t, s)) for t, s in zip(truth, both, strict=True))
    return other, defect


def learning_seconds(folder: Path, size: int, network: keras.Model, n_learned: int) -> float:
    """Return what learning from the first class takes, from files to threshold."""
    first = next(path for path in sorted(folder.iterdir()) if path.is_dir())
    files = [file for file in sorted(first.iterdir()) if file.suffix.lower() in EXTENSIONS]
    started = time.perf_counter()
    pixels = np.stack([decode(file, size) for file in files[:n_learned]])
    *features, patches, _ = compute(network, pixels)
    choose_threshold(fit_normality(features, patches).held_out)
    return time.perf_counter() - started


def main() -> None:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--backbone", nargs="+", required=True)
    parser.add_argument("--good", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=2)
    arguments = parser.parse_args()
    print(
        "| backbone | folder | method | other | worst class | defect |\n|---|---|---|---|---|---|"
    )
    for text in arguments.backbone:
        flags = parse_backbone(text)
        name, size, weights = (
            str(flags["backbone"]),
            int(str(flags["image_size"])),
            flags.get("weights"),
        )
        backbone = resolve_backbone(name, Path(str(weights)) if weights else None, size).load()
        whole, places = one_class_maps(backbone)
        learner = normality_features(build_one_class(backbone.trunk, whole, places))
        embedding = keras.layers.GlobalAveragePooling2D()(whole[-1])
        network = keras.Model(learner.inputs[0], [*learner.outputs, embedding])
        means = defaultdict(list)
        for folder in arguments.folders:
            images = read_images(folder, size, network)
            rows = defaultdict(list)
            for good in np.unique(images.labels):
                for seed in range(arguments.seeds):
                    for method, areas in measure(images, good, arguments.good, seed).items():
                        rows[method].append((*areas, good))
            for method, cells in rows.items():
                show(f"{name} {size}", folder.name, method, np.array(cells))
                means[method].append(np.mean(cells, axis=0)[:2])
            seconds = learning_seconds(folder, size, network, arguments.good)
            print(f"| {name} {size} | {folder.name} | seconds | {seconds:.1f} | | |", flush=True)
        for method, cells in means.items():
            other, defect = np.mean(cells, axis=0)
            print(f"| {name} {size} | mean | {method} | {other:.3f} | | {defect:.3f} |", flush=True)


def show(backbone: str, folder: str, method: str, cells: np.ndarray) -> None:
    """Print a row of the table."""
    other, defect, good = cells.T
    by_class = [other[good == label].mean() for label in np.unique(good)]
    worst = max(by_class) if method == "false alarms" else min(by_class)
    print(
        f"| {backbone} | {folder} | {method} | {other.mean():.3f} | {worst:.3f} | "
        f"{defect.mean():.3f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
