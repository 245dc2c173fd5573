"""Is the advice right? Train every policy on every folder, and compare with what is advised.

    python -m benchmarks.advice run DATA TABLE NAME[:WEIGHTS] ... [--sizes 5,10] [--seeds 0]
    python -m benchmarks.advice score TABLE
    python -m benchmarks.advice draw TABLE IMAGE

`run` samples so many images per class from each folder of DATA, holds others out for testing,
trains every policy and appends a row to TABLE; cells that are complete there are skipped. `score`
fits the forecast on all folders but one, judges it on that one, and prints regret, the coverage of
intervals and fixed policies to compare with.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.advice_plot import draw_matrix
from benchmarks.advice_rules import OTHER, POLICIES, read_table, score
from tlearn import api
from tlearn.commands.advice import head_evidence
from tlearn.commands.session import Session
from tlearn.data.image_folder import scan
from tlearn.features.linear_head import solve_head
from tlearn.suggestion.advice import Advice
from tlearn.suggestion.depth_profile import HeadScore

MOST_TESTED, FEWEST_TESTED = 240, 5
"""Test images of a folder, at most, and of a class, at least."""


def sample_folder(source: Path, per_class: int, seed: int, target: Path) -> bool:
    """Copy a sample of a folder, with other images as a test split.

    Args:
        source: Image folder.
        per_class: Images per class to train on.
        seed: Random seed of the sample.
        target: Where the train and test folders are written.

    Returns:
        Whether there were enough images.
    """
    rng = np.random.default_rng(seed)
    folder = scan(source)
    unique = {hashlib.sha256(image.path.read_bytes()).hexdigest(): image for image in folder.images}
    for label, name in enumerate(folder.classes):
        paths = sorted(image.path for image in unique.values() if image.label == label)
        paths = [paths[n] for n in rng.permutation(len(paths))]
        n_test = min(MOST_TESTED // len(folder.classes), len(paths) - per_class)
        if n_test < FEWEST_TESTED:
            return False
        splits = {"test": paths[:n_test], "train": paths[n_test : n_test + per_class]}
        for split, sampled in splits.items():
            (target / split / name).mkdir(parents=True)
            for number, path in enumerate(sampled):
                shutil.copyfile(path, target / split / name / f"{number}{path.suffix}")
    return True


def measure(row: dict[str, Any], source: Path, flags: dict[str, Any], scratch: Path) -> bool:
    """Add what a row of the table lacks, in place; return whether anything was added."""
    missing = [name for name in POLICIES if name not in row.get("accuracy", {})]
    if "stage_accuracies" not in row:
        row["evidence"] = evidence(api.suggest(source, flags=flags))
        row["stage_accuracies"] = stage_accuracies(source, flags)
    other = str(int(np.argmax(row["evidence"]["stages"][:-1])) + 1)
    for name in missing:
        policy = {key: other if v == OTHER else v for key, v in POLICIES[name].items()}
        planned = api.finetune(source, flags=flags | policy, dry_run=True)
        trained = api.finetune(source, flags=flags | policy, out=scratch / name)
        report = trained.reports["test"]
        row["tested"] = report.n
        row.setdefault("accuracy", {})[name] = round(report.accuracy, 4)
        row.setdefault("seconds", {})[name] = round(trained.seconds["total"], 1)
        row.setdefault("forecast", {})[name] = round(planned.forecast_seconds or 0.0, 1)
    return bool(missing)


def stage_accuracies(source: Path, flags: dict[str, Any]) -> list[float]:
    """Return the test accuracy of a solved head on each stage."""
    accuracies = []
    with Session(source, None, flags) as session:
        workspace = session.open_workspace()
        workspace = session.extract_features(workspace)
        dataset, features = workspace.dataset, workspace.features
        assert features is not None
        profile = session.measure_profile(workspace)
        rows = {split: dataset.manifest.indices(split) for split in ("train", "test")}
        for head_score, output in zip(profile.single, features.stage_outputs, strict=True):
            x, y = features.of(output, rows["train"]), dataset.labels("train")
            head = solve_head(x, y, len(dataset.manifest.classes), head_score.cv.penalty)
            predicted = head.probabilities(features.of(output, rows["test"])).argmax(axis=1)
            accuracies.append(round(float((predicted == dataset.labels("test")).mean()), 4))
    return accuracies


def evidence(advice: Advice) -> dict[str, Any]:
    """Return everything that a rule may look at."""
    profile, similarity, curve = advice.profile, advice.similarity, advice.curve
    assert profile is not None and similarity is not None and curve is not None
    return {
        "n_train": advice.suggestion.n_train,
        "n_classes": advice.suggestion.n_classes,
        "similarity": similarity.score,
        "dimension": similarity.effective_dimension,
        "source_classes": similarity.source_classes,
        "stages": [head_score.accuracy for head_score in profile.single],
        "losses": [log_loss(head_score, profile.labels) for head_score in profile.single],
        "heads": [vars(head) for head in head_evidence(profile)],
        "curve": curve.accuracies,
        "slope": curve.slope,
    }


def log_loss(head_score: HeadScore, labels: np.ndarray) -> float:
    """Return the mean log loss of a head on held-out images."""
    p = head_score.cv.probabilities
    of_label = p[np.arange(len(labels)), labels][p.sum(axis=1) > 0]
    return float(-np.log(np.maximum(of_label, 1e-12)).mean())


def run(arguments: argparse.Namespace) -> None:
    """Train every policy in every cell that the table lacks."""
    rows = {tuple(row["cell"]): row for row in read_table(arguments.table)}
    folders = sorted(path for path in arguments.data.iterdir() if path.is_dir())
    cells = product(arguments.backbones, arguments.seeds, arguments.sizes, folders)
    for backbone, seed, size, folder in cells:
        name, *weights = backbone.split(":")
        flags: dict[str, Any] = {"backbone": name, "image_size": arguments.image_size, "seed": seed}
        flags |= {"weights": weights[0]} if weights else {}
        label = Path(weights[0]).name.removesuffix(".weights.h5") if weights else name
        cell = (label, folder.name, size, seed)
        row = rows.get(cell, {"cell": cell})
        with tempfile.TemporaryDirectory() as scratch:
            source = Path(scratch, "dataset")
            complete = row.get("accuracy", {}).keys() >= POLICIES.keys()
            if complete or not sample_folder(folder, size, seed, source):
                continue
            if measure(row, source, flags, Path(scratch)):
                with arguments.table.open("a") as file:
                    file.write(json.dumps(row) + "\n")
        print(*cell, row["accuracy"], row["seconds"], flush=True)


def main() -> None:
    """Parse the command line and run the subcommand."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)

    def numbers(text: str) -> list[int]:
        return [int(number) for number in text.split(",")]

    train = commands.add_parser("run")
    train.add_argument("data", type=Path)
    train.add_argument("table", type=Path)
    train.add_argument("backbones", nargs="+")
    train.add_argument("--sizes", type=numbers, default=[5, 10, 25, 50, 100])
    train.add_argument("--seeds", type=numbers, default=[0, 1])
    train.add_argument("--image-size", type=int, default=128)
    train.set_defaults(run=run)
    judge = commands.add_parser("score")
    judge.add_argument("table", type=Path)
    judge.set_defaults(run=lambda arguments: score(arguments.table))
    draw = commands.add_parser("draw")
    draw.add_argument("table", type=Path)
    draw.add_argument("image", type=Path)
    draw.add_argument("--backbone", default="mobilenet_v2_1.00_224_imagenet")
    draw.set_defaults(run=lambda a: draw_matrix(a.table, a.image, a.backbone))
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
