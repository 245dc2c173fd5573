"""`tlearn export --max-size --max-latency`: the best file that fits, or what is nearest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from tlearn.cli import render, snippets
from tlearn.cli.progress import Display, print_json, print_result
from tlearn.cli.render import BAD, DIM, GOOD
from tlearn.cli.units import parse_latency, parse_size
from tlearn.errors import ExportError, GateError

if TYPE_CHECKING:
    from tlearn.export.budget import Budget, BudgetResult
    from tlearn.export.parity import Artifact

_UNDER_THE_FIRST = "\n" + " " * len("hint: ")


def read_budget(max_size: str | None, max_latency: str | None) -> Budget | None:
    """The limits that were given; None where there are none.

    Raises:
        RecipeError: One is no size, or no time.
    """
    if max_size is None and max_latency is None:
        return None
    from tlearn.export.budget import Budget

    return Budget(
        None if max_size is None else parse_size(max_size, "--max-size"),
        None if max_latency is None else parse_latency(max_latency, "--max-latency"),
    )


def modes_to_try(formats: Sequence[str], quantize: Sequence[str]) -> list[str]:
    """The modes that a person named, or all of them.

    Raises:
        ExportError: Another format than LiteRT was asked for.
    """
    from tlearn.export.quantization import SMALLER

    if others := [f"--{name.replace('_', '-')}" for name in formats if name != "tflite"]:
        raise ExportError(
            "--max-size and --max-latency choose among LiteRT files",
            f"leave {', '.join(others)} out; export by a command of its own",
        )
    return list(quantize or SMALLER)


def export_within(
    run: Path | None,
    formats: Sequence[tuple[str, str]],
    limits: Budget,
    where: Mapping[str, Any],
    platforms: Sequence[str],
    as_json: bool,
) -> None:
    """Export the best file within the limits and tell about all that were tried.

    Args:
        run: The run directory; None takes the newest.
        formats: Pairs of format and quantization.
        limits: The budget.
        where: Further arguments of `api.export_within`.
        platforms: What to write programs for.
        as_json: Print the document.

    Raises:
        GateError: No file is within the budget.
    """
    from tlearn import api

    with Display(as_json) as display:
        choice, ways = api.export_within(run, formats, limits, **where, progress=display)
        programs = api.write_snippets([choice.kept] if choice.kept else [], platforms)
    if as_json:
        print_json(to_json(choice, ways) | snippets.to_json(programs))
        raise typer.Exit(0 if choice.kept else GateError.exit_code)
    print_result(*draw(choice), *snippets.draw(programs), *_next(choice))
    if choice.kept is None:
        raise GateError(_missed(choice), _UNDER_THE_FIRST.join(ways))


def to_json(choice: BudgetResult, ways: Sequence[str]) -> dict[str, Any]:
    """The document: what was tried, what was kept; only that has a path."""
    return {
        "artifacts": [
            asdict(one)
            | {"path": str(one.path) if one is choice.kept else None}
            | {"kept": one is choice.kept, "within_budget": choice.budget.fits(one)}
            for one in choice.candidates
        ],
        "budget": asdict(choice.budget),
        "kept": str(choice.kept.path) if choice.kept else None,
        "nearest": choice.nearest.quantization,
        "reason": choice.reason,
        "errors_by_mode": dict(choice.errors_by_mode),
        "suggestions": list(ways),
    }


def draw(choice: BudgetResult) -> list[RenderableType]:
    """One line a candidate, then what was kept and why."""
    made = render.table(
        *("", "format", "numbers", "size", "ms", "accuracy", "drop", ""), right=(3, 4, 5, 6)
    )
    for one in choice.candidates:
        made.add_row(
            Text("✓", GOOD) if one is choice.kept else Text(""),
            one.format,
            _numbers(one),
            Text(render.size(one.size_bytes), _style(choice.budget.size_ratio(one))),
            Text(f"{one.milliseconds:.1f}", _style(choice.budget.time_ratio(one))),
            render.percent(one.accuracy),
            f"{100 * one.accuracy_drop:.1f}",
            Text(_verdict(one, choice), DIM),
        )
    legend = (
        f"budget: {_limits(choice.budget)}; accuracy on the validation pictures;\n"
        "ms: median of one picture at a time on one thread of this machine"
    )
    blocks: list[RenderableType] = [Text(), made, Text(legend, DIM)]
    blocks += [
        render.lines(f"\n{mode} could not be written: {why}", BAD)
        for mode, why in choice.errors_by_mode.items()
    ]
    if choice.kept:
        file = render.words(render.near(choice.kept.path))
        blocks += [Text(), render.facts({"kept": file, "because": Text(choice.reason)})]
    return blocks


def _next(choice: BudgetResult) -> list[RenderableType]:
    kept = choice.kept
    return [render.next_step(f"tlearn benchmark {render.argument(kept.path)}")] if kept else []


def _verdict(artifact: Artifact, choice: BudgetResult) -> str:
    size, time = choice.budget.size_ratio(artifact), choice.budget.time_ratio(artifact)
    if artifact is choice.kept:
        return "kept"
    if not artifact.passed:
        return "failed the check"
    if size > 1 and time > 1:
        return "too large, too slow"
    return "too large" if size > 1 else "too slow" if time > 1 else "fits"


def _style(ratio: float) -> str:
    return BAD if ratio > 1 else ""


def _numbers(artifact: Artifact) -> str:
    return "float32" if artifact.quantization == "none" else artifact.quantization


def _limits(budget: Budget) -> str:
    size = f"at most {render.size(budget.max_bytes)}" if budget.max_bytes else ""
    time = f"at most {budget.max_milliseconds:g} ms" if budget.max_milliseconds else ""
    return ", ".join(filter(None, (size, time)))


def _missed(choice: BudgetResult) -> str:
    near = choice.nearest
    what = f"{_numbers(near)} with {render.size(near.size_bytes)} and {near.milliseconds:.1f} ms"
    if not near.passed:
        return f"no file passed the check; nearest to the budget is {what}: {near.failure}"
    return f"no file that passed is within the budget ({_limits(choice.budget)}); nearest is {what}"
