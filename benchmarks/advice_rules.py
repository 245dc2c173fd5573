"""The oracle's table: what advice would have chosen, thresholds fitted leaving one folder out."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import lsq_linear

from tlearn.data.sampling import FOLDS
from tlearn.suggestion import accuracy_forecast as options
from tlearn.suggestion.accuracy_forecast import Option
from tlearn.suggestion.matrix import LITTLE, Evidence, HeadEvidence, Policy

OTHER = "other"
"""Stands for the best stage by cross-validation but the last."""

POLICIES: dict[str, dict[str, Any]] = {
    "last": {"policy": "linear_head", "head_stages": "last"},
    "best": {"policy": "linear_head", "head_stages": "best"},
    "several": {"policy": "linear_head", "head_stages": "several"},
    "top_stages_cut": {"policy": "top_stages", "head_stages": OTHER},
    "top_stages": {"policy": "top_stages"},
    "top_stages_several": {"policy": "top_stages", "head_stages": "several"},
    "deep_several": {"policy": "deep", "head_stages": "several"},
    "deep_cut": {"policy": "deep", "head_stages": OTHER},
    "deep": {"policy": "deep"},
}
RIDGE, GAIN_RIDGE = 0.1, 0.3
HIGHEST = (np.inf, 0, 0, np.inf, np.inf, np.inf)
"""Of the weights. That more pictures make tuning worse may be found among ten and 25 a class, but
is not to be believed of hundreds, which the table hardly has."""
DISAGREE = 0.15
"""Share of test pictures that one of two heads gets right and the other does not, about."""


def read_table(path: Path) -> list[dict[str, Any]]:
    """Lines of the table, the last one of each cell."""
    lines = path.read_text().splitlines() if path.exists() else []
    rows = {tuple(row["cell"]): row for row in map(json.loads, lines)}
    return list(rows.values())


class Cell:
    """A line of the table."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.backbone, self.folder, self.size, self.seed = row["cell"]
        self.accuracy, self.tested = row["accuracy"], row["tested"]
        self.seconds, self.forecast = row["seconds"], row["forecast"]
        facts = row["evidence"]
        self.stages = row["stage_accuracies"]
        self.heads = [HeadEvidence(**head) for head in facts["heads"]]
        self.evidence = Evidence(
            facts["n_train"],
            facts["n_classes"],
            facts["similarity"],
            heads=tuple(self.heads),
            learning_curve_correction=(1 - 1 / FOLDS) ** facts["slope"],
            n_tested=self.tested,
        )

    def reached(self, option: Option) -> float:
        """Test accuracy of an option."""
        if option.policy is not Policy.LINEAR_HEAD:
            return float(self.accuracy[_tuned_name(option.policy, option.head_stages)])
        return self.of(option.head_stages)

    def tuned(self, policy: Policy, start: HeadEvidence) -> float:
        """Test accuracy of a policy that began with this head."""
        return float(self.accuracy[_tuned_name(policy, start.head_stages)])

    def of(self, head_stages: str) -> float:
        """Test accuracy of a head."""
        if "," in head_stages:
            return float(self.accuracy["several"])
        return float(self.stages[-1 if head_stages == "last" else int(head_stages) - 1])


def _tuned_name(policy: Policy, head_stages: str) -> str:
    if "," in head_stages:
        return f"{policy}_several"
    return str(policy) + "_cut" * (head_stages != "last")


Pair = tuple[Cell, Option]
"""A cell, and one way to train in it."""


def fit_gains(cells: list[Cell], several: bool) -> tuple[tuple[float, ...], float]:
    """Ridge regression of what heads on other stages gained on tests, and what is left over."""
    pairs = [(c, h) for c in cells for h in c.heads[1:] if ("," in h.head_stages) is several]
    x = np.stack([options.gain_covariates(cell.evidence, head) for cell, head in pairs])
    gains = np.array([cell.of(head.head_stages) - cell.stages[-1] for cell, head in pairs])
    found = np.linalg.solve(x.T @ x + GAIN_RIDGE * np.eye(4), x.T @ gains)
    left = np.square(gains - x @ found).mean()
    chance = np.mean([DISAGREE / cell.tested for cell, _ in pairs])
    doubt = float(np.sqrt(max(left - chance, 0.02**2)))
    return tuple(float(f"{value:.3g}") for value in found), round(doubt, 3)


