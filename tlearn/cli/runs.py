"""`tlearn runs`: what has been trained, newest first; `tlearn runs rm` removes runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from tlearn.cli import options
from tlearn.cli.display.formats import (
    escape_control,
    percent,
    pluralize,
    relative_path,
    shell_path,
    size,
)
from tlearn.cli.display.progress import print_json, print_result
from tlearn.cli.display.widgets import (
    BAD,
    DIM,
    WARN,
    bullets,
    heading,
    indented,
    next_step,
    safe_text,
    table,
)
from tlearn.cli.help import Command, CommandGroup
from tlearn.errors import TlearnError
from tlearn.evaluation.wording import split_in_words
from tlearn.runs.directory import RUNS_ROOT

if TYPE_CHECKING:
    from tlearn.commands.runs import RunSummary

_LIST = "list"
_TRAIN = "tlearn finetune FOLDER"
_HELP = ("-h", "--help")
_STATES = {
    "unfinished": Text("unfinished", WARN),
    "damaged": Text("damaged", BAD),
    "foreign": Text("not a run", DIM),
}


class _ListByDefault(CommandGroup):
    """A group that lists when it is given no command: `tlearn runs FOLDER --json`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        known = args and (args[0] in self.commands or args[0] in _HELP)
        return super().parse_args(ctx, args if known else [_LIST, *args])


runs = typer.Typer(
    name="runs",
    cls=_ListByDefault,
    help="""List the runs: date, images, accuracy, size, finished or not.

    Example: [cyan]tlearn runs[/]
    In another folder, for scripts: [cyan]tlearn runs experiments/ --json[/]
    Remove one: [cyan]tlearn runs rm runs/20260101-120000-deep[/]
    """,
    subcommand_metavar="[FOLDER] [--json] | rm RUN...",
)


@runs.command(_LIST, cls=Command)
def list_runs(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="Folder of runs, or one run. Left out: runs/.",
            show_default=False,
        ),
    ] = RUNS_ROOT,
    as_json: options.Json = False,
) -> None:
    """List the runs in a folder; the same as [cyan]tlearn runs[/]."""
    from tlearn.commands import runs as commands

    summaries = commands.list_runs(folder)
    if as_json:
        print_json({"folder": str(folder), "runs": [to_json(run) for run in summaries]})
    else:
        print_result(*draw(folder, summaries))


@runs.command("rm", cls=Command)
def rm(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Directories of runs.", show_default=False),
    ],
    yes: Annotated[bool, options.switch("Remove without asking.", "--yes")] = False,
    as_json: options.Json = False,
) -> None:
    """Remove runs, after asking. Nothing is removed where one of them cannot be.

    A folder is removed only if tlearn made it and nothing else is in it. Links are not followed.

    Example: [cyan]tlearn runs rm runs/20260101-120000-deep[/]
    """
    from tlearn.commands import runs as commands

    summaries = commands.check_removable(paths)
    removed = summaries if yes or _confirmed(summaries, as_json) else []
    for run in removed:
        commands.remove_run(run.path)
    freed = sum(run.size_bytes for run in removed)
    if as_json:
        print_json({"removed": [str(run.path) for run in removed], "removed_bytes": freed})
    elif removed:
        text = f"removed {pluralize(len(removed), 'run')}, {size(freed)} freed"
        print_result(Text(text), next_step("tlearn runs"))
    else:
        print_result(Text("nothing was removed"))


def to_json(run: RunSummary) -> dict[str, Any]:
    """Return a run as plain values."""
    values = asdict(run) | {"path": str(run.path), "started": run.started.isoformat()}
    return values | {"finished": run.state == "finished"}


def draw(folder: Path, summaries: Sequence[RunSummary]) -> list[RenderableType]:
    """Return the list as a table, with what is wrong with damaged runs below it."""
    if not summaries:
        empty = Text(f"\nno runs in '{escape_control(relative_path(folder))}' yet")
        return [empty, next_step(_TRAIN)]
    blocks: list[RenderableType] = [Text(), run_table(summaries)]
    damaged = [f"{relative_path(run.path)}: {run.problem}" for run in summaries if run.problem]
    if damaged:
        blocks += [heading("Damaged"), indented(bullets(damaged))]
    return [*blocks, next_step(_next(summaries))]


def run_table(summaries: Sequence[RunSummary]) -> RenderableType:
    """Return a row for each run; when, and on what, it was trained stands below its path."""
    grid = table("run", "policy", "accuracy", "size", right=(3,))
    for run in summaries:
        data = escape_control(Path(run.data or "").name)
        policy = (run.policy or "").replace("_", "-")
        backbone = escape_control(Path(run.backbone or "").name)
        grid.add_row(
            Text.assemble(
                safe_text(relative_path(run.path)),
                (f"\n{run.started:%Y-%m-%d %H:%M}  {data}".rstrip(), DIM),
            ),
            Text.assemble(policy, (f"\n{backbone}", DIM)),
            _result(run),
            size(run.size_bytes),
        )
    return grid


def _result(run: RunSummary) -> Text:
    if run.state != "finished":
        return _STATES[run.state]
    images = f"of {run.n:,} {split_in_words(run.split or '')}"
    score = percent(run.accuracy) if run.headline is None else escape_control(run.headline)
    return Text.assemble((score, "bold"), (f"\n{images}", DIM))


def _next(summaries: Sequence[RunSummary]) -> str:
    """Return the command that fits: compare the newest two of the same classes' folder, or look."""
    finished = [run for run in summaries if run.state == "finished"]
    for number, newer in enumerate(finished):
        for older in finished[number + 1 :]:
            if newer.data == older.data:
                names = shell_path(older.path), shell_path(newer.path)
                return f"tlearn compare {' '.join(names)}"
    return f"tlearn evaluate {shell_path(finished[0].path)}" if finished else _TRAIN


def _confirmed(summaries: Sequence[RunSummary], as_json: bool) -> bool:
    """Ask on the terminal.

    Raises:
        TlearnError: There is nobody to ask.
    """
    count = pluralize(len(summaries), "run")
    if as_json or _nobody_to_ask():
        raise TlearnError(
            f"{count} would be removed, and nobody is here to confirm it",
            "remove without asking: --yes",
        )
    total = size(sum(run.size_bytes for run in summaries))
    print_result(Text(), run_table(summaries), Text())
    return typer.confirm(f"Remove {count} ({total})? This cannot be undone.", err=True)


def _nobody_to_ask() -> bool:
    return not sys.stdin.isatty()
