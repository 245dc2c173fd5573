"""Do exported files answer like the model, and what does the output `known` cost them?

    python -m benchmarks.answers.formats FOLDER ... [--weights MOBILENETV2.h5] [--sizes 25]

"p" and "known" are the largest differences from the model on validation images. "size" and "time"
compare a file with one of the same format that has no output `known`: they answer in turn, on one
thread, and the fastest tenth of the answers counts.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.answers.cells import cells
from benchmarks.answers.files import export_inputs
from tlearn.artifacts.files import artifact_size_bytes
from tlearn.artifacts.runtime import open_runtime
from tlearn.backend.silence import import_keras
from tlearn.confidence.answers import Answers
from tlearn.export.inputs import ExportInputs
from tlearn.export.write import Target, write_and_check

TARGETS: tuple[Target, ...] = (
    ("tflite", "none"),
    ("tflite", "float16"),
    ("tflite", "dynamic"),
    ("tflite", "int8"),
    ("onnx", "none"),
    ("openvino", "none"),
    ("saved_model", "none"),
)
MOST_TURNS, SECONDS, FASTEST = 400, 8.0, 0.1


def without_known(inputs: ExportInputs) -> ExportInputs:
    """Return the same export with one output."""
    keras = import_keras()
    model = keras.Model(inputs.model.inputs[0], inputs.model.outputs[0])
    return replace(inputs, model=model, expected=Answers(inputs.expected.probabilities))


def time_in_turn(paths: list[Path], image: np.ndarray) -> list[float]:
    """Return the milliseconds of an answer of each file."""
    runtimes = [open_runtime(path, threads=1) for path in paths]
    for runtime in runtimes * 3:
        runtime(image)
    times: list[list[float]] = [[] for _ in paths]
    began = time.monotonic()
    while len(times[0]) < MOST_TURNS and time.monotonic() < began + SECONDS:
        for runtime, own in zip(runtimes, times, strict=True):
            start = time.perf_counter()
            runtime(image)
            own.append(1000 * (time.perf_counter() - start))
    return [float(np.quantile(own, FASTEST)) for own in times]


def main() -> None:
    """Print a row for each format of each folder."""
    print(f"{'folder':20} format      mode       p     known  refused    kB   size    ms    time")
    for name, _, cell, _ in cells(__doc__):
        with export_inputs(cell, calibrate=True) as inputs, TemporaryDirectory() as scratch:
            image = np.array(inputs.check.pixels[0])
            for target in TARGETS:
                folders = [Path(scratch, f"{'-'.join(target)}-{n}") for n in range(2)]
                both = (inputs, without_known(inputs))
                for folder in folders:
                    folder.mkdir()
                made, plain = (
                    write_and_check(given, folder, target)
                    for given, folder in zip(both, folders, strict=True)
                )
                sizes = [artifact_size_bytes(artifact.path) for artifact in (made, plain)]
                times = time_in_turn([made.path, plain.path], image)
                print(
                    f"{name:20} {target[0]:11} {target[1]:8} {made.largest_difference:.4f} "
                    f"{made.known_difference:8.4f} {'' if made.passed else 'failed':>7} "
                    f"{sizes[0] / 1000:7.0f} {sizes[0] / sizes[1] - 1:+6.1%} {times[0]:6.2f} "
                    f"{times[0] / times[1] - 1:+6.1%}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