def fit(cells: list[Cell], policy: Policy) -> tuple[float, ...]:
    """Ridge regression of the logarithm of tuned error over the error of the head it began with."""
    ways = [
        (cell, start)
        for cell in cells
        for way, start in options.tuned_ways(cell.evidence)
        if way is policy
    ]
    half = np.array([0.5 / cell.tested for cell, _ in ways])
    base = (
        np.array([1 - options.expected_accuracy(cell.evidence, start) for cell, start in ways])
        + half
    )
    tuned = np.array([1 - cell.tuned(policy, start) for cell, start in ways]) + half
    x = np.stack([options.tuning_covariates(cell.evidence, start) for cell, start in ways])
    # An error counted on few mistakes is uncertain in its logarithm.
    weight = np.array([cell.tested for cell, _ in ways]) * base
    ridge = np.sqrt(RIDGE * weight.sum()) * np.eye(x.shape[1])[1:]
    rows = np.concatenate([np.sqrt(weight)[:, None] * x, ridge])
    wanted = np.concatenate([np.sqrt(weight) * np.log(tuned / base), np.zeros(len(ridge))])
    found = lsq_linear(rows, wanted, (-np.inf, HIGHEST)).x
    return tuple(round(float(value), 4) + 0.0 for value in found)  # no minus zero


def spread(pairs: list[Pair], policy: Policy) -> float:
    """The least spread with which intervals hold what was reached as often as they say."""
    for value in np.arange(0, 1, 0.01):
        options.MODEL_SD[policy] = round(float(value), 2)
        if coverage(pairs, policy) >= options.INTERVAL_COVERAGE:
            break
    return options.MODEL_SD[policy]


def coverage(pairs: list[Pair], policy: Policy) -> float:
    inside = [
        abs(cell.reached(one) - one.accuracy)
        <= options.interval_half_width(cell.evidence, policy, one.accuracy)
        for cell, one in pairs
        if one.policy is policy
    ]
    return float(np.mean(inside))


Taken = dict[tuple[Any, ...], list[Pair]]
"""Backbone, folder and size to what the advice took there, a pair a seed."""


def score(table: Path) -> None:
    """Fit on all folders but one, judge on that one, and print how it went."""
    cells = [Cell(row) for row in read_table(table)]
    taken: Taken = defaultdict(list)
    weighed: dict[str, list[Pair]] = defaultdict(list)
    for folder in sorted({cell.folder for cell in cells}):
        settle([cell for cell in cells if cell.folder != folder])
        for cell in (cell for cell in cells if cell.folder == folder):
            ways = options.forecast_options(cell.evidence)
            weighed[folder] += [(cell, one) for one in ways]
            taken[cell.backbone, cell.folder, cell.size].append((cell, options.pick_best(ways)))
    print(f"{len(cells)} cells, {len(taken)} places after averaging seeds; points of accuracy")
    print_rules(taken)
    print_places(taken)
    print_intervals(weighed)
    print_matrix(cells)
    times = np.array([c.seconds[n] / c.forecast[n] for c in cells for n in ("top_stages", "deep")])
    print(f"time within a factor of 1.5: {np.mean(abs(np.log(times)) < np.log(1.5)):.1%}")
    settle(cells)
    print(f"fitted on all: {options.STAGE_GAIN_COEF} {options.STAGE_GAIN_SD} {options.TUNING_COEF}")
    print(f"spread: {options.MODEL_SD}")


