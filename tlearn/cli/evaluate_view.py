"""What `tlearn evaluate` and `check` show beside accuracy: probabilities, two classes, limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from tlearn.cli.display.formats import escape_control, interval, percent, pluralize
from tlearn.cli.display.widgets import (
    BAD,
    DIM,
    GOOD,
    WARN,
    bullets,
    heading,
    indented,
    safe_text,
    table,
)
from tlearn.errors import pasted

if TYPE_CHECKING:
    from tlearn.evaluation.class_thresholds import ClassThreshold
    from tlearn.evaluation.gates import GateOutcome
    from tlearn.evaluation.metrics import Report
    from tlearn.evaluation.operating_point import OperatingPoint
    from tlearn.evaluation.scores import Scores

_MEANINGS = {
    "accuracy": "share of images whose most probable class is right.",
    "95% interval": "where the number would settle with ever more images like these.",
    "macro F1": "precision and recall in one, every class counting the same.",
    "calibration": "how far a probability of, say, 80% is from being right in 80 of 100 cases.",
    "log loss": "what the answers lack in probability for the truth; one sure error costs much.",
    "Brier score": "mean squared error of the probabilities; also 0 where all are perfect.",
    "ROC area": "how often an image of a class gets more of it than an image of another; 0.5 is "
    "guessing.",
    "avg. precision": "precision over all thresholds; high where a class comes first in a ranking.",
}


def probability_rows(scores: Scores, verbose: bool) -> dict[str, RenderableType]:
    """Return how far the probabilities can be believed, a row for each number."""
    report, whose = _judged(scores)
    off = Text.assemble(
        "off by ",
        (f"{100 * report.calibration_error:.1f} points", "bold"),
        f" on average{_before(report.ece_before, 100)}{whose}",
    )
    if report.ece_interval:
        off.append(f"; 95% interval {interval(*report.ece_interval)}", DIM)
    if report.ece_by_chance is not None and report.ece_by_chance_high is not None:
        chance = f"chance alone gives {100 * report.ece_by_chance:.1f} on so many images"
        within = report.calibration_error <= report.ece_by_chance_high
        off.append(f"\n{chance}: " + ("no more than chance" if within else "more than chance"))
    losses = Text(f"{report.log_loss:.3f}{_before(report.log_loss_before, 1)}")
    losses.append(_ends(report.log_loss_interval), DIM)
    if report.brier is not None:
        losses.append(f", Brier score {report.brier:.3f}{_before(report.brier_before, 1)}")
        losses.append(_ends(report.brier_interval), DIM)
    rows: dict[str, RenderableType] = {"calibration": off, "log loss": losses}
    if report.roc_auc is not None and (report.roc_auc_interval or verbose):
        area = Text.assemble((f"{report.roc_auc:.3f}", "bold"))
        if report.roc_auc_interval:
            area.append("   95% interval {:.3f} to {:.3f}".format(*report.roc_auc_interval), DIM)
        else:
            area.append("   mean of each class against the rest", DIM)
        rows["ROC area"] = area
    return rows


def two_classes(scores: Scores, on_validation: OperatingPoint | None) -> list[RenderableType]:
    """Return the operating point of two classes and its rates; nothing for more classes.

    Args:
        scores: The scores; those on images that were trained on are not shown, where others are.
        on_validation: The same point on the images that it was chosen on; None where it was not.
    """
    report, whose = _judged(scores)
    point = report.operating_point
    if not point:
        return []
    name = escape_control(point.positive)
    (other,) = (label for label in report.classes if label != point.positive)
    rows = table("", "", "95% interval", "images", "", right=(1, 2, 3))
    rates = {
        "sensitivity": (point.sensitivity, "of its images are found"),
        "specificity": (point.specificity, "of the others are left alone"),
        "predictive value +": (point.positive_predictive_value, "of its answers are right"),
        "predictive value -": (point.negative_predictive_value, "of other answers are right"),
    }
    for title, (rate, meaning) in rates.items():
        ends = interval(*rate.interval) if rate.interval else "-"
        counts = f"{rate.n_right:,} of {rate.n:,}"
        rows.add_row(title, Text(percent(rate.value), "bold"), ends, counts, Text(meaning, DIM))
    guess = {"names": "a guess by the names", "order": "the second class"}.get(
        report.positive_by or ""
    )
    lines: list[RenderableType] = [
        heading(f"Looking for {name}{whose.replace(' of', ' among')}: {_rule(point)}")
    ]
    if guess:
        lines.append(Text(f"{guess}; the other: --positive {escape_control(pasted(other))}", DIM))
    if on_validation:
        found = on_validation.sensitivity
        lines.append(
            Text(
                f"chosen on validation images, where it finds {found.n_right:,} of {found.n:,} and"
                f" leaves {on_validation.specificity.n_right:,} of"
                f" {on_validation.specificity.n:,} others alone",
                DIM,
            )
        )
    if point.note:
        lines.append(safe_text(point.note, WARN))
    return [*lines, indented(rows)]


def _rule(point: OperatingPoint) -> str:
    kind, _, value = point.chosen_by.partition(" ")
    start = f"answered from {point.threshold:.3g} on"
    if kind == "sensitivity":
        return f"{start}, to find at least {100 * float(value):g}%"
    if kind == "cost":
        missed, _, false_alarm = value.partition(":")
        return f"{start}, as a miss costs {missed} and a false alarm {false_alarm}"
    return "answered where it is more probable"


def class_thresholds(thresholds: Sequence[ClassThreshold]) -> list[RenderableType]:
    """Return the threshold of each class, and what it does; nothing without thresholds."""
    if not thresholds:
        return []
    rows = table("class", "from", "precision", "recall", "F1", right=(1, 2, 3, 4))
    for row in thresholds:
        start = "-" if row.threshold is None else f"{row.threshold:.3f}"
        rows.add_row(
            safe_text(row.label), start, *map(percent, (row.precision, row.recall, row.f1))
        )
    title = "Thresholds: each class by itself, chosen on validation images by F1"
    return [heading(title), indented(rows)]


def details(scores: Scores) -> list[RenderableType]:
    """Return what the probabilities said and what came, in bins, and what each number means."""
    report, _ = _judged(scores)
    blocks: list[RenderableType] = []
    for title, bins in (
        ("What the probabilities say, and what is right", report.reliability),
        ("The same before calibration", report.reliability_before),
    ):
        if bins:
            rows = table("said", "right", "images", right=(0, 1, 2))
            for row in bins:
                shares = percent(row["confidence"]), percent(row["accuracy"])
                rows.add_row(*shares, f"{row['n']:,}")
            blocks += [heading(title), indented(rows)]
    sentences = [Text.assemble((name, "bold"), f": {text}") for name, text in _MEANINGS.items()]
    return [*blocks, heading("What the numbers mean"), indented(bullets(sentences))]


def _judged(scores: Scores) -> tuple[Report, str]:
    """Return the scores on images not trained on where there are some, and words for which."""
    judged = scores.judged or scores.report
    return judged, "" if judged is scores.report else f" of the {judged.n:,} others"


def limits(outcomes: Sequence[GateOutcome]) -> list[RenderableType]:
    """Return each limit and whether it was kept; nothing without limits."""
    if not outcomes:
        return []
    signs: Mapping[bool, Text] = {True: Text("✓", GOOD), False: Text("✗", BAD)}
    rows = table("", "limit")
    rows.show_header = False
    for outcome in outcomes:
        rows.add_row(signs[outcome.passed], safe_text(outcome.message))
    n = sum(outcome.passed for outcome in outcomes)
    kept = f"{n:,} of {pluralize(len(outcomes), 'limit')} kept"
    return [heading(kept), indented(rows)]


def _before(value: float | None, scale: float) -> str:
    if value is None:
        return ""
    return f" ({scale * value:.1f} before)" if scale > 1 else f" ({value:.3f} before)"


def _ends(ends: tuple[float, float] | None) -> str:
    return " ({:.3f} to {:.3f})".format(*ends) if ends else ""
