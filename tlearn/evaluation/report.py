"""One page for a person: how good the model is, where it errs, what was done."""

from __future__ import annotations

import base64
import importlib.metadata
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tlearn.evaluation.metrics import Report, most_confused
from tlearn.storage.atomic import write_atomic

Mistake = tuple[Image.Image | np.ndarray, str, str, float]
"""A picture, its true label, the predicted label, the probability of that."""

MATRIX_LIMIT = 40
"""Most classes whose confusion matrix a person can read; beyond it, the worst pairs stand alone."""

N_MISTAKES = 24
_THUMBNAIL = 240
_PARTS = {
    "test": "test pictures, which training never saw",
    "val": "validation pictures, which training also used to choose its settings",
}
_MAIN_KEYS = (
    *("policy", "backbone", "image_size", "resize", "augmentation", "views", "optimizer"),
    *("learning_rate", "epochs", "batch_size", "n_train", "n_val", "n_test", "folds", "seed"),
)
_WORDS = {
    "n_train": "training pictures",
    "n_val": "validation pictures",
    "n_test": "test pictures",
}
_APART = {"stages", "origins", "classes"}
# matplotlib wants real colors; the page swaps these for its own, so charts follow its theme.
_COLORS = {"#010101": "var(--ink)", "#020202": "var(--soft)", "#030303": "var(--accent)"}
_INK, _SOFT, _ACCENT = _COLORS


