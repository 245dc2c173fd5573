"""A comparison of runs as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from tlearn.commands.compare import ClassRow, Comparison, main_score
from tlearn.data.targets import CLASSES, LABELS, NUMBER, ONE_CLASS
from tlearn.errors import TlearnError, quoted
from tlearn.evaluation.chart_style import chart_style
from tlearn.evaluation.charts import accuracy_by_price
from tlearn.evaluation.figures import PAGE, inline_svg
from tlearn.evaluation.metrics import Report
from tlearn.evaluation.page import render_page
from tlearn.evaluation.target_scores import TargetReport, main_interval
from tlearn.evaluation.wording import (
    gain_in_words,
    percent,
    percent_interval,
    policy_in_words,
    score_in_words,
    setting_in_words,
    significant,
)
from tlearn.storage.atomic import ensure_writable_file, write_atomic

_HINT = "name another file: --html FILE.html"
_SUFFIXES = (".html", ".htm")


def run_letters(n: int) -> list[str]:
    """Return short names for n runs: A to Z, then A2 to Z2, and so on."""
    return [
        ascii_uppercase[index % 26] + (str(index // 26 + 1) if index >= 26 else "")
        for index in range(n)
    ]


def plan_value(key: str, value: Any) -> str:
    """Return a value of a plan as a person writes it.

    Args:
        key: Its flat name.
        value: What the plan holds.
    """
    return policy_in_words(value) if key == "policy" else setting_in_words(value)


def export_sizes(comparison: Comparison) -> dict[str, list[int | None]]:
    """Return the name of each exported file with its size in each run, None where it has none."""
    names = sorted({name for run in comparison.runs for name in run.exports})
    return {name: [run.exports.get(name) for run in comparison.runs] for name in names}


def best_recall(row: ClassRow) -> float | None:
    """Return the highest recall of a class; None where all runs are alike."""
    shares = [share for share in row.recall if share is not None]
    return max(shares) if len(set(shares)) > 1 else None


@dataclass(frozen=True)
class Wording:
    """How scores of a task are written.

    Attributes:
        score: What the score is, for the head of a column.
        unit: What a gain is counted in.
        per_class: What is told of each class or label.
    """

    task: str
    score: str
    unit: str
    per_class: str

    def value(self, score: float | None) -> str:
        """Return a score in words."""
        return "-" if score is None else score_in_words(score, self.task == NUMBER)

    def interval(self, ends: tuple[float, float] | None) -> str:
        """Return its interval in words."""
        if ends is None:
            return "-"
        if self.task == NUMBER:
            return " to ".join(map(significant, ends))
        return percent_interval(*ends)

    def gain(self, difference: float) -> str:
        """Return a gain in words, with its sign."""
        return gain_in_words(difference, self.task == NUMBER)


def wording_of(comparison: Comparison) -> Wording:
    """Return how the scores of runs are written."""
    name = comparison.runs[0].plan.split.classes[0]
    return {
        CLASSES: Wording(CLASSES, "accuracy", "points", "share answered right"),
        LABELS: Wording(LABELS, "mean average precision", "points", "average precision"),
        NUMBER: Wording(NUMBER, f"mean error of {name}", f"units of {name}", ""),
        ONE_CLASS: Wording(ONE_CLASS, "area under ROC", "points", ""),
    }[comparison.task]


def score_interval(report: Report | TargetReport) -> tuple[float, float] | None:
    """Return the 95% interval of the score that stands for all."""
    return report.interval if isinstance(report, Report) else main_interval(report)


def verdicts(comparison: Comparison) -> list[str]:
    """Return a sentence for each run but the first, or why the runs cannot be paired."""
    if not comparison.paired:
        return [f"{comparison.note[:1].upper()}{comparison.note[1:]}."]
    first, *others = run_letters(len(comparison.runs))
    images = f"the {comparison.n_common:,} images held out in every run"
    sentences = []
    told = wording_of(comparison)
    for letter, row in zip(others, comparison.paired[1:], strict=True):
        low, high, gain = (_signed(told, value) for value in (*row.interval, row.gain))
        gain = f"{gain} {told.unit}"
        text = f"{letter} and {first} cannot be told apart on {images}: {gain}"
        if row.is_clear and comparison.task != CLASSES:
            better = "better" if row.gain > 0 else "worse"
            text = f"{letter} is {better} than {first} on {images}, in {told.score}: {gain}"
        elif row.is_clear:
            more = "more" if row.gain > 0 else "fewer"
            text = f"{letter} is right on {abs(100 * row.gain):.1f} points {more} than {first}"
            text += f" of {images}"
        sentences.append(f"{text}, 95% interval {low} to {high}.")
    return sentences


def check_page(path: Path) -> None:
    """Refuse a path that is not for a page, before it takes the place of something else.

    Raises:
        TlearnError: The name does not end as that of a page does, or it cannot be written.
    """
    ensure_writable_file(path, _HINT)
    if path.suffix.lower() not in _SUFFIXES:
        raise TlearnError(f"{quoted(path)} is no name of an HTML page", "end it: --html FILE.html")


def write_page(path: Path, comparison: Comparison) -> None:
    """Write a comparison as a page.

    Args:
        path: The page; one that exists is replaced.
        comparison: What `compare` returned.

    Raises:
        TlearnError: The path is not for a page.
        HostError: It cannot be written.
    """
    check_page(path)
    told = wording_of(comparison)
    values = {
        "comparison": comparison,
        "told": told,
        "scores": [(main_score(run.report), score_interval(run.report)) for run in comparison.runs],
        "letters": run_letters(len(comparison.runs)),
        "verdicts": verdicts(comparison),
        "differences": _differences(comparison.differences),
        "chart": _chart(comparison),
        "exports": export_sizes(comparison),
        "classes": [(row, best_recall(row)) for row in comparison.classes],
        "version": version("tlearn"),
        "written": f"{datetime.now():%d %B %Y, %H:%M}",
    }
    filters: dict[str, Callable[..., Any]] = {
        "percent": percent,
        "megabytes": _megabytes,
        "gain": partial(_signed, told),
    }
    write_atomic(path, render_page("tlearn.commands", "compare.html.j2", filters, values), _HINT)


def _chart(comparison: Comparison) -> str:
    """Return accuracy against time as markup; nothing where a run has no accuracy, or no time."""
    from markupsafe import Markup

    letters = run_letters(len(comparison.runs))
    rows = [
        (f"{letter} {policy_in_words(run.plan.policy)}", run.report, run.seconds)
        for letter, run in zip(letters, comparison.runs, strict=True)
        if run.seconds and isinstance(run.report, Report)
    ]
    if len(rows) < len(letters):
        return ""
    with chart_style():
        return Markup(inline_svg(accuracy_by_price(rows, PAGE), "price"))


def _differences(values: Mapping[str, Sequence[Any]]) -> dict[str, list[str]]:
    return {
        key.replace("_", " "): [plan_value(key, value) for value in row]
        for key, row in values.items()
    }


def _signed(told: Wording, gain: float) -> str:
    return told.gain(gain).replace("-", "\N{MINUS SIGN}")


def _megabytes(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.2f} MB"
