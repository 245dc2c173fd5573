"""Fit the constants of the forecast to the table of trials, and judge the advice elsewhere."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import lsq_linear

from tlearn.data.sampling import FOLDS
from tlearn.suggestion import accuracy_forecast
from tlearn.suggestion.accuracy_forecast import Option
from tlearn.suggestion.decision import pick_option
from tlearn.suggestion.matrix import LITTLE, Evidence, HeadEvidence, Policy

OTHER = "other"
"""Stands for the best stage but the last, by cross-validation."""

POLICIES: dict[str, dict[str, Any]] = {
    "last": {"policy": "linear_head", "head_stages": "last"},
    "best": {"policy": "linear_head", "head_stages": "best"},
    "last3": {"policy": "linear_head", "head_stages": "last3"},
    "top_stages_cut": {"policy": "top_stages", "head_stages": OTHER},
    "top_stages": {"policy": "top_stages"},
    "top_stages_last3": {"policy": "top_stages", "head_stages": "last3"},
    "deep_last3": {"policy": "deep", "head_stages": "last3"},
    "deep_cut": {"policy": "deep", "head_stages": OTHER},
    "deep": {"policy": "deep"},
}
"""What is trained in each cell: name in the table to recipe keys."""

RIDGE, GAIN_RIDGE = 0.1, 0.3
UPPER_BOUNDS = (np.inf, 0, 0, np.inf, np.inf, np.inf)
"""On the coefficients. That more images make tuning worse may be found among ten and 25 per class,
but must not be extrapolated to hundreds, which the table hardly has."""
DISAGREEMENT = 0.15
"""Approximate share of test images that exactly one of two heads gets right."""


def read_table(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a table, the last one of each cell."""
    lines = path.read_text().splitlines() if path.exists() else []
    rows = (_with_current_names(json.loads(line)) for line in lines)
    return list({tuple(row["cell"]): row for row in rows}.values())


