"""What does fine-tuning add where several labels or a number are learned, next to a plain script?

    python -m benchmarks.task_tuning FOLDER ... --weights FILE [--images 400]

Tables of composed images (see `benchmarks.tasks`), with labels or the share that is covered, are
trained on by every policy and by a careful Keras script: MobileNetV2 at 128 pixels, its head for 20
epochs, then everything for 10, batch normalization frozen. The table shows mean average precision,
or the mean absolute error, on 500 images composed of others, and the seconds of each training.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
from PIL import Image
from sklearn.metrics import average_precision_score

from benchmarks.tasks import SIDE, TESTED, compose, read_halves
from tlearn import api

POLICIES = ("linear_head", "top_stages", "deep")
EVERY_VAL = 6
"""Of the images to train on, one of so many is for validation."""


def write_tables(folder: Path, out: Path, n: int) -> dict[str, Path]:
    """Compose images and write a table for each task."""
    rng, rows = np.random.default_rng(0), []
    for part, pool, size in zip(
        ("train", "test"), read_halves(folder, rng), (n, TESTED), strict=True
    ):
        for number in range(size):
            pixels, labels, covered = compose(pool, rng)
            name, split = f"{part}{number}.png", part
            if part == "train" and number % EVERY_VAL == 0:
                split = "val"
            Image.fromarray(pixels).save(out / name)
            present = "|".join(f"c{label}" for label in np.flatnonzero(labels))
            rows.append((name, split, present, f"{covered[0]:.4f}"))
    tables = {"labels": out / "labels.csv", "number": out / "number.csv"}
    for column, path in enumerate(tables.values(), start=2):
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerows([("path", "split", "label"), *((*r[:2], r[column]) for r in rows)])
    return tables


def ours(table: Path, task: str, policy: str, weights: Path, out: Path) -> float:
    """Train by a policy and return the score on the test images."""
    flags = {"task": task, "policy": policy, "backbone": "mobilenet_v2", "weights": str(weights)}
    flags |= {"image_size": SIDE, "head_stages": "last3"}
    report = api.finetune(table, flags=flags, out=out).target_reports["test"].to_json()
    return float(report["mean_average_precision" if task == "labels" else "mae"])


def theirs(table: Path, task: str, weights: Path) -> float:
    """Train by a plain script and return the score on the test images."""
    with table.open(newline="") as file:
        rows = [*csv.DictReader(file)]
    names = sorted({name for row in rows for name in row["label"].split("|") if name})

    def read(split: str) -> tuple[np.ndarray, np.ndarray]:
        chosen = [row for row in rows if row["split"] == split]
        pixels = [np.asarray(Image.open(table.parent / row["path"])) for row in chosen]
        if task == "number":
            return np.stack(pixels), np.array([[float(row["label"])] for row in chosen])
        given = [row["label"].split("|") for row in chosen]
        return np.stack(pixels), np.array([[float(n in has) for n in names] for has in given])

    (x, y), (x_val, y_val), (x_test, y_test) = map(read, ("train", "val", "test"))
    mean, sd = (y.mean(), y.std()) if task == "number" else (0.0, 1.0)
    keras.utils.set_random_seed(0)
    whole = keras.applications.MobileNetV2(weights=None)
    whole.load_weights(weights)
    base = keras.applications.MobileNetV2((SIDE, SIDE, 3), include_top=False, weights=None)
    base.set_weights(whole.get_weights()[: len(base.get_weights())])
    base.trainable = False
    image = keras.Input((SIDE, SIDE, 3))
    features = base(keras.layers.Rescaling(1 / 127.5, offset=-1)(image), training=False)
    pooled = keras.layers.Dropout(0.2)(keras.layers.GlobalAveragePooling2D()(features))
    activation = "sigmoid" if task == "labels" else None
    model = keras.Model(image, keras.layers.Dense(y.shape[1], activation)(pooled))
    loss = "binary_crossentropy" if task == "labels" else keras.losses.Huber()
    for rate, epochs in ((1e-3, 20), (1e-5, 10)):
        model.compile(keras.optimizers.Adam(rate), loss)
        held_out = (x_val, (y_val - mean) / sd)
        model.fit(x, (y - mean) / sd, epochs=epochs, validation_data=held_out, verbose=0)
        base.trainable = True
    answers = model.predict(x_test, verbose=0) * sd + mean
    if task == "number":
        return float(np.abs(answers - y_test).mean())
    return float(average_precision_score(y_test, answers))


def main() -> None:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--images", type=int, default=400)
    asked = parser.parse_args()
    print(f"| folder | task | {' | '.join(POLICIES)} | script |\n|---|---|---|---|---|---|")
    for folder in asked.folders:
        with tempfile.TemporaryDirectory() as scratch:
            for task, table in write_tables(folder, Path(scratch), asked.images).items():
                cells = []
                for policy in (*POLICIES, ""):
                    began = time.perf_counter()
                    out = Path(scratch, f"{task}-{policy}")
                    score = (
                        ours(table, task, policy, asked.weights, out)
                        if policy
                        else theirs(table, task, asked.weights)
                    )
                    cells.append(f"{score:.4f}, {time.perf_counter() - began:.0f} s")
                print(f"| {folder.name} | {task} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
