"""What int8 does to each family, on real pictures: a solved head, exported and held to its model.

    python -m benchmarks.int8 FOLDER TABLE NAME[:WEIGHTS] ... [--image-size 96]

Without WEIGHTS (and where a backbone is not built in) weights are random and the norms know the
pictures, so that activations are spread as in a trained network; accuracy is then low, and what
counts is how often the file gives the model's answer. A line of TABLE is a backbone; what stands
there is not run again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tlearn.artifacts.contract import Preprocessing
from tlearn.commands.session import Session
from tlearn.data.sampling import representative
from tlearn.evaluation.predictions import predict_pixels
from tlearn.export.inputs import ExportInputs
from tlearn.export.write import write_and_check
from tlearn.features.linear_head import cross_validate, solve_head
from tlearn.models.classifier import HEAD, build_classifier, set_head
from tlearn.models.resolve import resolve_backbone
from tlearn.runs.trained_run import SplitImages

MODES = ("none", "float16", "dynamic", "int8")


def trunk_of(words: str, image_size: int, pixels: np.ndarray) -> keras.Model:
    name, *weights = words.split(":")
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


def inputs_of(folder: Path, words: str, image_size: int) -> ExportInputs:
    """A classifier with a solved head, and what it says of the pictures it did not see."""
    flags = {"backbone": "builtin", "image_size": image_size}
    with Session(folder, None, flags) as session:
        dataset = session.open_workspace().dataset
        folds = dataset.folds(0)
        labels, classes = dataset.labels("train"), dataset.manifest.classes
        train, held_out = dataset.rows("train")[:], dataset.rows("test")[:]
        truth = dataset.labels("test")
    model = build_classifier(trunk_of(words, image_size, train), len(classes))
    network = keras.Model(model.inputs[0], model.get_layer(HEAD).input)
    rows = predict_pixels(network.predict_on_batch, train)
    penalty = cross_validate(rows, labels, len(classes), folds).penalty
    head = solve_head(rows, labels, len(classes), penalty)
    set_head(model, head.kernel, head.bias)
    names = tuple(str(n) for n in range(len(truth)))
    probabilities = predict_pixels(model.predict_on_batch, held_out)
    return ExportInputs(
        model=model,
        class_names=classes,
        check=SplitImages(held_out, truth, names, "test"),
        expected=probabilities,
        preprocessing=Preprocessing.of(image_size, "squash"),
        metadata={},
        calibration=representative(train, labels, 100),
    )


def measure(folder: Path, words: str, image_size: int) -> dict[str, Any]:
    inputs = inputs_of(folder, words, image_size)
    row: dict[str, Any] = {"backbone": words.split(":")[0], "px": image_size, "of": folder.name}
    # A gate that nothing passes has the file written again, with a head solved for int8.
    gates = {mode: (mode, 1.0) for mode in MODES} | {"int8, solved for it": ("int8", -1.0)}
    for name, (mode, max_drop) in gates.items():
        with tempfile.TemporaryDirectory() as scratch:
            file = write_and_check(inputs, Path(scratch), ("tflite", mode), max_drop)
        row["accuracy"] = round(file.accuracy + file.accuracy_drop, 4)
        row[name] = {"drop": round(file.accuracy_drop, 4), "agreement": round(file.agreement, 4)}
        row[name] |= {"kB": file.size_bytes // 1000, "ms": round(file.milliseconds, 2)}
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("table", type=Path)
    parser.add_argument("backbones", nargs="+")
    parser.add_argument("--image-size", type=int, default=96)
    chosen = parser.parse_args()
    lines = chosen.table.read_text().splitlines() if chosen.table.exists() else []
    known = {json.loads(line)["backbone"] for line in lines}
    for words in chosen.backbones:
        if words.split(":")[0] in known:
            continue
        row = measure(chosen.folder, words, chosen.image_size)
        with chosen.table.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)
        keras.backend.clear_session()


if __name__ == "__main__":
    main()
