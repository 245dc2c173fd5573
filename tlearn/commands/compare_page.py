"""A comparison of runs as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from tlearn.commands.compare import ClassRow, Comparison
from tlearn.errors import TlearnError, quoted
from tlearn.evaluation.chart_style import chart_style
from tlearn.evaluation.charts import accuracy_by_price
from tlearn.evaluation.figures import PAGE, inline_svg
from tlearn.evaluation.page import render_page
from tlearn.evaluation.wording import percent, policy_in_words, setting_in_words
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


def verdicts(comparison: Comparison) -> list[str]:
    """Return a sentence for each run but the first, or why the runs cannot be paired."""
    if not comparison.paired:
        return [f"{comparison.note[:1].upper()}{comparison.note[1:]}."]
    first, *others = run_letters(len(comparison.runs))
    images = f"the {comparison.n_common:,} images held out in every run"
    sentences = []
    for letter, row in zip(others, comparison.paired[1:], strict=True):
        low, high = map(_points, row.interval)
        text = f"{letter} and {first} cannot be told apart on {images}: {_points(row.gain)} points"
        if row.is_clear:
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
    values = {
        "comparison": comparison,
        "letters": run_letters(len(comparison.runs)),
        "verdicts": verdicts(comparison),
        "differences": _differences(comparison.differences),
        "chart": _chart(comparison),
        "exports": export_sizes(comparison),
        "classes": [(row, best_recall(row)) for row in comparison.classes],
        "version": version("tlearn"),
        "written": f"{datetime.now():%d %B %Y, %H:%M}",
    }
    filters = {"percent": percent, "points": _points, "megabytes": _megabytes}
    write_atomic(path, render_page("tlearn.commands", "compare.html.j2", filters, values), _HINT)


def _chart(comparison: Comparison) -> str:
    """Return accuracy against time as markup; nothing where a run does not say its time."""
    from markupsafe import Markup

    letters = run_letters(len(comparison.runs))
    rows = [
        (f"{letter} {policy_in_words(run.plan.policy)}", run.report, run.seconds)
        for letter, run in zip(letters, comparison.runs, strict=True)
        if run.seconds
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


def _points(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "\N{MINUS SIGN}")


def _megabytes(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:.2f} MB"
