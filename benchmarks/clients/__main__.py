"""Export a run, ask each program, and print one table in Markdown."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import benchmarks.clients as clients
from benchmarks.clients.clients import CLIENTS, Answered, Job, LeftOutError
from tlearn import api
from tlearn.data.image_folder import list_images
from tlearn.runs.trained_run import TrainedRun

FORMATS = (
    *(("tflite", "none"), ("tflite", "int8")),
    *(("onnx", "none"), ("openvino", "none"), ("saved_model", "none")),
)


def lay(options: argparse.Namespace, folder: Path) -> Job:
    """Write all formats into a folder, with the images under names without spaces."""
    # Programs print no probabilities of images that they call none of these.
    asked = api.ExportOptions(max_drop=1.0, refuse=0.0)
    api.export(options.run, FORMATS, options=asked, out=folder)
    (folder / "node_modules").symlink_to((options.node / "node_modules").absolute())
    names = []
    for number, path in enumerate(list_images([options.images])):
        names.append(f"{number:03}{path.suffix.lower()}")
        shutil.copyfile(path, folder / names[-1])
    return Job(folder, names, options.tflite_runtime)


def probabilities(line: str) -> dict[str, float]:
    """Read a line of a program: label to probability, of the labels that it shows."""
    parts = [
        part.rsplit(" ", 1) for part in line.split("\t")[1:] if not part.startswith("one of: ")
    ]
    return {label: float(value) for label, value in parts}


def compare(answered: Answered, expected: Sequence[Mapping[str, float]]) -> tuple[str, str]:
    """Return how many answers are the model's, and the largest difference of a probability."""
    if len(answered.lines) != len(expected):
        return answered.lines[0], ""
    same, largest = 0, 0.0
    for line, model in zip(answered.lines, expected, strict=True):
        found = probabilities(line)
        same += max(found, key=found.__getitem__) == max(model, key=model.__getitem__)
        largest = max(largest, *(abs(found[label] - model[label]) for label in found))
    return f"{same} of {len(expected)}", f"{largest:.4f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=clients.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("images", type=Path)
    parser.add_argument("--node", type=Path, default=Path())
    parser.add_argument("--tflite-runtime", type=Path, metavar="PYTHON")
    options = parser.parse_args()
    if TrainedRun.open(options.run).plan.images.resize != "squash":
        parser.error("the programs here squash images: choose a run of --resize squash")
    with TemporaryDirectory() as folder:
        job = lay(options, Path(folder))
        found = api.predict(options.run, [Path(folder, name) for name in job.images])
        expected = [dict(prediction.top) for prediction in found]
        print("| program | file | the model's answer | largest difference | lines to write |")
        print("|---|---|---|---|---|", flush=True)
        for name, file, ask in CLIENTS:
            try:
                answered = ask(job)
            except LeftOutError as missing:
                print(f"{name} is left out: {missing}", file=sys.stderr)
                continue
            cells = (f"{name} {answered.version}", f"`{file}`", *compare(answered, expected))
            print("|", " | ".join((*cells, str(answered.written))), "|", flush=True)


if __name__ == "__main__":
    main()
