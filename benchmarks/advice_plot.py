"""Plot the textbook matrix with the policy that won on each folder."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.advice_rules import POLICIES, Cell, read_table
from tlearn.suggestion.matrix import LITTLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOOKS = {
    "last": ("linear-head on the last stage", "o", "#4c78a8"),
    "best": ("linear-head on another stage", "s", "#72b7b2"),
    "last3": ("linear-head on the last three stages", "D", "#54a24b"),
    "top_stages_cut": ("top-stages, the rest cut off", "v", "#eeca3b"),
    "top_stages": ("top-stages", "^", "#f58518"),
    "top_stages_last3": ("top-stages, head on the last three", "<", "#b279a2"),
    "deep_last3": ("deep, head on the last three", "X", "#9d755d"),
    "deep_cut": ("deep, the rest cut off", "P", "#ff9da6"),
    "deep": ("deep", "*", "#e45756"),
}

Places = dict[tuple[Any, ...], list[Cell]]
"""Folder and size to the cells there, one a seed."""


def draw_matrix(table: Path, image: Path, backbone: str) -> None:
    """Plot every folder at its place: the policy that won there, and by how much.

    Args:
        table: The table of `python -m benchmarks.advice run`.
        image: File to write.
        backbone: Beginning of the names of the cells' backbones.
    """
    from matplotlib.figure import Figure

    places: Places = defaultdict(list)
    for cell in map(Cell, read_table(table)):
        if cell.backbone.startswith(backbone):
            places[cell.folder, cell.size].append(cell)
    figure = Figure(figsize=(9, 6.2), layout="constrained")
    axes = figure.subplots()
    for cells in places.values():
        _draw_winner(axes, cells)
    _name_folders(axes, places)
    _draw_textbook(axes)
    axes.set_title("What was best on the test images, and the points gained over a head on top")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=3, frameon=False)
    figure.savefig(image, dpi=110)


def _draw_winner(axes: Axes, cells: list[Cell]) -> None:
    means = {name: float(np.mean([cell.accuracy[name] for cell in cells])) for name in POLICIES}
    best = max(means, key=lambda name: means[name])  # listed from the cheapest, which wins ties
    gain = means[best] - means["last"]
    x = np.mean([cell.evidence.n_train for cell in cells])
    y = np.mean([cell.evidence.similarity for cell in cells])
    _, marker, color = LOOKS[best]
    axes.scatter(x, y, 40 + 1500 * gain, marker=marker, color=color, alpha=0.75, linewidths=0)
    if gain >= 0.03:
        axes.annotate(f"+{100 * gain:.0f}", (x, y), fontsize=7, ha="center", va="center")


def _name_folders(axes: Axes, places: Places) -> None:
    rows = defaultdict(list)
    for (folder, _), cells in places.items():
        rows[folder] += [cell.evidence.similarity for cell in cells]
    height = -1.0
    for folder, values in sorted(rows.items(), key=lambda row: np.mean(row[1])):
        height = max(float(np.mean(values)), height + 0.035)  # names must not overlap
        axes.text(2500, height, folder, fontsize=8, va="center")


def _draw_textbook(axes: Axes) -> None:
    for name, marker, color in LOOKS.values():
        axes.scatter([], [], 60, marker=marker, color=color, label=name, linewidths=0)
    axes.set(xscale="log", xlim=(6, 2300), ylim=(-0.05, 1.05))
    axes.set(xlabel="training images", ylabel="unlike the source      similarity      like it")
    axes.axvline(LITTLE, color="grey", linewidth=0.8)
    axes.axhline(0.5, color="grey", linewidth=0.8)
    corners = {(0.02, 0.97): "linear-head", (0.98, 0.97): "top-stages"}
    corners |= {(0.02, 0.03): "top-stages", (0.98, 0.03): "deep"}
    for (x, y), policy in corners.items():
        align = {"ha": "left" if x < 0.5 else "right", "va": "top" if y > 0.5 else "bottom"}
        axes.text(x, y, f"textbook: {policy}", color="grey", transform=axes.transAxes, **align)
