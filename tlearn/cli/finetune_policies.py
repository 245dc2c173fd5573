"""`tlearn finetune --policies`: several policies side by side, in one table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import typer
from rich.console import RenderableType
from rich.text import Text

from tlearn.cli.display.formats import (
    duration,
    enumeration,
    interval,
    percent,
    policy_name,
    relative_path,
    size,
)
from tlearn.cli.display.progress import Display, print_json, print_result
from tlearn.cli.display.widgets import (
    DIM,
    WARN,
    bullets,
    heading,
    indented,
    key_value_table,
    safe_lines,
    safe_text,
    table,
)
from tlearn.errors import GateError, RecipeError

if TYPE_CHECKING:
    from tlearn.commands.policies import PoliciesResult


def run(
    folder: Path | None,
    policies: str,
    chosen: tuple[str | None, Mapping[str, Any]],
    kept: Mapping[str, Any],
    one: Mapping[str, Any],
    display: Display,
) -> NoReturn:
    """Train and compare policies, show what came of it, and end the command.

    Args:
        folder: Image folder.
        policies: Their names, between commas.
        chosen: Recipe, and its keys that were set by flags.
        kept: What is kept, and where.
        one: Options of a single training, none of which may be set.
        display: Shows the progress.

    Raises:
        TlearnError: The options cannot be used together, or every policy failed.
    """
    recipe, flags = chosen
    wrong = [f"--{name.replace('_', '-')}" for name in one if one[name] not in (None, False)]
    wrong += ["--policy"] * ("policy" in flags)
    if wrong or folder is None:
        flag = wrong[0] if wrong else "--resume"
        problem = f"--policies cannot be combined with {flag}"
        raise RecipeError(
            problem, "leave one out: tlearn finetune FOLDER --policies deep,linear-head"
        )
    from tlearn import api

    with display:
        result = api.finetune_policies(
            folder,
            policies.split(","),
            recipe,
            flags,
            **kept,
            progress=display,
            on_epoch=display.epoch,
            on_plan=lambda planned: display.show(heading(policy_name(planned.plan.policy))),
        )
    if display.as_json:
        print_json(to_json(result))
    else:
        print_result(*draw(result))
    raise typer.Exit(GateError.exit_code if result.failed else 0)


def to_json(result: PoliciesResult) -> dict[str, Any]:
    """Return the document; policies are in the order of their accuracy."""
    return {
        "policies": [*_rows(result)],
        "failed": [
            {"policy": name, "error": error.message, "hint": error.hint}
            for name, error in result.failed.items()
        ],
        "page": str(result.page) if result.page else None,
    }


def _rows(result: PoliciesResult) -> Iterator[dict[str, Any]]:
    from tlearn.commands.compared_run import read_compared_run
    from tlearn.evaluation.metrics import Report

    comparison = result.comparison
    for number, (name, directory) in enumerate(result.runs.items()):
        run = comparison.runs[number] if comparison else read_compared_run(directory.path)
        paired = comparison.paired[number] if comparison and comparison.paired else None
        report = run.report
        assert isinstance(report, Report)  # of other tasks, --policies is refused
        yield {
            "policy": name,
            "run": str(run.path),
            "test_accuracy": report.accuracy if report.split == "test" else None,
            "val_accuracy": report.accuracy if report.split == "val" else None,
            "interval": report.interval,
            "difference": {"value": paired.gain, "interval": paired.interval}
            if paired and number
            else None,
            "seconds": run.seconds,
            "size_bytes": run.model_bytes,
        }


def draw(result: PoliciesResult) -> list[RenderableType]:
    """Return the table, what failed, and where the runs are."""
    names = ("policy", "right", "95% interval", "points to the best", "time", "size")
    grid, runs = table(*names, right=range(1, 6)), dict[str, RenderableType]()
    grid.columns[0].no_wrap = True
    for row in _rows(result):
        accuracy = row["val_accuracy"] if row["test_accuracy"] is None else row["test_accuracy"]
        difference = "best" if row["difference"] is None else _points(**row["difference"])
        grid.add_row(
            policy_name(row["policy"]),
            Text(percent(accuracy), "bold"),
            interval(*row["interval"]),
            difference,
            "-" if row["seconds"] is None else duration(row["seconds"]),
            size(row["size_bytes"]),
        )
        runs[policy_name(row["policy"])] = safe_text(relative_path(Path(row["run"])))
    if result.page:
        runs["page"] = safe_text(f"{relative_path(result.page)} (open it in a browser)")
    failed: list[str | Text] = [
        safe_lines(f"{policy_name(name)}: {error.message}\n{error.hint}", WARN)
        for name, error in result.failed.items()
    ]
    note = "Images and features are read once: the first policy pays for that."
    blocks: list[RenderableType] = [heading("Policies, the best first"), indented(grid)]
    blocks.append(Text(f"  {note}", DIM))
    if result.kept:
        kept = enumeration([policy_name(name) for name in result.kept])
        blocks.append(Text(f"  Trained before the command was stopped: {kept}.", DIM))
    if failed:
        blocks += [Text(), bullets(failed, "!")]
    return [*blocks, Text(), key_value_table(runs)]


def _points(value: float, interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{100 * value:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
