"""What `tlearn suggest` measured, for the terminal: matrix, scale, bars and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tlearn.cli import render
from tlearn.cli.render import ACCENT, DIM
from tlearn.suggestion.accuracy_forecast import INTERVAL_COVERAGE
from tlearn.suggestion.int8_cost import Int8Cost
from tlearn.suggestion.matrix import LITTLE, MATRIX, Suggestion

if TYPE_CHECKING:
    from tlearn.api import Advice
    from tlearn.suggestion.accuracy_forecast import Option
    from tlearn.suggestion.depth_profile import DepthProfile
    from tlearn.suggestion.learning_curve import LearningCurve
    from tlearn.suggestion.similarity import Similarity

_MOST_CLASSES = 8
_NEXT_POINTS = 0.02


def matrix(suggestion: Suggestion) -> Table:
    """The size x similarity matrix with the folder's cell lit and marked."""
    grid = Table(box=box.ROUNDED, show_lines=True, header_style=DIM, border_style=DIM)
    grid.add_column("")
    grid.add_column("like the source", min_width=22)
    grid.add_column("unlike the source", min_width=22)
    few = f"under {LITTLE} pictures"
    for size_name, label in (("little", f"little data\n{few}"), ("lot", "a lot of data")):
        row: list[Text] = []
        for similarity_name in ("similar", "different"):
            cell = (size_name, similarity_name)
            here = cell == (suggestion.size, suggestion.similarity)
            policy = str(MATRIX[cell])
            row.append(Text(f"▶ {policy}\n  you are here", ACCENT) if here else Text(f"  {policy}"))
        grid.add_row(Text(label, DIM), *row)
    return grid


def similarity(measured: Similarity) -> RenderableType:
    """A scale from unlike to like the source, with the folder on it."""
    width = 30
    place = round(measured.score * (width - 1))
    scale = Text("─" * width, DIM)
    middle = width // 2
    scale = Text.assemble(scale[:middle], ("┼", DIM), scale[middle + 1 :])
    marked = Text.assemble(scale[:place], ("◆", ACCENT), scale[place + 1 :])
    grid = Table.grid(padding=(0, 2))
    grid.add_row(
        "similarity",
        Text.assemble(("unlike ", DIM), marked, (" like", DIM)),
        f"{measured.score:.2f} of 1",
    )
    if measured.landmarks:
        marks, legend = [" "] * width, []
        for letter, (kind, where) in zip("abcdefgh", measured.landmarks.items(), strict=False):
            marks[round(where * (width - 1))] = letter
            legend.append(f"{letter} {kind}")
        grid.add_row("", Text("       " + "".join(marks), DIM))
        return Group(grid, Text("            " + ", ".join(legend), DIM))
    return grid


def nearest(nearest: Mapping[str, Sequence[tuple[str, float]]]) -> RenderableType:
    """What each class looks like to the backbone, in words of its source."""
    grid = Table.grid(padding=(0, 2))
    for label, found in list(nearest.items())[:_MOST_CLASSES]:
        words = ", ".join(f"{name} {render.percent(share, 0)}" for name, share in found)
        grid.add_row(render.words(label), render.words(words, DIM))
    more = len(nearest) - _MOST_CLASSES
    rest = [Text(f"and {more} more classes", DIM)] if more > 0 else []
    note = "what they look like to the backbone: the nearest of the classes it was taught"
    return Group(Text(note, DIM), grid, *rest)


def options(advice: Advice) -> RenderableType:
    """Every way to train: what it is expected to reach, and what it costs."""
    interval = f"{render.percent(INTERVAL_COVERAGE, 0)} interval"
    made = render.table("policy", "head on", "expected", interval, "time", "", right=(2, 3, 4))
    chosen = (advice.suggestion.policy, advice.suggestion.head_stages)
    for option in advice.options:
        lit = (option.policy, option.head_stages) == chosen
        made.add_row(
            Text(("▶ " if lit else "  ") + option.policy, ACCENT if lit else ""),
            Text(option.head_stages, ACCENT if lit else ""),
            render.percent(option.accuracy),
            render.interval(option.low, option.high),
            render.duration(option.seconds) if option.seconds else "-",
            Text(_grounds(option), DIM),
        )
    note = (
        "head on: the stages that it reads; what comes after them is cut off\n"
        f"interval: what a test{_of(advice)} will show; time: on this machine"
    )
    return Group(made, Text(note, DIM))


def _of(advice: Advice) -> str:
    """The test that intervals are of; where there is none, they are of the accuracy itself."""
    n_tested = advice.evidence.n_tested if advice.evidence else 0
    return f" of {n_tested} pictures" if n_tested else ""


def _grounds(option: Option) -> str:
    if option.tried is not None:
        return f"tried: {render.percent(option.tried)}"
    return "measured" if option.measured else "forecast"


def more_images(curve: LearningCurve, advice: Advice) -> RenderableType:
    """Whether it is worth to collect more, and of what."""
    now, then = curve.accuracies[-1], curve.accuracy_with(2)
    if not curve.drawn:
        return Text("more pictures   of so few a class nobody can say; ten of each would tell", DIM)
    if not curve.helps:
        return Text("more pictures   would hardly help a linear head: its curve is flat", DIM)
    words = f"twice as many would bring a linear head about {100 * (then - now):.1f} points"
    if (wanted := curve.images_for(_NEXT_POINTS)) is not None:
        words += f"; {100 * _NEXT_POINTS:.0f} points want about {wanted} pictures more"
    classes = advice.dataset.manifest.classes if advice.dataset else ()
    feed = curve.classes_to_feed()
    if 0 < len(feed) < len(classes):
        words += f"; first of {', '.join(render.escape_control(classes[n]) for n in feed)}"
    return Text.assemble(("more pictures   ", DIM), words)


def int8(cost: Int8Cost) -> RenderableType:
    """What is lost when the network computes in int8."""
    points, error = 100 * cost.drop, 100 * cost.error
    lost = f"costs {points:.1f} ± {error:.1f} points" if points > 0 else "costs nothing"
    verdict = (
        "" if cost.passes_gate else ": prefer --quantize dynamic or float16, or another backbone"
    )
    words = f"{lost} of {render.percent(cost.accuracy)} on {cost.n_images} pictures{verdict}"
    return Text.assemble(("int8            ", DIM), words)


def profile(measured: DepthProfile, seed: int) -> Group:
    """Bars: how well a linear head does on the features of each stage."""
    grid = Table.grid(padding=(0, 2))
    several = f"stages {measured.multi_stage.head_stages}"
    guess = measured.guessing
    cells = (f"{render.bar(guess):<30}", f"{render.percent(guess):>7}")
    grid.add_row(*(Text(cell, DIM) for cell in ("guessing", *cells)))
    for name, head_score in zip((*measured.names, several), measured.scores, strict=False):
        best = head_score is measured.best
        grid.add_row(
            render.words(name),
            Text(f"{render.bar(head_score.accuracy):<30}", ACCENT if best else "blue"),
            Text(f"{render.percent(head_score.accuracy):>7}"),
            Text("◀ best", ACCENT) if best else Text(),
        )
    folds = f"cross-validated in {measured.last.folds} folds, seed {seed}"
    title = f"accuracy of a linear head on each stage, {folds}\nguessing: always the largest class"
    return Group(Text(title, DIM), grid)
