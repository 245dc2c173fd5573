"""Is the advice right? Every policy on every folder, and what the advice would have chosen.

    python -m tests.benchmarks.advice run DATA TABLE NAME[:WEIGHTS] ... [--sizes 5,10] [--seeds 0]
    python -m tests.benchmarks.advice score TABLE

`run` draws so many pictures a class from each folder, holds others out, trains every policy and
appends a line to TABLE; cells that stand there are not run again. `score` judges the rule on each
folder with thresholds fitted on the others, and prints regret, coverage and fixed policies.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tlearn import api
from tlearn.advising import heads_of
from tlearn.data.image_folder import scan
from tlearn.suggestion import options
from tlearn.suggestion.options import Option
from tlearn.suggestion.strategy import Evidence, HeadEvidence, Policy

POLICIES: dict[str, dict[str, Any]] = {
    "last": {"policy": "linear_head", "head_on": "last"},
    "best": {"policy": "linear_head", "head_on": "best"},
    "several": {"policy": "linear_head", "head_on": "several"},
    "top_stages": {"policy": "top_stages"},
    "deep": {"policy": "deep"},
}
RIDGE = 0.1
MOST_TESTED, FEWEST_TESTED = 300, 5


def draw(folder: Path, per_class: int, seed: int, target: Path) -> bool:
    """Copy so many pictures a class, and others to test on; False where there are too few."""
    rng = np.random.default_rng(seed)
    found = scan(folder)
    once = {hashlib.sha256(one.path.read_bytes()).hexdigest(): one for one in found.images}
    for label, name in enumerate(found.classes):
        paths = sorted(one.path for one in once.values() if one.label == label)
        paths = [paths[n] for n in rng.permutation(len(paths))]
        n_test = min(30, MOST_TESTED // len(found.classes), len(paths) // 4)
        if n_test < FEWEST_TESTED or len(paths) - n_test < per_class:
            return False
        parts = {"test": paths[:n_test], "train": paths[n_test : n_test + per_class]}
        for part, chosen in parts.items():
            (target / part / name).mkdir(parents=True)
            for number, path in enumerate(chosen):
                shutil.copyfile(path, target / part / name / f"{number}{path.suffix}")
    return True


def cell(source: Path, backbone: dict[str, Any], seed: int, scratch: Path) -> dict[str, Any]:
    """What was measured before training, and what every policy reached."""
    flags = backbone | {"seed": seed}
    advice = api.suggest(source, flags=flags)
    accuracy, seconds, forecast = {}, {}, {}
    for name, asked in POLICIES.items():
        planned = api.finetune(source, flags=flags | asked, dry_run=True)
        forecast[name] = round(planned.seconds["forecast"], 1)
        done = api.finetune(source, flags=flags | asked, out=scratch / name, overwrite=True)
        accuracy[name] = round(done.reports["test"].accuracy, 4)
        seconds[name] = round(done.seconds["total"], 1)
        tested = done.reports["test"].n
    return {
        "evidence": evidence(advice),
        "tested": tested,
        "accuracy": accuracy,
        "seconds": seconds,
        "forecast": forecast,
    }


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
    p = reading.checked.probabilities
    chosen = p[np.arange(len(labels)), labels][p.sum(axis=1) > 0]
    return float(-np.log(np.maximum(chosen, 1e-12)).mean())


def read_table(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        yield from (json.loads(line) for line in path.read_text().splitlines())


def run(chosen: argparse.Namespace) -> None:
    done = {tuple(row["cell"]) for row in read_table(chosen.table)}
    folders = sorted(path for path in chosen.data.iterdir() if path.is_dir())
    for words in chosen.backbones:
        name, *weights = words.split(":")
        flags: dict[str, Any] = {"backbone": name, "image_size": chosen.image_size}
        flags |= {"weights": weights[0]} if weights else {}
        label = Path(weights[0]).name.removesuffix(".weights.h5") if weights else name
        for seed in chosen.seeds:
            for folder in folders:
                if chosen.only and folder.name not in chosen.only:
                    continue
                for size in chosen.sizes:
                    about = (label, folder.name, size, seed)
                    with tempfile.TemporaryDirectory() as scratch:
                        source = Path(scratch, "pictures")
                        if about in done or not draw(folder, size, seed, source):
                            continue
                        found = {"cell": about} | cell(source, flags, seed, Path(scratch))
                    with chosen.table.open("a") as file:
                        file.write(json.dumps(found) + "\n")
                    print(*about, found["accuracy"], found["seconds"], flush=True)


class Cell:
    """A line of the table."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.backbone, self.folder, self.size, self.seed = row["cell"]
        self.accuracy, self.tested = row["accuracy"], row["tested"]
        self.seconds, self.forecast = row["seconds"], row["forecast"]
        facts = row["evidence"]
        self.heads = [HeadEvidence(**head) for head in facts["heads"][:3]]
        self.evidence = Evidence(
            facts["n_train"],
            facts["n_classes"],
            facts["similarity"],
            heads=tuple(self.heads),
            lift=0.8 ** facts["slope"],
            n_tested=self.tested,
        )

    def reached(self, option: Option) -> float:
        """Test accuracy of an option."""
        if option.policy is not Policy.LINEAR_HEAD:
            return float(self.accuracy[str(option.policy)])
        names = ("last", "best", "several")
        place = [head.head_on for head in self.heads].index(option.head_on)
        return float(self.accuracy[names[place]])


