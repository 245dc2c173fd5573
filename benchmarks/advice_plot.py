"""The textbook matrix with what was measured in it, as a picture."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.advice_rules import POLICIES, Cell, read_table
from tlearn.suggestion.matrix import LITTLE

LOOKS = {
    "last": ("linear_head on the last stage", "o", "#4c78a8"),
    "best": ("linear_head on another stage", "s", "#72b7b2"),
    "several": ("linear_head on several stages", "D", "#54a24b"),
    "top_stages_cut": ("top_stages, the rest cut off", "v", "#eeca3b"),
    "top_stages": ("top_stages", "^", "#f58518"),
    "top_stages_several": ("top_stages, head on several", "<", "#b279a2"),
    "deep_several": ("deep, head on several", "X", "#9d755d"),
    "deep_cut": ("deep, the rest cut off", "P", "#ff9da6"),
    "deep": ("deep", "*", "#e45756"),
}


def draw_matrix(table: Path, image: Path, backbone: str) -> None:
    """The matrix with every folder at its place: what won there, and by how much."""
    from matplotlib.figure import Figure

    places: dict[tuple[Any, ...], list[Cell]] = defaultdict(list)
    for cell in map(Cell, read_table(table)):
        if cell.backbone.startswith(backbone):
            places[cell.folder, cell.size].append(cell)
    figure = Figure(figsize=(9, 6.2), layout="constrained")
    axes = figure.subplots()
    for cells in places.values():
        means = {name: float(np.mean([c.accuracy[name] for c in cells])) for name in POLICIES}
        # Listed from the cheapest: a tie goes to the first.
        best = max(means, key=lambda name: means[name])
        gain = means[best] - means["last"]
        x = np.mean([c.evidence.n_train for c in cells])
        y = np.mean([c.evidence.similarity for c in cells])
        _, marker, color = LOOKS[best]
        axes.scatter(x, y, 40 + 1500 * gain, marker=marker, color=color, alpha=0.75, linewidths=0)
        if gain >= 0.03:
            axes.annotate(f"+{100 * gain:.0f}", (x, y), fontsize=7, ha="center", va="center")
    rows = defaultdict(list)
    for (folder, _), cells in places.items():
        rows[folder] += [cell.evidence.similarity for cell in cells]
    height = -1.0
    for folder, values in sorted(rows.items(), key=lambda row: np.mean(row[1])):
        height = max(float(np.mean(values)), height + 0.035)  # names do not lie on each other
        axes.text(2500, height, folder, fontsize=8, va="center")
    for name, marker, color in LOOKS.values():
        axes.scatter([], [], 60, marker=marker, color=color, label=name, linewidths=0)
    axes.set(xscale="log", xlim=(6, 2300), ylim=(-0.05, 1.05))
    axes.set(xlabel="training pictures", ylabel="unlike the source      similarity      like it")
    axes.axvline(LITTLE, color="grey", linewidth=0.8)
    axes.axhline(0.5, color="grey", linewidth=0.8)
    corners = {(0.02, 0.97): "linear_head", (0.98, 0.97): "top_stages"}
    corners |= {(0.02, 0.03): "top_stages", (0.98, 0.03): "deep"}
    for (x, y), words in corners.items():
        side = "left" if x < 0.5 else "right"
        end = "top" if y > 0.5 else "bottom"
        axes.text(
            x, y, f"the textbook: {words}", ha=side, va=end, color="grey", transform=axes.transAxes
        )
    axes.set_title("What was best on the test pictures, and the points won over a head on top")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=3, frameon=False)
    figure.savefig(image, dpi=110)
