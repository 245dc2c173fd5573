"""What commands say of several labels, or of a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from tlearn.cli.annotations import annotation, print_annotations
from tlearn.cli.display.formats import escape_control, percent, pluralize, relative_path
from tlearn.cli.display.progress import print_json, print_result
from tlearn.cli.display.widgets import (
    BAD,
    DIM,
    GOOD,
    WARN,
    bullets,
    end_of,
    heading,
    indented,
    key_value_table,
    safe_text,
    table,
)
from tlearn.confidence.answers import ANOMALY
from tlearn.evaluation.wording import significant

if TYPE_CHECKING:
    from tlearn.commands.evaluate_targets import TargetEvaluateResult
    from tlearn.evaluation.label_scores import LabelReport
    from tlearn.evaluation.number_scores import NumberReport
    from tlearn.evaluation.target_predictions import TargetPrediction
    from tlearn.evaluation.target_scores import TargetReport, TargetScores

_NAME_CELLS = 30
_WORST = 8


def draw_target_scores(
    reports: Mapping[str, TargetReport], verbose: bool = False
) -> list[RenderableType]:
    """Return how good a model of labels or of a number is, on the split that is reported first."""
    from tlearn.evaluation.label_scores import LabelReport
    from tlearn.evaluation.number_scores import NumberReport

    if not reports:
        return []
    report = reports.get("test") or next(iter(reports.values()))
    blocks: list[RenderableType] = [Text.assemble(("✓ ", GOOD), safe_text(report.in_words()))]
    if isinstance(report, LabelReport):
        return [*blocks, *_labels(report, verbose)]
    if isinstance(report, NumberReport):
        return [*blocks, *_number(report)]
    blocks.append(Text(f"asked for: {percent(report.asked)} of good images called bad", DIM))
    if report.false_alarm_interval and report.false_alarm_interval[0] > report.asked:
        blocks.append(Text("these good images are unlike those that were learned from", WARN))
    return blocks


def _labels(report: LabelReport, verbose: bool) -> list[RenderableType]:
    rows = sorted((row for row in report.per_label if row["n"]), key=lambda row: row["f1"])
    shown = rows if verbose else rows[:_WORST]
    grid = table("label", "images", "from", "precision", "recall", "F1", right=range(1, 6))
    for row in shown:
        shares = (row[name] for name in ("threshold", "precision", "recall", "f1"))
        grid.add_row(safe_text(row["name"]), f"{row['n']:,}", *map(percent, shares))
    more = f" (the weakest of {len(rows)}; all: --verbose)" if len(shown) < len(rows) else ""
    exact = f"all labels of an image right: {percent(report.exact_match)}"
    return [Text(exact, DIM), heading(f"Labels{more}"), indented(grid), Text()]


def _number(report: NumberReport) -> list[RenderableType]:
    lines = []
    if report.r2 is not None and report.r2_interval is not None:
        ends = "{:.2f} to {:.2f}".format(*report.r2_interval)
        share = f"{percent(report.r2, 0)} of the variance explained"
        share = share if report.r2 > 0.005 else "no better than answering the mean"
        lines.append(f"{share} (R² {report.r2:.2f}; {ends})")
    if report.half_width is None:
        lines.append("too few held-out images to promise an interval around an answer")
    elif report.coverage is not None:
        width = (percent if report.relative else significant)(report.half_width)
        lines.append(
            f"the true number of 9 in 10 new images is promised within {width} of the answer; here "
            f"{percent(report.coverage, 0)} were"
        )
    return [Text("\n".join(lines), DIM)]


def show_evaluation(
    result: TargetEvaluateResult, as_json: bool, verbose: bool, annotated: bool = False
) -> None:
    """Print the scores of a run, and of the images among these that it did not learn from."""
    if annotated:
        line = annotation("notice", "tlearn evaluate", result.report.in_words())
        print_annotations([line], as_json)
    if as_json:
        print_json({"run": str(result.run.path), **result.scores.to_json()})
        return
    about = key_value_table({"run": safe_text(relative_path(result.run.path))})
    print_result(Text(), about, Text(), *draw_scores(result.scores, verbose))


def draw_scores(scores: TargetScores, verbose: bool) -> list[RenderableType]:
    """Return the scores on all images and, apart from them, on those that were not learned from."""
    blocks = draw_target_scores({"": scores.report}, verbose)
    if scores.trained_on:
        seen = f"{scores.trained_on:,} of the {pluralize(scores.report.n, 'image')} were trained on"
        why = "or may have served to choose settings: no test of the model"
        blocks.append(Text(f"{seen} {why}", WARN))
    if scores.trained_on is None:
        blocks.append(Text("whether any of these images were trained on is not known here", DIM))
    if scores.unseen:
        blocks.append(Text.assemble("the others: ", safe_text(scores.unseen.in_words())))
    return blocks


def draw_predictions(predictions: Sequence[TargetPrediction]) -> list[RenderableType]:
    """Return a line for each image."""
    read = [prediction for prediction in predictions if not prediction.problem]
    blocks: list[RenderableType] = []
    one_class = any({*p.answers} == {ANOMALY} for p in read)
    if read and read[0].is_number:
        (name,) = read[0].answers
        grid = table("image", name, "9 of 10 within", right=(1, 2))
        for p in read:
            ends = " to ".join(map(significant, p.interval or ())) or "-"
            grid.add_row(end_of(p.name, _NAME_CELLS), significant(p.answers[name], 4), ends)
        blocks.append(grid)
    elif one_class:
        grid = table("image", "", ANOMALY, right=(2,))
        for p in sorted(read, key=lambda p: -p.answers[ANOMALY]):
            (label,) = p.labels
            verdict = Text(label, BAD if label == "bad" else GOOD)
            grid.add_row(end_of(p.name, _NAME_CELLS), verdict, f"{p.answers[ANOMALY]:.3f}")
        blocks.append(grid)
    elif read:
        grid = table("image", "labels", "probabilities")
        for p in read:
            shares = ", ".join(percent(p.answers[label], 0) for label in p.labels)
            said = ", ".join(map(escape_control, p.labels)) or "none"
            grid.add_row(end_of(p.name, _NAME_CELLS), Text(said, "bold"), Text(shares, DIM))
        blocks.append(grid)
    unread = [f"{relative_path(p.name)}: {p.problem}" for p in predictions if p.problem]
    if unread:
        blocks.append(Text(f"\n{len(unread)} of {len(predictions)} images cannot be read", BAD))
        blocks.append(indented(bullets(unread)))
    return blocks


def to_csv(predictions: Sequence[TargetPrediction]) -> str:
    """Return a CSV table: image, problem, labels, and a column for each answer."""
    import csv
    import io

    from tlearn.evaluation.predictions import csv_path, csv_text

    names = next((p.answers for p in predictions if p.answers), {})
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    ends = ["from", "to"] if any(p.interval for p in predictions) else []
    writer.writerow(["image", "problem", "labels", *map(csv_text, names), *ends])
    for p in predictions:
        given = [*(p.answers[name] for name in names), *(p.interval or ())] if p.answers else []
        values = [f"{value:.6g}" for value in given] or [""] * len([*names, *ends])
        labels = csv_text("|".join(p.labels))
        writer.writerow([csv_path(p.name), csv_text(p.problem or ""), labels, *values])
    return file.getvalue()
