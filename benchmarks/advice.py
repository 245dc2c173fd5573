"""Is the advice right? Every policy on every folder, and what the advice would have chosen.

    python -m benchmarks.advice run DATA TABLE NAME[:WEIGHTS] ... [--sizes 5,10] [--seeds 0]
    python -m benchmarks.advice score TABLE
    python -m benchmarks.advice draw TABLE PICTURE

`run` draws so many pictures a class from each folder, holds others out, trains every policy and
appends a line to TABLE; what stands there is not run again. `score` judges the rule on each
folder with thresholds fitted on the others, and prints regret, coverage and fixed policies.
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
from tlearn.commands.advice import heads_of
from tlearn.commands.session import Session
from tlearn.data.image_folder import scan
from tlearn.features.linear_head import solve_head

MOST_TESTED, FEWEST_TESTED = 240, 5
"""Pictures of a folder, and of a class."""


def draw(folder: Path, per_class: int, seed: int, target: Path) -> bool:
    """Copy so many pictures a class, and others to test on; False where there are too few."""
    rng = np.random.default_rng(seed)
    found = scan(folder)
    once = {hashlib.sha256(one.path.read_bytes()).hexdigest(): one for one in found.images}
    for label, name in enumerate(found.classes):
        paths = sorted(one.path for one in once.values() if one.label == label)
        paths = [paths[n] for n in rng.permutation(len(paths))]
        n_test = min(MOST_TESTED // len(found.classes), len(paths) - per_class)
        if n_test < FEWEST_TESTED:
            return False
        parts = {"test": paths[:n_test], "train": paths[n_test : n_test + per_class]}
        for part, chosen in parts.items():
            (target / part / name).mkdir(parents=True)
            for number, path in enumerate(chosen):
                shutil.copyfile(path, target / part / name / f"{number}{path.suffix}")
    return True


def measure(row: dict[str, Any], source: Path, flags: dict[str, Any], scratch: Path) -> bool:
    """Fill in what a line of the table lacks; whether anything was."""
    missing = [name for name in POLICIES if name not in row.get("accuracy", {})]
    if "stage_accuracies" not in row:
        row["evidence"] = evidence(api.suggest(source, flags=flags))
        row["stage_accuracies"] = stage_accuracies(source, flags)
    other = str(int(np.argmax(row["evidence"]["stages"][:-1])) + 1)
    for name in missing:
        asked = flags | {k: other if v == OTHER else v for k, v in POLICIES[name].items()}
        planned = api.finetune(source, flags=asked, dry_run=True)
        done = api.finetune(source, flags=asked, out=scratch / name)
        found = done.reports["test"]
        row["tested"] = found.n
        row.setdefault("accuracy", {})[name] = round(found.accuracy, 4)
        row.setdefault("seconds", {})[name] = round(done.seconds["total"], 1)
        row.setdefault("forecast", {})[name] = round(planned.forecast_seconds, 1)
    return bool(missing)


def stage_accuracies(source: Path, flags: dict[str, Any]) -> list[float]:
    """Test accuracy of a solved head on each stage."""
    found = []
    with Session(source, None, flags, True, api.no_progress) as session:
        dataset, features = session.dataset, session.features
        rows = {part: dataset.manifest.indices(part) for part in ("train", "test")}
        for reading, output in zip(session.profile.single, features.stage_outputs, strict=True):
            x, y = features.of(output, rows["train"]), dataset.labels("train")
            head = solve_head(x, y, len(dataset.manifest.classes), reading.cv.penalty)
            answers = head.probabilities(features.of(output, rows["test"])).argmax(axis=1)
            found.append(round(float((answers == dataset.labels("test")).mean()), 4))
    return found


def evidence(advice: api.Advice) -> dict[str, Any]:
    """All that a rule may look at."""
    profile, similarity, curve = advice.profile, advice.similarity, advice.curve
    assert profile is not None and similarity is not None and curve is not None
    return {
        "n_train": advice.suggestion.n_train,
        "n_classes": advice.suggestion.n_classes,
        "similarity": similarity.score,
        "dimension": similarity.effective_dimension,
        "source_classes": similarity.source_classes,
        "stages": [reading.accuracy for reading in profile.single],
        "losses": [loss(reading, profile.labels) for reading in profile.single],
        "heads": [vars(head) for head in heads_of(profile)],
        "curve": curve.accuracies,
        "slope": curve.slope,
    }


def loss(reading: Any, labels: np.ndarray) -> float:
    p = reading.cv.probabilities
    chosen = p[np.arange(len(labels)), labels][p.sum(axis=1) > 0]
    return float(-np.log(np.maximum(chosen, 1e-12)).mean())


def run(chosen: argparse.Namespace) -> None:
    rows = {tuple(row["cell"]): row for row in read_table(chosen.table)}
    folders = sorted(path for path in chosen.data.iterdir() if path.is_dir())
    for words, seed, size, folder in product(chosen.backbones, chosen.seeds, chosen.sizes, folders):
        name, *weights = words.split(":")
        flags: dict[str, Any] = {"backbone": name, "image_size": chosen.image_size, "seed": seed}
        flags |= {"weights": weights[0]} if weights else {}
        label = Path(weights[0]).name.removesuffix(".weights.h5") if weights else name
        about = (label, folder.name, size, seed)
        row = rows.get(about, {"cell": about})
        with tempfile.TemporaryDirectory() as scratch:
            source = Path(scratch, "dataset")
            whole = row.get("accuracy", {}).keys() >= POLICIES.keys()
            if whole or not draw(folder, size, seed, source):
                continue
            if measure(row, source, flags, Path(scratch)):
                with chosen.table.open("a") as file:
                    file.write(json.dumps(row) + "\n")
        print(*about, row["accuracy"], row["seconds"], flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parts = parser.add_subparsers(required=True)
    runner = parts.add_parser("run")
    runner.add_argument("data", type=Path)
    runner.add_argument("table", type=Path)
    runner.add_argument("backbones", nargs="+")
    numbers = lambda text: [int(n) for n in text.split(",")]  # noqa: E731
    runner.add_argument("--sizes", type=numbers, default=[5, 10, 25, 50, 100])
    runner.add_argument("--seeds", type=numbers, default=[0, 1])
    runner.add_argument("--image-size", type=int, default=128)
    runner.set_defaults(act=run)
    judge = parts.add_parser("score")
    judge.add_argument("table", type=Path)
    judge.set_defaults(act=lambda chosen: score(chosen.table))
    painter = parts.add_parser("draw")
    painter.add_argument("table", type=Path)
    painter.add_argument("picture", type=Path)
    painter.add_argument("--backbone", default="mobilenet_v2_1.00_224_imagenet")
    painter.set_defaults(act=lambda c: draw_matrix(c.table, c.image, c.backbone))
    chosen = parser.parse_args()
    chosen.act(chosen)


if __name__ == "__main__":
    main()