def _with_current_names(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with today's names; tables of the first version say `several` and `head_on`."""
    for column in {"accuracy", "seconds", "forecast"} & row.keys():
        row[column] = {k.replace("several", "last3"): v for k, v in row[column].items()}
    for head in row["evidence"]["heads"]:
        head["head_stages"] = head.pop("head_on", head.get("head_stages"))
    return row


class Cell:
    """One row of the table: a backbone on a sample of a folder, with every policy trained.

    Args:
        row: From `read_table`.
    """

    def __init__(self, row: dict[str, Any]) -> None:
        self.backbone, self.folder, self.size, self.seed = row["cell"]
        self.accuracy, self.tested = row["accuracy"], row["tested"]
        self.seconds, self.forecast = row["seconds"], row["forecast"]
        self.stages = row["stage_accuracies"]
        evidence = row["evidence"]
        self.heads = [HeadEvidence(**head) for head in evidence["heads"]]
        self.evidence = Evidence(
            evidence["n_train"],
            evidence["n_classes"],
            evidence["similarity"],
            heads=tuple(self.heads),
            learning_curve_correction=(1 - 1 / FOLDS) ** evidence["slope"],
            n_tested=self.tested,
        )

    def reached(self, option: Option) -> float:
        """Return the test accuracy of an option."""
        if option.policy is Policy.LINEAR_HEAD:
            return self.head_accuracy(option.head_stages)
        return self.tuned_accuracy(option.policy, option.head_stages)

    def timed(self, option: Option) -> Option:
        """Return an option with the seconds that were forecast for it."""
        solved = option.policy is Policy.LINEAR_HEAD
        column = "last" if solved else tuned_column(option.policy, option.head_stages)
        return replace(option, seconds=self.forecast[column])

    def tuned_accuracy(self, policy: Policy, head_stages: str) -> float:
        """Return the test accuracy of a policy that started from a head on these stages."""
        return float(self.accuracy[tuned_column(policy, head_stages)])

    def head_accuracy(self, head_stages: str) -> float:
        """Return the test accuracy of a linear head on these stages."""
        if "," in head_stages:
            return float(self.accuracy["last3"])
        return float(self.stages[-1 if head_stages == "last" else int(head_stages) - 1])


def tuned_column(policy: Policy, head_stages: str) -> str:
    """Return the name in the table of a policy that started from a head on these stages."""
    if "," in head_stages:
        return f"{policy}_last3"
    return str(policy) + "_cut" * (head_stages != "last")


Pair = tuple[Cell, Option]
"""A cell, and one way to train in it."""

Advised = dict[tuple[Any, ...], list[Pair]]
"""Backbone, folder and size to the option that the advice chose there, one pair a seed."""


def fit_gains(cells: list[Cell], multi_stage: bool) -> tuple[tuple[float, ...], float]:
    """Return the prior mean's coefficients and its standard deviation.

    Ridge regression of the gains on tests of heads on one other stage, or on several; the variance
    is that of the residuals less what the size of the tests explains.
    """
    pairs = [(c, h) for c in cells for h in c.heads[1:] if ("," in h.head_stages) is multi_stage]
    x = np.stack([accuracy_forecast.gain_covariates(c.evidence, head) for c, head in pairs])
    gains = np.array([c.head_accuracy(head.head_stages) - c.stages[-1] for c, head in pairs])
    coefficients = np.linalg.solve(x.T @ x + GAIN_RIDGE * np.eye(4), x.T @ gains)
    residual = np.square(gains - x @ coefficients).mean()
    chance = np.mean([DISAGREEMENT / cell.tested for cell, _ in pairs])
    sd = float(np.sqrt(max(residual - chance, 0.02**2)))
    return tuple(float(f"{value:.3g}") for value in coefficients), round(sd, 3)


def fit_tuning(cells: list[Cell], policy: Policy) -> tuple[float, ...]:
    """Return the coefficients of a policy's covariates.

    Weighted ridge regression of the log ratio of the tuned error to the starting head's.
    """
    starts = [
        (cell, start)
        for cell in cells
        for tuned_policy, start in accuracy_forecast.tuning_starts(cell.evidence)
        if tuned_policy is policy
    ]
    expected = accuracy_forecast.expected_accuracy
    half = np.array([0.5 / cell.tested for cell, _ in starts])
    base = np.array([1 - expected(cell.evidence, start) for cell, start in starts]) + half
    tuned = np.array([1 - c.tuned_accuracy(policy, s.head_stages) for c, s in starts]) + half
    x = np.stack([accuracy_forecast.tuning_covariates(c.evidence, start) for c, start in starts])
    # The logarithm of an error that was counted on few mistakes is uncertain.
    weight = np.array([cell.tested for cell, _ in starts]) * base
    ridge = np.sqrt(RIDGE * weight.sum()) * np.eye(x.shape[1])[1:]
    rows = np.concatenate([np.sqrt(weight)[:, None] * x, ridge])
    targets = np.concatenate([np.sqrt(weight) * np.log(tuned / base), np.zeros(len(ridge))])
    coefficients = lsq_linear(rows, targets, (-np.inf, UPPER_BOUNDS)).x
    return tuple(round(float(value), 4) + 0.0 for value in coefficients)  # no minus zero


def fit_model_sd(pairs: list[Pair], policy: Policy) -> None:
    """Set the smallest `MODEL_SD` with which intervals cover as often as they claim."""
    for value in np.arange(0, 1, 0.01):
        accuracy_forecast.MODEL_SD[policy] = round(float(value), 2)
        if coverage(pairs, policy) >= accuracy_forecast.INTERVAL_COVERAGE:
            break


def coverage(pairs: list[Pair], policy: Policy) -> float:
    """Return how often the intervals of a policy cover the test accuracy."""
    half_width = accuracy_forecast.interval_half_width
    covered = [
        abs(cell.reached(option) - option.accuracy)
        <= half_width(cell.evidence, policy, option.accuracy)
        for cell, option in pairs
        if option.policy is policy
    ]
    return float(np.mean(covered))


def fit_coefficients(cells: list[Cell]) -> None:
    """Fit the constants of `tlearn.suggestion.accuracy_forecast`, in place."""
    for multi_stage in accuracy_forecast.STAGE_GAIN_COEF:
        coefficients, sd = fit_gains(cells, multi_stage)
        accuracy_forecast.STAGE_GAIN_COEF[multi_stage] = coefficients
        accuracy_forecast.STAGE_GAIN_SD[multi_stage] = sd
    for policy in accuracy_forecast.TUNING_COEF:
        accuracy_forecast.TUNING_COEF[policy] = fit_tuning(cells, policy)


def score(table: Path) -> None:
    """Fit on all folders but one, judge on that one, and print the results of all."""
    cells = [Cell(row) for row in read_table(table)]
    advised: Advised = defaultdict(list)
    cheaper: dict[str, Advised] = {name: defaultdict(list) for name in ("balanced", "fast")}
    forecasts: dict[str, list[Pair]] = defaultdict(list)
    for folder in sorted({cell.folder for cell in cells}):
        fit_coefficients([cell for cell in cells if cell.folder != folder])
        for cell in (cell for cell in cells if cell.folder == folder):
            options = [*map(cell.timed, accuracy_forecast.forecast_options(cell.evidence))]
            forecasts[folder] += [(cell, option) for option in options]
            best = pick_option(options)
            place = cell.backbone, cell.folder, cell.size
            advised[place].append((cell, best))
            for name, chosen in cheaper.items():
                chosen[place].append((cell, pick_option(options, name)))
    print(f"{len(cells)} cells, {len(advised)} places after averaging seeds; points of accuracy")
    print_rules(advised)
    print_prices({"accurate": advised, **cheaper})
    print_worst(advised)
    print_intervals(forecasts)
    print_matrix(cells)
    times = np.array([c.seconds[n] / c.forecast[n] for c in cells for n in ("top_stages", "deep")])
    print(f"time within a factor of 1.5: {np.mean(abs(np.log(times)) < np.log(1.5)):.1%}")
    fit_coefficients(cells)
    gain, sd = accuracy_forecast.STAGE_GAIN_COEF, accuracy_forecast.STAGE_GAIN_SD
    print(f"fitted on all: {gain} {sd} {accuracy_forecast.TUNING_COEF}")
    print(f"model SD: {accuracy_forecast.MODEL_SD}")


def print_rules(advised: Advised) -> None:
    """Print the regret of the advice and of fixed policies, and the gain of hindsight."""
    rules = {"advice": [regret(pairs) for pairs in advised.values()]}
    rules |= {name: [fixed_regret(p, name) for p in advised.values()] for name in POLICIES}
    print("| rule | mean regret | worst |\n|---|---|---|")
    for name, values in sorted(rules.items(), key=lambda rule: np.mean(rule[1])):
        print(f"| {name} | {100 * np.mean(values):.2f} | {100 * max(values):.1f} |")
    for n_seeds in sorted({len(pairs) for pairs in advised.values()}):
        values = [100 * regret(pairs) for pairs in advised.values() if len(pairs) == n_seeds]
        mean, worst = np.mean(values), max(values)
        print(f"{len(values)} places, {n_seeds} seeds: {mean:.2f}, worst {worst:.1f}")
    gain = 100 * np.mean([gain for pairs in advised.values() for gain in hindsight_gains(pairs)])
    print(f"what won with other images of the folder gains {gain:.2f} on the advice")


def print_prices(preferred: dict[str, Advised]) -> None:
    """Print what each preference of `auto` costs in accuracy, and takes in time."""
    print(f"| prefer | mean regret | worst | seconds | solved heads |\n{'|---' * 5}|")
    for name, advised in preferred.items():
        values = [100 * regret(pairs) for pairs in advised.values()]
        options = [option for pairs in advised.values() for _, option in pairs]
        seconds = np.mean([option.seconds or 0.0 for option in options])
        solved = np.mean([option.measured for option in options])
        row = f"{np.mean(values):.2f} | {max(values):.1f} | {seconds:.0f} | {solved:.0%}"
        print(f"| {name} | {row} |")


def print_worst(advised: Advised, most: int = 8) -> None:
    """Print where the regret of the advice was largest."""
    print("worst places:")
    for place, pairs in sorted(advised.items(), key=lambda item: -regret(item[1]))[:most]:
        names = ", ".join(option.name for _, option in pairs)
        means = {name: round(float(value), 3) for name, value in mean_accuracies(pairs).items()}
        print(f"  {100 * regret(pairs):4.1f}  {place}: {names}; {means}")


def print_intervals(forecasts: dict[str, list[Pair]]) -> None:
    """Print the coverage of intervals on folders that were not fitted; fit `MODEL_SD` to all."""
    for policy in accuracy_forecast.MODEL_SD:
        covered = []
        for folder, pairs in forecasts.items():
            others = [pair for o, rest in forecasts.items() if o != folder for pair in rest]
            fit_model_sd(others, policy)
            covered.append(coverage(pairs, policy))
        print(f"interval of {policy} covers {np.mean(covered):.1%}")
        fit_model_sd([pair for pairs in forecasts.values() for pair in pairs], policy)


SHOWN = ("best", "last3", "top_stages_last3", "deep_last3")


def print_matrix(cells: list[Cell]) -> None:
    """Print the mean points over a head on the last stage, in the four fields of the matrix."""
    print(f"| over a head on top | cells | {' | '.join(SHOWN)} |\n|---{'|---' * 5}|")
    for similar in (True, False):
        for little in (True, False):
            accuracies = [
                cell.accuracy
                for cell in cells
                if cell.evidence.similar is similar and (cell.evidence.n_train < LITTLE) is little
            ]
            size, likeness = "little" if little else "a lot", "like" if similar else "unlike"
            gains = (100 * np.mean([row[n] - row["last"] for row in accuracies]) for n in SHOWN)
            columns = " | ".join(f"{gain:+.1f}" for gain in gains)
            print(f"| {size}, {likeness} the source | {len(accuracies)} | {columns} |")


def mean_accuracies(pairs: list[Pair]) -> dict[str, np.floating]:
    """Return the mean accuracy of every policy over the seeds."""
    return {name: np.mean([cell.accuracy[name] for cell, _ in pairs]) for name in POLICIES}


def regret(pairs: list[Pair]) -> float:
    """Return the best mean accuracy over the seeds minus that of what was chosen for each."""
    chosen = np.mean([cell.reached(option) for cell, option in pairs])
    return float(max(mean_accuracies(pairs).values()) - chosen)


def fixed_regret(pairs: list[Pair], name: str) -> float:
    """Return the regret of always choosing one policy."""
    means = mean_accuracies(pairs)
    return float(max(means.values()) - means[name])


def hindsight_gains(pairs: list[Pair]) -> list[float]:
    """Return what the policy that won on the other seeds gains over the advice, on each seed.

    No rule can be expected to gain more: the best policy of a single test is partly selection
    noise, of which this is free.
    """
    gains = []
    for cell, option in pairs:
        others = [other for other, _ in pairs if other is not cell]
        if others:
            best = max(POLICIES, key=lambda name: sum(other.accuracy[name] for other in others))
            gains.append(cell.accuracy[best] - cell.reached(option))
    return gains
