"""What `tlearn predict` prints: a row an image, or a row a class, and where files went."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tlearn.cli.display.formats import (
    enumeration,
    escape_control,
    percent,
    pluralize,
    relative_path,
    shell_path,
)
from tlearn.cli.display.widgets import (
    BAD,
    DIM,
    bullets,
    end_of,
    heading,
    indented,
    next_steps,
    safe_text,
    table,
)

if TYPE_CHECKING:
    from tlearn.confidence.operating_point import OperatingPoint
    from tlearn.evaluation.predictions import Prediction
    from tlearn.evaluation.sorting import Sorted, Sorting

_ROWS = 10
"""Images that have a row each without --verbose."""

_LEAST_SURE, _CLASSES, _REASONS = 5, 20, 10
_NAME_CELLS, _NAME_CELLS_BESIDE_LONG_CLASSES = 36, 24
_LONG_CLASS = 12
_TINY = 1e-12
_NONE_OF_THESE = "none of these"
_DONE = {"copy": "copied", "link": "linked", "move": "moved"}


def to_json(
    predictions: Sequence[Prediction],
    top: int,
    done: Sorted | None = None,
    sorting: Sorting | None = None,
) -> dict[str, Any]:
    """Return the document: one record per image, `problem` null where it was read."""
    records = [prediction.to_json(top) for prediction in predictions]
    document: dict[str, Any] = {"predictions": records}
    if done and sorting:
        document["sorted"] = {
            "folder": str(sorting.folder),
            "how": sorting.how,
            "unsure_below": done.unsure_below,
            "counts": done.counts,
            "folders": done.folders,
            "files": done.places,
            "present": done.present,
            "left": done.left,
        }
    return document


def draw(
    predictions: Sequence[Prediction],
    top: int,
    verbose: bool,
    csv: Path | None = None,
    point: OperatingPoint | None = None,
) -> list[RenderableType]:
    """Return a line per image or, of many, a line per class; and what could not be read."""
    read = [prediction for prediction in predictions if not prediction.problem]
    blocks: list[RenderableType] = []
    if len(read) > _ROWS and not verbose:
        blocks += [Text(), _class_table(read)]
        answered = sorted((p for p in read if p.label), key=partial(_sureness, point))
        if answered:
            blocks += [heading("Least sure"), _image_table(answered[:_LEAST_SURE], top)]
        if not csv:
            blocks.append(Text("every image: --verbose, or --csv FILE", DIM))
    elif read:
        blocks += [Text(), _image_table(read, top)]
    unread = [f"{relative_path(p.name)}: {p.problem}" for p in predictions if p.problem]
    if unread:
        images = pluralize(len(predictions), "image")
        blocks.append(Text(f"\n{len(unread)} of {images} cannot be read", BAD))
        blocks.append(indented(bullets(unread)))
    if csv:
        blocks.append(Text(f"written to {escape_control(relative_path(csv))}", DIM))
    return blocks


def _sureness(point: OperatingPoint | None, prediction: Prediction) -> float:
    """Return how many times the odds of an answer are those from which on it is given."""
    p, least = prediction.probability, point.least(prediction.label) if point else 0.5
    return p * (1 - least) / max((1 - p) * least, _TINY)


def draw_sorted(
    done: Sorted, sorting: Sorting, sources: Sequence[Path], unread: Collection[str]
) -> list[RenderableType]:
    """Return how many files went where, and how moves are taken back."""
    folder = escape_control(relative_path(sorting.folder))
    counts = [f"{count:,} in {escape_control(name)}" for name, count in done.counts.items()]
    if len(counts) > _CLASSES:
        rest = sum([*done.counts.values()][_CLASSES - 1 :])
        others = pluralize(len(counts) - _CLASSES + 1, "other folder")
        counts[_CLASSES - 1 :] = [f"{rest:,} in {others}"]
    blocks: list[RenderableType] = []
    if counts:
        files = f"{_DONE[sorting.how]} into {folder}: {enumeration(counts)}"
        there = f" ({done.present:,} of them were there before)" if done.present else ""
        blocks.append(Text(f"\n{files}{there}"))
    stayed = {name: reason for name, reason in done.left.items() if name not in unread}
    for name, reason in [*stayed.items()][:_REASONS]:
        blocks.append(Text(f"{escape_control(relative_path(name))} was left: {reason}", DIM))
    for label, name in done.folders.items():
        if name in done.counts:
            blocks.append(Text(f"{escape_control(label)} is the folder {name}", DIM))
    if counts and sorting.how == "move":
        named = " ".join(map(shell_path, sources))
        undo = f"tlearn predict {named} --sort-into {shell_path(sorting.folder)} --undo"
        blocks.append(next_steps({escape_control(undo): "take it back"}))
    return blocks


def _class_table(predictions: Sequence[Prediction]) -> Table:
    """Return a row for each class that images were given, the most frequent first."""
    of_class = defaultdict(list)
    for prediction in predictions:
        of_class[prediction.label].append(prediction.probability)
    rows = table("class", "images", "share", "mean probability", right=(1, 2, 3))
    by_count = sorted(of_class.items(), key=lambda item: -len(item[1]))
    for label, values in by_count[:_CLASSES]:
        name = safe_text(label or _NONE_OF_THESE, "bold")
        share, mean = len(values) / len(predictions), sum(values) / len(values)
        rows.add_row(name, f"{len(values):,}", percent(share), percent(mean if label else None))
    if rest := by_count[_CLASSES:]:
        count = sum(len(values) for _, values in rest)
        others = Text(pluralize(len(rest), "other class", "other classes"), DIM)
        rows.add_row(others, f"{count:,}", percent(count / len(predictions)), "")
    return rows


def _image_table(predictions: Sequence[Prediction], top: int) -> Table:
    """Return a row for each image, with the runners-up."""
    columns = ["image", "class", "probability", *(["runner-up"] if top > 1 else [])]
    rows = table(*columns, right=(2,))
    longest = max(len(prediction.label or _NONE_OF_THESE) for prediction in predictions)
    cells_of_name = _NAME_CELLS_BESIDE_LONG_CLASSES if longest > _LONG_CLASS else _NAME_CELLS
    for prediction in predictions:
        first = 1 if prediction.label else 0  # of what is no class, the nearest is a runner-up
        others = [f"{escape_control(name)} {percent(p)}" for name, p in prediction.top[first:top]]
        cells = [Text("\n".join(others), DIM)] if top > 1 else []
        label = safe_text(prediction.label or _NONE_OF_THESE, "bold")
        name = end_of(prediction.name, cells_of_name)
        probability = percent(prediction.probability if prediction.label else None)
        rows.add_row(name, label, probability, *cells)
    rows.columns[0].no_wrap = True  # file names stay whole, class names may be folded
    return rows
