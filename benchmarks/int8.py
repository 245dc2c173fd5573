"""What does int8 cost each family of backbones? A solved head, exported, against its model.

    python -m benchmarks.int8 FOLDER TABLE NAME[:WEIGHTS] ... [--image-size 96]

Without WEIGHTS (and for a backbone that is not built in) the weights are random and the statistics
of batch normalization are those of the images, so that activations are spread as in a trained
network; accuracy is then low, and what counts is how often the file gives the model's prediction.
A row of TABLE is a backbone; those that are there are skipped.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tlearn.artifacts.contract import Preprocessing
from tlearn.commands.session import Session
from tlearn.confidence.answers import Answers
from tlearn.data.sampling import representative
from tlearn.evaluation.predictions import predict_pixels
from tlearn.export.inputs import ExportInputs
from tlearn.export.write import write_and_check
from tlearn.features.linear_head import cross_validate, solve_head
from tlearn.models.classifier import HEAD, build_classifier, set_head
from tlearn.models.resolve import resolve_backbone
from tlearn.runs.run_images import SplitImages

MODES = ("none", "float16", "dynamic", "int8")


def load_trunk(backbone: str, image_size: int, pixels: np.ndarray) -> keras.Model:
    """Return the network of NAME[:WEIGHTS], with statistics of `pixels` where it is random."""
    name, *weights = backbone.split(":")
    path = Path(weights[0]) if weights else None
    random = path is None and name != "builtin"
    choice = resolve_backbone(name, path, image_size, random_seed=0 if random else None)
    trunk = choice.load().trunk
    if random:
        for layer in trunk.layers:
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.momentum = 0.0
        trunk([pixels[:64].astype("float32")], training=True)
    return trunk


def solve_classifier(folder: Path, backbone: str, image_size: int) -> ExportInputs:
    """Return a classifier with a solved head, and its probabilities on test images."""
    flags = {"backbone": "builtin", "image_size": image_size}
    with Session(folder, None, flags) as session:
        dataset = session.open_workspace().dataset
        folds = dataset.folds(0)
        labels, classes = dataset.labels("train"), dataset.manifest.classes
        train, held_out = dataset.rows("train")[:], dataset.rows("test")[:]
        truth = dataset.labels("test")
    model = build_classifier(load_trunk(backbone, image_size, train), len(classes))
    network = keras.Model(model.inputs[0], model.get_layer(HEAD).input)
    rows = predict_pixels(network.predict_on_batch, train)
    penalty = cross_validate(rows, labels, len(classes), folds).penalty
    head = solve_head(rows, labels, len(classes), penalty)
    set_head(model, head.kernel, head.bias)
    names = tuple(str(n) for n in range(len(truth)))
    return ExportInputs(
        model=model,
        class_names=classes,
        check=SplitImages(held_out, truth, names, "test"),
        expected=Answers(predict_pixels(model.predict_on_batch, held_out)),
        preprocessing=Preprocessing.of(image_size, "squash"),
        metadata={},
        calibration=representative(train, labels, 100),
    )


def measure(folder: Path, backbone: str, image_size: int) -> dict[str, Any]:
    """Return a row of the table: accuracy, and what each mode of quantization costs."""
    inputs = solve_classifier(folder, backbone, image_size)
    row: dict[str, Any] = {"backbone": backbone.split(":")[0], "px": image_size, "of": folder.name}
    # A gate that nothing passes makes the export refit the head for int8.
    gates = {mode: (mode, 1.0) for mode in MODES} | {"int8, solved for it": ("int8", -1.0)}
    for name, (mode, max_drop) in gates.items():
        with tempfile.TemporaryDirectory() as scratch:
            held_to = replace(inputs, max_drop=max_drop)
            file = write_and_check(held_to, Path(scratch), ("tflite", mode))
        row["accuracy"] = round(file.accuracy + file.accuracy_drop, 4)
        row[name] = {"drop": round(file.accuracy_drop, 4), "agreement": round(file.agreement, 4)}
        row[name] |= {"kB": file.size_bytes // 1000, "ms": round(file.milliseconds, 2)}
    return row


def main() -> None:
    """Parse the command line and append the rows that the table lacks."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("table", type=Path)
    parser.add_argument("backbones", nargs="+")
    parser.add_argument("--image-size", type=int, default=96)
    arguments = parser.parse_args()
    lines = arguments.table.read_text().splitlines() if arguments.table.exists() else []
    known = {json.loads(line)["backbone"] for line in lines}
    for backbone in arguments.backbones:
        if backbone.split(":")[0] in known:
            continue
        row = measure(arguments.folder, backbone, arguments.image_size)
        with arguments.table.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)
        keras.backend.clear_session()


if __name__ == "__main__":
    main()