def print_rules(taken: Taken) -> None:
    """Regret of the advice and of fixed ways, and how much of it is luck of the best."""
    rules = {"advice": [regret(pairs) for pairs in taken.values()]}
    rules |= {name: [fixed(pairs, name) for pairs in taken.values()] for name in POLICIES}
    print("| rule | mean regret | worst |\n|---|---|---|")
    for name, values in sorted(rules.items(), key=lambda rule: np.mean(rule[1])):
        print(f"| {name} | {100 * np.mean(values):.2f} | {100 * max(values):.1f} |")
    for n_seeds in sorted({len(pairs) for pairs in taken.values()}):
        some = [100 * regret(pairs) for pairs in taken.values() if len(pairs) == n_seeds]
        print(f"{len(some)} places, {n_seeds} seeds: {np.mean(some):.2f}, worst {max(some):.1f}")
    known = 100 * np.mean([gain for pairs in taken.values() for gain in hindsight(pairs)])
    print(f"what won with other pictures of the folder gains {known:.2f} on the advice")


def print_places(taken: Taken, most: int = 8) -> None:
    """Where the advice was worst."""
    print("worst places:")
    for gain_covariates, pairs in sorted(taken.items(), key=lambda item: -regret(item[1]))[:most]:
        names = ", ".join(one.name for _, one in pairs)
        means = {
            name: round(float(np.mean([c.accuracy[name] for c, _ in pairs])), 3)
            for name in POLICIES
        }
        print(f"  {100 * regret(pairs):4.1f}  {gain_covariates}: {names}; {means}")


def print_intervals(weighed: dict[str, list[Pair]]) -> None:
    """How often intervals hold on folders that did not fit them; leaves the spread of all."""
    for policy in options.MODEL_SD:
        held = []
        for folder, pairs in weighed.items():
            spread([pair for o, some in weighed.items() if o != folder for pair in some], policy)
            held.append(coverage(pairs, policy))
        print(f"interval of {policy} holds {np.mean(held):.1%}")
        spread([pair for pairs in weighed.values() for pair in pairs], policy)


SHOWN = ("best", "several", "top_stages_several", "deep_several")


def print_matrix(cells: list[Cell]) -> None:
    """Mean points over a head on the last stage, in the four fields of the textbook's matrix."""
    print(f"| over a head on top | cells | {' | '.join(SHOWN)} |\n|---{'|---' * 5}|")
    for alike in (True, False):
        for little in (True, False):
            some = [
                cell.accuracy
                for cell in cells
                if (cell.evidence.similarity >= 0.5) is alike
                and (cell.evidence.n_train < LITTLE) is little
            ]
            words = f"{'little' if little else 'a lot'}, {'like' if alike else 'unlike'} the source"
            gains = (100 * np.mean([one[name] - one["last"] for one in some]) for name in SHOWN)
            print(f"| {words} | {len(some)} | {' | '.join(f'{gain:+.1f}' for gain in gains)} |")


def settle(cells: list[Cell]) -> None:
    for several in options.STAGE_GAIN_COEF:
        options.STAGE_GAIN_COEF[several], options.STAGE_GAIN_SD[several] = fit_gains(cells, several)
    for policy in options.TUNING_COEF:
        options.TUNING_COEF[policy] = fit(cells, policy)


def regret(pairs: list[Pair]) -> float:
    """Best mean accuracy over the seeds minus that of what was chosen for each."""
    best = max(np.mean([cell.accuracy[name] for cell, _ in pairs]) for name in POLICIES)
    return float(best - np.mean([cell.reached(one) for cell, one in pairs]))


def hindsight(pairs: list[Pair]) -> list[float]:
    """Accuracy of the way that won on the other seeds, on each seed, minus that of the advice.

    No rule can be expected to gain more: best ways of one test are in part luck, and this is free
    of it.
    """
    found = []
    for cell, one in pairs:
        others = [other for other, _ in pairs if other is not cell]
        if others:
            best = max(POLICIES, key=lambda name: sum(other.accuracy[name] for other in others))
            found.append(cell.accuracy[best] - cell.reached(one))
    return found


def fixed(pairs: list[Pair], name: str) -> float:
    means = {n: np.mean([cell.accuracy[n] for cell, _ in pairs]) for n in POLICIES}
    return float(max(means.values()) - means[name])
