"""`tlearn export --max-size --max-latency`: the best file that fits, or what comes nearest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from tlearn.cli import snippets
from tlearn.cli.display.formats import (
    change,
    percent,
    quantization_name,
    relative_path,
    shell_path,
    size,
)
from tlearn.cli.display.progress import Display, print_json, print_result
from tlearn.cli.display.widgets import (
    BAD,
    DIM,
    GOOD,
    key_value_table,
    next_step,
    safe_lines,
    safe_text,
    table,
)
from tlearn.cli.export_view import about_use, point_of
from tlearn.cli.units import parse_latency, parse_size
from tlearn.errors import ExportError, GateError

if TYPE_CHECKING:
    from tlearn.export.budget import Budget, BudgetResult
    from tlearn.export.parity import Artifact


def read_budget(
    max_size: str | None, max_latency: str | None, for_runtime: str | None, chosen: bool
) -> Budget | None:
    """Return the limits that the best file is looked for within; None where none is looked for.

    Args:
        max_size: As it was written, or None.
        max_latency: Likewise.
        for_runtime: A version, or None. Alone it is a limit where no format was chosen.
        chosen: Whether a format or a mode was.

    Raises:
        RecipeError: One is no size, or no time.
    """
    if max_size is None and max_latency is None and (chosen or not for_runtime):
        return None
    from tlearn.export.budget import Budget

    return Budget(
        None if max_size is None else parse_size(max_size, "--max-size"),
        None if max_latency is None else parse_latency(max_latency, "--max-latency"),
        for_runtime or "",
    )


def modes_to_try(formats: Sequence[str], quantize: Sequence[str]) -> list[str]:
    """Return the modes that were named, or all of them.

    Raises:
        ExportError: Another format than LiteRT was asked for.
    """
    from tlearn.export.quantization import SMALLER

    if others := [f"--{name.replace('_', '-')}" for name in formats if name != "tflite"]:
        raise ExportError(
            f"--max-size and --max-latency choose among LiteRT files, not {' or '.join(others)}",
            f"export other formats by a command of their own: tlearn export {others[0]}",
        )
    return list(quantize or SMALLER)


def export_within(
    run: Path | None,
    formats: Sequence[tuple[str, str]],
    budget: Budget,
    settings: Mapping[str, Any],
    programs: snippets.Wanted,
    display: Display,
) -> None:
    """Export the best file within a budget and report on all that were tried.

    Args:
        run: The run directory; None takes the latest.
        formats: Pairs of format and quantization.
        budget: The limits.
        settings: Further arguments of `api.export_within`.
        programs: Those to write beside the file.
        display: Shows progress; its `as_json` asks for the document.

    Raises:
        GateError: No file is within the budget.
    """
    from tlearn import api

    with display:
        result = api.export_within(run, formats, budget, **settings, progress=display)
        written = programs.write([result.kept] if result.kept else [])
    if display.as_json:
        print_json(to_json(result) | snippets.to_json(written))
        raise typer.Exit(0 if result.kept else GateError.exit_code)
    print_result(*draw(result), *snippets.draw(written), *_next(result))
    if result.kept is None:
        raise GateError(_miss(result), "\n".join(result.suggestions))


def to_json(result: BudgetResult) -> dict[str, Any]:
    """Return the document: what was tried, what was kept; only that has a path."""
    return {
        "artifacts": [
            asdict(artifact)
            | {"path": str(artifact.path) if artifact is result.kept else None}
            | {"kept": artifact is result.kept, "within_budget": result.budget.fits(artifact)}
            for artifact in result.candidates
        ],
        "budget": asdict(result.budget),
        "kept": str(result.kept.path) if result.kept else None,
        "nearest": result.nearest.quantization,
        "reason": result.reason,
        "errors_by_mode": dict(result.errors_by_mode),
        "suggestions": list(result.suggestions),
    }


def draw(result: BudgetResult) -> list[RenderableType]:
    """Return one line per candidate, then which one was kept and why."""
    rows = table(
        *("", "format", "numbers", "size", "ms", "accuracy", "change", ""), right=(3, 4, 5, 6)
    )
    for artifact in result.candidates:
        rows.add_row(
            Text("✓", GOOD) if artifact is result.kept else Text(""),
            artifact.format,
            quantization_name(artifact.quantization),
            Text(size(artifact.size_bytes), _style(result.budget.size_ratio(artifact))),
            Text(f"{artifact.milliseconds:.1f}", _style(result.budget.time_ratio(artifact))),
            percent(artifact.accuracy),
            change(-artifact.accuracy_drop),
            Text(_verdict(artifact, result), DIM),
        )
    legend = (
        f"budget: {_limits(result.budget)}\n"
        "accuracy: on the validation images; change: in points, from the model's\n"
        "ms: median of one image at a time on one thread of this machine"
        f"{about_use(result.nearest)}"
    )
    blocks: list[RenderableType] = [Text(), rows, Text(legend, DIM)]
    blocks += [
        safe_lines(f"\n{quantization_name(mode)} could not be written: {why}", BAD)
        for mode, why in result.errors_by_mode.items()
    ]
    if result.kept:
        file = safe_text(relative_path(result.kept.path)).append(point_of(result.kept), DIM)
        blocks += [Text(), key_value_table({"kept": file, "because": safe_text(result.reason)})]
    return blocks


def _next(result: BudgetResult) -> list[RenderableType]:
    kept = result.kept
    return [next_step(f"tlearn benchmark {shell_path(kept.path)}")] if kept else []


def _verdict(artifact: Artifact, result: BudgetResult) -> str:
    size_ratio, time_ratio = result.budget.size_ratio(artifact), result.budget.time_ratio(artifact)
    if artifact is result.kept:
        return "kept"
    if not artifact.passed:
        return "failed the check"
    if size_ratio > 1 and time_ratio > 1:
        return "too large, too slow"
    return "too large" if size_ratio > 1 else "too slow" if time_ratio > 1 else "fits"


def _style(ratio: float) -> str:
    return BAD if ratio > 1 else ""


def _limits(budget: Budget) -> str:
    size_limit = f"at most {size(budget.max_bytes)}" if budget.max_bytes else ""
    time_limit = f"at most {budget.max_milliseconds:g} ms" if budget.max_milliseconds else ""
    runtime = f"runs in TensorFlow Lite {budget.for_runtime}" if budget.for_runtime else ""
    return ", ".join(filter(None, (size_limit, time_limit, runtime)))


def _miss(result: BudgetResult) -> str:
    near = result.nearest
    mode = quantization_name(near.quantization)
    file = f"{mode} with {size(near.size_bytes)} and {near.milliseconds:.1f} ms"
    if not near.passed:
        return f"no file passed the check; nearest to the budget is {file}: {near.failure}"
    return f"no file that passed is within the budget ({_limits(result.budget)}); nearest is {file}"
