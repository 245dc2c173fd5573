"""What `tlearn suggest` measured, for the terminal: matrix, scale, bars and tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tlearn.cli.advice_text import expectation, finetune_command, option_flags, price
from tlearn.cli.display.formats import (
    bar,
    interval,
    option_name,
    percent,
    points,
    policy_name,
    rough_duration,
    rough_percent,
    stages_name,
)
from tlearn.cli.display.widgets import ACCENT, DIM, FRAMED, indented, no_wrap, safe_text, table
from tlearn.suggestion.accuracy_forecast import INTERVAL_COVERAGE, expected_accuracy
from tlearn.suggestion.int8_cost import Int8Cost
from tlearn.suggestion.matrix import LITTLE, LITTLE_PER_CLASS, MATRIX, Policy, Suggestion

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from tlearn.suggestion.accuracy_forecast import Option
    from tlearn.suggestion.advice import Advice
    from tlearn.suggestion.choices import Choice
    from tlearn.suggestion.depth_profile import DepthProfile
    from tlearn.suggestion.similarity import Similarity

_MOST_CLASSES = 8
_SCALE_WIDTH = 30
_LEFT = "different"


def draw_matrix(suggestion: Suggestion | None = None) -> Table:
    """Return the size x similarity matrix; the cell of a suggestion is lit and marked."""
    cell_here = (suggestion.size, suggestion.similarity) if suggestion else None
    grid = Table(box=FRAMED, show_lines=True, header_style=DIM, border_style=DIM)
    grid.add_column("")
    grid.add_column("similar images", min_width=18)
    grid.add_column("different images", min_width=18)
    few = f"under {LITTLE} images\nor {LITTLE_PER_CLASS} per class"
    for size_name, label in (("little", f"little data\n{few}"), ("lot", "a lot of data")):
        row: list[Text] = []
        for similarity_name in ("similar", "different"):
            cell = (size_name, similarity_name)
            here = cell == cell_here
            policy = policy_name(MATRIX[cell])
            row.append(Text(f"▶ {policy}\n  you are here", ACCENT) if here else Text(f"  {policy}"))
        grid.add_row(Text(label, DIM), *row)
    return grid


def draw_similarity(similarity: Similarity) -> RenderableType:
    """Return a scale from different from the source to similar to it, with the folder on it."""
    last, middle = _SCALE_WIDTH - 1, _SCALE_WIDTH // 2
    position = round(similarity.score * last)
    scale = Text("─" * middle + "┼" + "─" * (last - middle), DIM)
    marked = Text.assemble(scale[:position], ("◆", ACCENT), scale[position + 1 :])
    grid = Table.grid(padding=(0, 2))
    grid.add_row(
        "similarity",
        Text.assemble((f"{_LEFT} ", DIM), marked, (" similar", DIM)),
        f"{similarity.score:.2f} of 1",
    )
    if not similarity.calibrated:
        grid.add_row("", Text("a rough scale: not calibrated for this backbone and size", DIM))
    if not similarity.landmarks:
        return grid
    marks, legend = [" "] * _SCALE_WIDTH, []
    for letter, (kind, where) in zip("abcdefgh", similarity.landmarks.items(), strict=False):
        marks[round(where * last)] = letter
        legend.append(f"{letter} {kind}")
    grid.add_row("", Text(" " * len(f"{_LEFT} ") + "".join(marks), DIM))
    return Group(grid, Text("            " + ", ".join(legend), DIM))


def draw_nearest(nearest: Mapping[str, Sequence[tuple[str, float]]]) -> RenderableType:
    """Return what each class looks like to the backbone, in the classes of its source."""
    grid = Table.grid(padding=(0, 2))
    for label, classes in list(nearest.items())[:_MOST_CLASSES]:
        alike = ", ".join(f"{name} {percent(share, 0)}" for name, share in classes)
        grid.add_row(safe_text(label), safe_text(alike, DIM))
    more = len(nearest) - _MOST_CLASSES
    rest = [Text(f"and {more} more classes", DIM)] if more > 0 else []
    title = "Nearest classes the backbone was trained on (low shares: nothing like it)"
    return Group(Text(title, DIM), grid, *rest)


def draw_profile(profile: DepthProfile, seed: int) -> Group:
    """Return bars: how well a linear head does on the features of each stage."""
    grid = Table.grid(padding=(0, 2))
    guess, several = profile.guessing, stages_name(profile.multi_stage.head_stages)
    cells = ("guessing", f"{bar(guess):<30}", f"{percent(guess):>6}")
    grid.add_row(*(Text(cell, DIM) for cell in cells))
    for name, head_score in zip((*profile.names, several), profile.scores, strict=False):
        best = head_score is profile.best
        grid.add_row(
            safe_text(name),
            Text(f"{bar(head_score.accuracy):<30}", ACCENT if best else "blue"),
            Text(f"{percent(head_score.accuracy):>6}"),
            Text("◀ best", ACCENT) if best else Text(),
        )
    folds = f"({profile.last.folds}-fold cross-validation, seed {seed})"
    title = (
        f"Accuracy of a linear head on each stage {folds};\nguessing: always naming the largest "
        "class"
    )
    if profile.last.scores is not None:
        title = (
            f"What a linear head on each stage takes away of the loss {folds};\n"
            "guessing: the best answer that is always the same"
        )
    return Group(Text(title, DIM), grid)


def draw_options(advice: Advice) -> RenderableType:
    """Return every way to train: what it is expected to reach, and how long it takes."""
    coverage = f"{percent(INTERVAL_COVERAGE, 0)} interval"
    rows = table("policy", "head on", "expected", coverage, "time", "", right=(2, 3, 4))
    advised = (advice.suggestion.policy, advice.suggestion.head_stages)
    for option in advice.options:
        lit = (option.policy, option.head_stages) == advised
        rows.add_row(
            Text(("▶ " if lit else "  ") + policy_name(option.policy), ACCENT if lit else ""),
            Text(option.head_stages, ACCENT if lit else ""),
            rough_percent(option.accuracy),
            interval(option.low, option.high, 0),
            rough_duration(option.seconds) if option.seconds else "-",
            Text(_grounds(option), DIM),
        )
    n_tested = advice.evidence.n_tested if advice.evidence else 0
    test = f" of {n_tested} images" if n_tested else ""
    note = (
        "head on: the stages that the head reads; later ones are cut off\n"
        "expected: what was measured, drawn toward what is usual and corrected for\n"
        "training on all images"
        f"{_best_not_listed(advice)}\n"
        f"interval: where the accuracy of a test{test} will lie\n"
        "time: on this machine"
    )
    return Group(rows, Text(note, DIM))


def _best_not_listed(advice: Advice) -> str:
    """Return why the stage that measured best is not among the options, if it is not."""
    profile, evidence = advice.profile, advice.evidence
    if profile is None or evidence is None:
        return ""
    best = profile.best.head_stages
    head = next((head for head in evidence.heads if head.head_stages == best), None)
    if head is None or advice.option(Policy.LINEAR_HEAD, best):
        return ""
    expected = rough_percent(expected_accuracy(evidence, head))
    return f"\n{stages_name(best)}, measured best, is not listed: {expected} expected"


def draw_int8(cost: Int8Cost) -> Text:
    """Return what is lost when the network computes in int8."""
    gained = cost.drop < 0
    change = (
        f"{'gains' if gained else 'costs'} {points(cost.drop)}" if cost.drop else "costs nothing"
    )
    sentence = (
        f"{change} (standard error {100 * cost.error:.1f}) of {percent(cost.accuracy)}, measured "
        f"on {cost.n_images} images"
    )
    if not cost.passes_gate:
        sentence += "; prefer --quantize dynamic or float16, or another backbone"
    return Text.assemble(("int8       ", DIM), sentence)


def draw_choices(
    choices: Sequence[Choice], folder: Path, overrides: Mapping[str, Any]
) -> list[RenderableType]:
    """Return two or three ways to go on, fast to best, each with its command."""
    blocks: list[RenderableType] = []
    for choice in choices:
        option = choice.option
        name = option_name(option.policy, option.head_stages)
        cost = price(choice).removesuffix(" expected")
        line = f"{choice.role}: {name}, {expectation(option)}, {cost}"
        command = finetune_command(folder, option_flags(option), overrides)
        blocks += [
            indented(Text(line, ACCENT if choice.role == "advised" else "")),
            no_wrap(safe_text(f"    {command}", DIM)),
        ]
    return blocks


def _grounds(option: Option) -> str:
    if option.tried is not None:
        return f"tried: {percent(option.tried, 0)}"
    return "measured" if option.measured else "forecast"
