"""Is accuracy honest on a folder with near-copies? Clean folders against the same with copies.

    python -m benchmarks.doctor.leaks FOLDER... [--flags "--image-size 96"] [--per-class 60]

Of each folder up to `--per-class` images a class are taken, and near-copies of four in ten added to
the same classes. "torn apart" is what cross-validation would promise if copies were not kept
together.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.doctor.planting import ONE_STEP, plant_copy
from tlearn.data.image_folder import scan

PLANTED = 0.4
"""Share of the images that get a copy."""


def write_folders(source: Path, scratch: Path, per_class: int, seed: int) -> tuple[Path, Path]:
    """Write a sample of a folder without splits, once as it is and once with copies."""
    rng = np.random.default_rng(seed)
    folder = scan(source)
    clean, planted = scratch / "clean", scratch / "planted"
    kinds = [*ONE_STEP]
    for label, name in enumerate(folder.classes):
        images = [image for image in folder.images if image.label == label]
        for number in rng.permutation(len(images))[:per_class]:
            try:
                image = Image.open(images[number].path).convert("RGB")
            except OSError:  # a damaged one
                continue
            for root in (clean, planted):
                (root / name).mkdir(parents=True, exist_ok=True)
                image.save(root / name / f"{number}.png")
            if rng.random() < PLANTED:
                copy = plant_copy(image, kinds[rng.integers(len(kinds))], rng)
                copy.save(planted / name / f"{number}-copy.png")
    return clean, planted


def measure(folder: Path, out: Path, flags: list[str]) -> tuple[dict[str, Any], float]:
    """Return what the doctor says, and the accuracy on test of a linear head."""
    train = ["--policy", "linear-head", "--out", str(out / "run")]
    found = _tlearn("doctor", str(folder), "--out", str(out), *flags)
    return found, _tlearn("finetune", str(folder), *train, *flags)["test_accuracy"]


def _tlearn(*words: str) -> dict[str, Any]:
    line = [sys.executable, "-m", "tlearn", *words, "--json"]
    done = subprocess.run(line, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def main() -> None:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--per-class", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--flags", default="", help="choose a backbone and its size")
    asked = parser.parse_args()
    print("| folder | clean | with copies | torn apart | test, clean | test, with copies |")
    print("|---|---|---|---|---|---|")
    rows = []
    for source in asked.folders:
        with tempfile.TemporaryDirectory() as scratch:
            folders = write_folders(source, Path(scratch), asked.per_class, asked.seed)
            flags = shlex.split(asked.flags)
            (clean, clean_test), (found, test) = (
                measure(folder, Path(scratch, f"out-{folder.name}"), flags) for folder in folders
            )
        torn = found["accuracy_with_leaks"] or found["accuracy"]
        rows.append([clean["accuracy"], found["accuracy"], torn, clean_test, test])
        print(f"| {source.name} | " + " | ".join(f"{x:.3f}" for x in rows[-1]) + " |", flush=True)
    print("| mean | " + " | ".join(f"{x:.3f}" for x in np.mean(rows, axis=0)) + " |")


if __name__ == "__main__":
    main()