def write_report(
    path: Path,
    *,
    title: str,
    plan: Mapping[str, Any],
    report: Report,
    history: Sequence[Mapping[str, Any]] = (),
    findings: Sequence[Any] = (),
    timings: Mapping[str, float] | None = None,
    mistakes: Sequence[Mistake] = (),
) -> None:
    """Write the report as one HTML page that asks nothing of the network.

    Args:
        path: The page.
        title: Its heading, such as the name of the image folder.
        plan: Keys and values of the plan; `stages` (name, parameters, learning_rate) and
            `origins` (where each value came from) are shown in their own way.
        report: The scores.
        history: One record an epoch: accuracy, val_accuracy, loss, val_loss where known.
        findings: What was found in the data: kind, severity and message, as attributes or keys.
        timings: Seconds of each phase.
        mistakes: Wrong answers; the most confident ones are shown.

    Raises:
        HostError: The page cannot be written.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("tlearn.evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(percent=_percent, duration=_duration, value=_value, plain=_plain)
    frequent = max(row["n"] for row in report.per_class) / report.n
    worst = sorted(mistakes, key=lambda mistake: -mistake[3])[:N_MISTAKES]
    page = environment.get_template("report.html.j2").render(
        title=title,
        report=report,
        split=_PARTS.get(report.split, f"pictures ({report.split})"),
        correct=round(report.accuracy * report.n),
        frequent=frequent,
        weakest_first=sorted(report.per_class, key=lambda row: (row["n"] == 0, row["f1"])),
        confused=most_confused(report, 8 if len(report.classes) <= MATRIX_LIMIT else 30),
        matrix=len(report.classes) <= MATRIX_LIMIT,
        plan_rows=_plan_rows(plan),
        stages=plan.get("stages") or (),
        findings=findings,
        reliability=_reliability(report),
        curves=_learning_curves(history),
        timings=timings or {},
        mistakes=[(_thumbnail(image), *words) for image, *words in worst],
        version=importlib.metadata.version("tlearn"),
        written=f"{datetime.now():%d %B %Y, %H:%M}",
    )
    write_atomic(path, page.encode("utf-8", "replace"))


def _plan_rows(plan: Mapping[str, Any]) -> tuple[list[tuple[str, Any, str]], ...]:
    """Rows (key, value, origin) of the plan: those everyone asks about, then the others."""
    origins = plan.get("origins") or {}
    keys = [key for key in _MAIN_KEYS if key in plan]
    others = [key for key in plan if key not in {*keys, *_APART}]
    return tuple(
        [(key, plan[key], str(origins.get(key, ""))) for key in group] for group in (keys, others)
    )


def _reliability(report: Report) -> Any:
    """Accuracy against confidence; the size of a dot is the share of pictures in the bin."""
    figure, axes = _chart("reliability: accuracy against confidence")
    axes.plot([0, 1], [0, 1], color=_SOFT, linewidth=1, linestyle=(0, (4, 3)))
    for group in report.reliability:
        confidence, accuracy = group["confidence"], group["accuracy"]
        axes.plot([confidence] * 2, [confidence, accuracy], color=_ACCENT, linewidth=1.5)
        size = 14 + 260 * group["n"] / report.n
        axes.scatter(confidence, accuracy, s=size, color=_ACCENT, alpha=0.75, linewidths=0)
    axes.set(xlim=(-0.02, 1.05), ylim=(-0.05, 1.08), xlabel="confidence", ylabel="accuracy")
    return _svg(figure, "reliability")


def _learning_curves(history: Sequence[Mapping[str, Any]]) -> list[tuple[str, Any]]:
    """A chart of accuracy and one of loss by epoch, where the history has two epochs of them."""
    charts = []
    for quantity in ("accuracy", "loss"):
        lines = {
            name: [(row["epoch"], row[key]) for row in history if row.get(key) is not None]
            for name, key in (("training", quantity), ("validation", f"val_{quantity}"))
        }
        lines = {name: points for name, points in lines.items() if len(points) > 1}
        if lines:
            charts.append((quantity, _curve(quantity, lines)))
    return charts


def _curve(quantity: str, lines: Mapping[str, Sequence[tuple[int, float]]]) -> Any:
    figure, axes = _chart(f"{quantity} by epoch")
    looks: dict[str, dict[str, Any]] = {
        "training": {"color": _SOFT, "linestyle": (0, (4, 2))},
        "validation": {"color": _ACCENT, "linewidth": 2},
    }
    for name, points in lines.items():
        axes.plot(*zip(*points, strict=True), label=name, **looks[name])
    best = (max if quantity == "accuracy" else min)(
        lines.get("validation", ()), key=lambda point: point[1], default=None
    )
    if best:
        axes.scatter(*best, s=36, color=_ACCENT, zorder=3)
    axes.set(xlabel="epoch", ylabel=quantity)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False, labelcolor=_INK, fontsize=9, loc="best")
    return _svg(figure, quantity)


def _chart(title: str) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.4, 3.1), layout="constrained")
    axes = figure.add_subplot()
    axes.set_gid(title)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_SOFT)
    axes.tick_params(colors=_SOFT, labelcolor=_SOFT, labelsize=9, length=3)
    axes.xaxis.label.set(color=_SOFT, fontsize=9)
    axes.yaxis.label.set(color=_SOFT, fontsize=9)
    return figure, axes


def _svg(figure: Any, name: str) -> Any:
    """The figure as SVG for the page: text as text, colours from the page's theme."""
    from markupsafe import Markup
    from matplotlib import rc_context

    buffer = io.StringIO()
    # The salt keeps the ids of two charts on one page apart, and the page the same each time.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "font.family": "sans-serif"}):
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    for drawn, themed in _COLORS.items():
        text = text.replace(drawn, themed)
    return Markup(text)


def _thumbnail(image: Image.Image | np.ndarray) -> str:
    """The picture as a data URL: a JPEG of at most 240 pixels a side."""
    photo = image if isinstance(image, Image.Image) else Image.fromarray(image)
    photo = photo.convert("RGB")
    photo.thumbnail((_THUMBNAIL, _THUMBNAIL))
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _percent(share: float) -> str:
    """A share as per cent; 100.0 only when it is all of them."""
    text = f"{100 * share:.1f}"
    return "> 99.9" if text == "100.0" and share < 1 else text


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def _value(value: Any) -> str:
    """A value of the plan in words."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_value(item)}" for key, item in value.items()) or "none"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_value(item) for item in value) or "none"
    return str(value)


def _plain(key: str) -> str:
    return _WORDS.get(key, key.replace("_", " "))
