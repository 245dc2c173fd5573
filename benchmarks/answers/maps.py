"""Do the maps of `tlearn explain` show what an answer rests on?

    python -m benchmarks.answers.maps FOLDER ... [--weights MOBILENETV2.h5] [--limit 60]

For each folder, and for images composed of an object on clutter, a head is solved on the built-in
backbone and, with weights, on MobileNetV2. "confirmed" is the share of held-out images in which
blurring the warmest tenth of the pixels costs the answer more than blurring a random tenth, "warm"
and "random" are the mean falls of its probability. "in box" is the share of composed images whose
warmest point lies on the object, "right" the same of those that are answered rightly.

"activation" is the class activation map, the output `map` of `tlearn export --with-maps`.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
from PIL import Image

from benchmarks.answers.compose import SIDE, Box, write_composed
from tlearn import api
from tlearn.commands.explained import classifier
from tlearn.data.sampling import stratified
from tlearn.evaluation.explain_maps import PASSES, blur, explain_image, random_tenths, warmest
from tlearn.models.class_map import with_map
from tlearn.runs.answering import open_network
from tlearn.runs.trained_run import TrainedRun

COMPOSED = "composed"


def activation_map(model: keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """Return what `tlearn export --with-maps` gives for an image, at the size of the image."""
    network = keras.Model(model.inputs[0], with_map(model).outputs[-1])

    def map_of(image: np.ndarray) -> np.ndarray:
        small = Image.fromarray(network.predict_on_batch(np.float32(image[np.newaxis]))[0])
        return np.asarray(small.resize(image.shape[:2], Image.Resampling.BILINEAR))

    return map_of


def in_box(warmth: np.ndarray, box: Box) -> bool:
    """Return whether the warmest point lies in a box."""
    y, x = np.unravel_index(warmth.argmax(), warmth.shape)
    scale = SIDE / len(warmth)
    left, top, right, bottom = box
    return left <= (x + 0.5) * scale <= right and top <= (y + 0.5) * scale <= bottom


def measure(run: Path, boxes: dict[str, Box], limit: int) -> dict[str, np.ndarray]:
    """Return for each kind of map its rows: (fall warm, fall random, in box, answered rightly)."""
    trained = TrainedRun.open(run)
    split = trained.manifest.report_split
    images, rows = trained.read_split(split), trained.manifest.indices(split)
    answer = classifier(trained, open_network(trained, PASSES))
    activation = activation_map(trained.load_model())
    found: dict[str, list[tuple[float, ...]]] = {"windows": [], "activation": []}
    for row in stratified(images.labels, limit, 0).tolist():
        image, name = np.asarray(images.pixels[row]), trained.manifest.names[rows[row]]
        own = explain_image(answer, image, seed=row)
        other = activation(image)
        warm = warmest(other)
        masks = [warm, *random_tenths(warm, row)]
        falls = own.probabilities - answer(np.stack(blur(image, masks)))
        warm_fall, *random_falls = falls[:, own.answer]
        right = float(own.answer == images.labels[row])
        for kind, warmth, fall, random in (
            ("windows", own.warmth, own.drop_warm, own.drop_random),
            ("activation", other, warm_fall, np.mean(random_falls)),
        ):
            inside = float(in_box(warmth, boxes[name])) if boxes else np.nan
            found[kind].append((fall, random, inside, right))
    return {kind: np.array(values) for kind, values in found.items()}


def print_row(folder: str, backbone: str, kind: str, rows: np.ndarray) -> None:
    """Print one line of the table."""
    warm, random, inside, right = rows.T
    numbers = [right.mean(), (warm > random).mean(), warm.mean(), random.mean(), inside.mean()]
    numbers.append(inside[right == 1].mean() if right.any() else np.nan)
    cells = "".join(f"{value:10.3f}" for value in numbers)
    print(f"{folder:14.14} {backbone:13} {kind:11}{len(rows):5}{cells}", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--weights", help="MobileNetV2's; without, the built-in backbone alone")
    parser.add_argument("--limit", type=int, default=60, help="images of each folder")
    parser.add_argument("--stages", default="last3", help="that the head reads")
    parser.add_argument("--per-class", type=int, default=100, help="composed images of a class")
    given = parser.parse_args()
    backbones: list[dict[str, Any]] = [{"backbone": "builtin"}]
    if given.weights:
        backbones.append({"backbone": "mobilenet_v2", "weights": given.weights})
    names = ("accuracy", "confirmed", "warm", "random", "in box", "right")
    print(f"{'folder':14} {'backbone':13} {'map':11}{'n':>5}" + "".join(f"{x:>10}" for x in names))
    with tempfile.TemporaryDirectory() as scratch:
        composed = Path(scratch, COMPOSED)
        boxes = write_composed(composed, given.per_class, seed=1)
        finetune = partial(api.finetune, recipe="linear-head")
        for number, folder in enumerate([composed, *given.folders]):
            for backbone in backbones:
                run = Path(scratch, f"run-{number}-{backbone['backbone']}")
                finetune(folder, flags=backbone | {"head_stages": given.stages}, out=run)
                known = boxes if folder == composed else {}
                for kind, rows in measure(run, known, given.limit).items():
                    print_row(folder.name, backbone["backbone"], kind, rows)


if __name__ == "__main__":
    main()
