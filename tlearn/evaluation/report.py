"""One HTML page about a run: how good the model is, where it errs, what was expected and done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tlearn.evaluation import wording
from tlearn.evaluation.chart_style import chart_style
from tlearn.evaluation.charts import learning_curve, reliability, roc_curve
from tlearn.evaluation.figures import PAGE, inline_svg
from tlearn.evaluation.metrics import most_confused
from tlearn.evaluation.page import breakable, data_url, render_page
from tlearn.evaluation.report_content import ReportContent
from tlearn.evaluation.report_evidence import evidence_rows
from tlearn.recipe.plan import Plan
from tlearn.recipe.planning import HEAD
from tlearn.storage.atomic import write_atomic

MATRIX_LIMIT = 40
"""Most classes whose confusion matrix can be read; beyond it, the worst pairs stand alone."""

CLASSES_SHOWN = 40
"""Classes listed openly, the weakest first; the others are folded away."""

_SPLITS = {"test": "images it had not seen"}
_SPLITS["val"] = "validation images, which may have served to choose settings"
_COUNTS = ("n_train", "n_val", "n_test", "folds")
_MAIN_KEYS = (
    *("policy", "backbone", "image_size", "resize", "augmentation", "horizontal_flip", "views"),
    *("head_stages", "class_weights", *_COUNTS),
)
_TUNING_KEYS = (
    *("tuned_stages", "optimizer", "learning_rate", "layer_decay", "schedule", "epochs"),
    *("batch_size", "precision"),
)


FILTERS: Mapping[str, Callable[..., Any]] = {
    "percent": wording.percent,
    "points": wording.points,
    "interval": wording.percent_interval,
    "duration": wording.duration,
    "setting": wording.setting_in_words,
    "key": wording.key_in_words,
    "sentence": wording.sentence,
    "step": wording.step_in_words,
    "split": wording.split_in_words,
    "path": breakable,
    "image": data_url,
}
"""What templates of reports call."""


def write_report(path: Path, content: ReportContent) -> None:
    """Write the report as one HTML page that needs no network and runs no script.

    The page names `predictions.csv`, `errors.csv` and `figures/`, which lie beside it.

    Args:
        path: The page.
        content: What it shows.

    Raises:
        HostError: The page cannot be written.
    """
    report, n_classes = content.leading, len(content.leading.classes)
    by_f1 = sorted(report.per_class, key=lambda row: (row["n"] == 0, row["f1"]))
    values = {
        "content": content,
        "report": report,
        "split": _SPLITS.get(report.split, f"images of {report.split}"),
        "frequent": max(row["n"] for row in report.per_class) / report.n,
        "weakest": by_f1[:CLASSES_SHOWN],
        "other_classes": by_f1[CLASSES_SHOWN:],
        "confused": most_confused(report, 8 if n_classes <= MATRIX_LIMIT else 30),
        "matrix": n_classes <= MATRIX_LIMIT,
        "charts": _charts(content),
        "evidence": evidence_rows(content),
        "settings": settings_of(content.plan),
        "head": HEAD,
    }
    page = render_page("tlearn.evaluation", "report.html.j2", FILTERS, values)
    write_atomic(path, page)


def _charts(content: ReportContent) -> Mapping[str, Any]:
    """Return the charts of the page by name: reliability, ROC, accuracy and loss by epoch."""
    from markupsafe import Markup

    with chart_style():
        figures = {"reliability": reliability(content.leading, PAGE)}
        if curve := roc_curve(content.leading, PAGE):
            figures["roc"] = curve
        for quantity in ("accuracy", "loss"):
            if figure := learning_curve(content.history, quantity, PAGE):
                figures[quantity] = figure
        return {name: Markup(inline_svg(figure, name)) for name, figure in figures.items()}


def settings_of(plan: Plan) -> Sequence[Sequence[tuple[str, str, str, str]]]:
    """Return rows (key, value, origin, reason) of a plan: those that matter most, then others."""
    values = plan.flat()
    values["policy"] = wording.policy_in_words(plan.policy)
    shown = [*_MAIN_KEYS, *(_TUNING_KEYS if plan.training.epochs else ()), "seed"]
    shown = [key for key in shown if values[key] or key not in _COUNTS]
    others = [key for key in values if key not in {*shown, "classes"}]
    return [
        [
            (key, values[key], plan.origins.get(key, "default"), plan.reasons.get(key, ""))
            for key in keys
        ]
        for keys in (shown, others)
    ]
