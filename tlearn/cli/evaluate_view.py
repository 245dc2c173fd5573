"""What `tlearn evaluate` and `check` show beside accuracy: probabilities, two classes, limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from tlearn.cli.display.formats import escape_control, interval, percent, pluralize, shell_path
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
    from tlearn.commands.evaluate import EvaluateResult
    from tlearn.data.intervals import Interval
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
    gap = f"{100 * report.calibration_error:.1f} points off"
    before = report.ece_before
    earlier = None if before is None else f"{100 * before:.1f}"
    ends = interval(*report.ece_interval) if report.ece_interval else None
    off = _number(gap, earlier, ends)
    if report.ece_by_chance is not None and report.ece_by_chance_high is not None:
        within = report.calibration_error <= report.ece_by_chance_high
        off.append(
            f"\nchance alone gives {100 * report.ece_by_chance:.1f} on so many images{whose}: "
            + ("no more than chance" if within else "more than chance")
        )
    rows: dict[str, RenderableType] = {"calibration": off}
    losses = {
        "log loss": (report.log_loss, report.log_loss_before, report.log_loss_interval),
        "Brier score": (report.brier, report.brier_before, report.brier_interval),
    }
    for name, (value, before, around) in losses.items():
        if value is not None:
            earlier = None if before is None else f"{before:.3f}"
            rows[name] = _number(f"{value:.3f}", earlier, _ends(around))
    if report.roc_auc is not None and (report.roc_auc_interval or verbose):
        area = _number(f"{report.roc_auc:.3f}", None, _ends(report.roc_auc_interval))
        if not report.roc_auc_interval:
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
        "sensitivity": (point.sensitivity, "of its images found"),
        "specificity": (point.specificity, "of others left alone"),
        "predictive value +": (point.positive_predictive_value, "of its answers right"),
        "predictive value -": (point.negative_predictive_value, "of other answers right"),
    }
    for title, (rate, meaning) in rates.items():
        ends = interval(*rate.interval) if rate.interval else "-"
        counts = f"{rate.n_right:,} of {rate.n:,}"
        rows.add_row(title, Text(percent(rate.value), "bold"), ends, counts, Text(meaning, DIM))
    lines: list[RenderableType] = [heading(f"Looking for {name}{whose}")]
    lines.append(Text(_rule(point, on_validation), DIM))
    if on_validation:
        others = "accuracy, F1, each class, confusion and limits"
        lines.append(Text(f"{others} go by the more probable class, not by this threshold", DIM))
    guesses = {"names": "a guess by the names", "order": "the second class"}
    if report.positive_by in guesses:
        guess = guesses[report.positive_by]
        command = f"tlearn evaluate --positive {escape_control(pasted(other))}"
        lines.append(Text(f"{guess}; {command} takes the other", DIM))
    if point.note:
        lines.append(safe_text(point.note, WARN))
    return [*lines, indented(rows)]


def point_in_words(point: OperatingPoint) -> str:
    """Return which class is answered, and from which probability on."""
    return f"{escape_control(point.positive)} from a probability of {point.threshold:.3g} on"


def kept_point(result: EvaluateResult) -> list[RenderableType]:
    """Return that a run answers by an operating point and how to take that back, or that it was."""
    if result.forgot is not None:
        was = "threshold forgotten" if result.forgot else "no threshold was kept"
        again = " again" if result.forgot else ""
        return [Text(f"\n{was}: predict and export answer the more probable class{again}", DIM)]
    if not result.is_kept:
        return []
    back = f"tlearn evaluate {shell_path(result.run.path)} --forget"
    kept = "kept in the run: predict and export answer by this threshold"
    return [Text(f"\n{kept}; {escape_control(back)} takes it back", DIM)]


def _rule(point: OperatingPoint, on_validation: OperatingPoint | None) -> str:
    if not on_validation:
        return "answered where it is more probable"
    if point.cost:
        why = f"as a miss costs {point.cost.missed:g} and a false alarm {point.cost.false_alarm:g}"
    else:
        why = f"to find at least {100 * (point.min_sensitivity or 0):g}%"
    found, left = on_validation.sensitivity, on_validation.specificity
    return (
        f"answered from a probability of {point.threshold:.3g} on, {why}; on the validation"
        f" images, where this was chosen, {found.n_right:,} of {found.n:,} are found and"
        f" {left.n_right:,} of {left.n:,} left alone"
    )


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
    return judged, "" if judged is scores.report else f" ({judged.n:,} others)"


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


def _number(value: str, before: str | None, ends: str | None) -> Text:
    """Return a number, what it was before calibration, and its interval."""
    text = Text.assemble((value, "bold"), f" ({before} before)" if before else "")
    return text.append(f"   95% interval {ends}" if ends else "", DIM)


def _ends(ends: Interval | None) -> str | None:
    return "{:.3f} to {:.3f}".format(*ends) if ends else None