def fit(cells: list[Cell], policy: Policy) -> tuple[float, ...]:
    """Ridge regression of the logarithm of tuned error over head error."""
    half = np.array([0.5 / cell.tested for cell in cells])
    base = np.array([options.base_error(cell.evidence) for cell in cells]) + half
    tuned = np.array([1 - cell.accuracy[str(policy)] for cell in cells]) + half
    x = np.stack([options.circumstances(cell.evidence) for cell in cells])
    # An error counted on few mistakes is uncertain in its logarithm.
    weight = np.array([cell.tested for cell in cells]) * base
    gram = x.T @ (weight[:, None] * x) + RIDGE * weight.sum() * np.diag([0, 1, 1, 1, 1])
    found = np.linalg.solve(gram, x.T @ (weight * np.log(tuned / base)))
    return tuple(float(f"{value:.3g}") for value in found)


def spread(cells: list[Cell], policy: Policy) -> float:
    """The least spread with which intervals hold what was reached as often as they say."""
    for value in np.arange(0, 1, 0.01):
        options.SPREAD[policy] = float(value)
        if coverage(cells, policy) >= options.COVERED:
            break
    return round(float(value), 2)


def coverage(cells: list[Cell], policy: Policy) -> float:
    inside = [
        one.low - 1e-9 <= cell.reached(one) <= one.high + 1e-9
        for cell in cells
        for one in options.weigh(cell.evidence)
        if one.policy is policy
    ]
    return float(np.mean(inside))


def score(chosen: argparse.Namespace) -> None:
    """Fit on all folders but one, judge on that one, and print how it went."""
    cells = [Cell(row) for row in read_table(chosen.table)]
    folders = sorted({cell.folder for cell in cells})
    taken: dict[tuple[Any, ...], list[tuple[Cell, Option]]] = defaultdict(list)
    covered: dict[Policy, list[float]] = defaultdict(list)
    for folder in folders:
        others = [cell for cell in cells if cell.folder != folder]
        settle(others)
        for cell in (cell for cell in cells if cell.folder == folder):
            found = options.choose(options.weigh(cell.evidence))
            taken[cell.backbone, cell.folder, cell.size].append((cell, found))
            for policy in (Policy.LINEAR_HEAD, *options.WEIGHTS):
                covered[policy].append(coverage([cell], policy))
    regrets = {place: regret(pairs) for place, pairs in taken.items()}
    rules: dict[str, list[float]] = {"advice": list(regrets.values())}
    for name in POLICIES:
        rules[name] = [fixed(pairs, name) for pairs in taken.values()]
    print(f"{len(cells)} cells, {len(regrets)} places after averaging seeds; points of accuracy")
    print("| rule | mean regret | worst |\n|---|---|---|")
    for name, values in sorted(rules.items(), key=lambda rule: np.mean(rule[1])):
        print(f"| {name} | {100 * np.mean(values):.2f} | {100 * max(values):.1f} |")
    print("worst places:")
    for place, value in sorted(regrets.items(), key=lambda item: -item[1])[:8]:
        pairs = taken[place]
        names = ", ".join(one.name for _, one in pairs)
        means = {
            name: round(float(np.mean([c.accuracy[name] for c, _ in pairs])), 3)
            for name in POLICIES
        }
        print(f"  {100 * value:4.1f}  {place}: {names}; {means}")
    for policy, inside in covered.items():
        print(f"interval of {policy} holds {np.mean(inside):.1%}")
    times = np.array([c.seconds[n] / c.forecast[n] for c in cells for n in ("top_stages", "deep")])
    print(f"time within a factor of 1.5: {np.mean(abs(np.log(times)) < np.log(1.5)):.1%}")
    settle(cells)
    print(f"fitted on all: {options.WEIGHTS}\nspread: {options.SPREAD}")


def settle(cells: list[Cell]) -> None:
    for policy in options.WEIGHTS:
        options.WEIGHTS[policy] = fit(cells, policy)
    for policy in options.SPREAD:
        options.SPREAD[policy] = spread(cells, policy)


def regret(pairs: list[tuple[Cell, Option]]) -> float:
    """Best mean accuracy over the seeds minus that of what was chosen for each."""
    best = max(np.mean([cell.accuracy[name] for cell, _ in pairs]) for name in POLICIES)
    return float(best - np.mean([cell.reached(one) for cell, one in pairs]))


def fixed(pairs: list[tuple[Cell, Option]], name: str) -> float:
    means = {n: np.mean([cell.accuracy[n] for cell, _ in pairs]) for n in POLICIES}
    return float(max(means.values()) - means[name])


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
    runner.add_argument("--only", type=lambda text: text.split(","), default=[])
    runner.add_argument("--image-size", type=int, default=128)
    runner.set_defaults(act=run)
    judge = parts.add_parser("score")
    judge.add_argument("table", type=Path)
    judge.set_defaults(act=score)
    chosen = parser.parse_args()
    chosen.act(chosen)


if __name__ == "__main__":
    main()
