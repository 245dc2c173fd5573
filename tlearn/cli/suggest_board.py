"""`tlearn suggest --max-ram --max-flash`: which cut of a network fits a board, as a table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from tlearn.cli import options
from tlearn.cli.advice_text import finetune_command
from tlearn.cli.display.formats import change, interval, percent, size, stages_name
from tlearn.cli.display.progress import Display, print_json, print_result
from tlearn.cli.display.widgets import DIM, GOOD, dataset_table, next_steps, table
from tlearn.cli.units import parse_size
from tlearn.errors import GateError, RecipeError

if TYPE_CHECKING:
    from tlearn.commands.fit_board import BoardAdvice
    from tlearn.suggestion.board_fit import BoardLimits

_BOARD = "Small boards"

MaxRam = Annotated[
    str | None,
    options.option(
        "Look for a network that takes no more RAM on a small board: a backbone cut off after a "
        "stage, on small images, in int8.",
        "200kB",
        _BOARD,
    ),
]
MaxFlash = Annotated[
    str | None, options.option("The same for the flash that the network takes.", "300kB", _BOARD)
]


def read_limits(
    max_flash: str | None, max_ram: str | None, others: Mapping[str, object]
) -> BoardLimits | None:
    """Return the limits that were given; None where there are none.

    Args:
        max_flash: As it was written.
        max_ram: Likewise.
        others: Flags that do not go with limits, and what they were called with.

    Raises:
        RecipeError: One is no size, or another flag was given, too.
    """
    from tlearn.suggestion.board_fit import BoardLimits

    given = {"flash": max_flash, "ram": max_ram}
    sizes = {key: parse_size(text, f"--max-{key}") for key, text in given.items() if text}
    if not sizes:
        return None
    if beside := [flag for flag, value in others.items() if value]:
        raise RecipeError(
            f"{beside[0]} does not go with --max-{next(iter(sizes))}: of a board, what is tried is "
            "where to cut the network, and the size of images",
            f"leave out {beside[0]}",
        )
    return BoardLimits(**sizes)


def suggest_for_board(
    folder: Path,
    limits: BoardLimits,
    overrides: Mapping[str, Any],
    keep_cache: bool,
    display: Display,
) -> None:
    """Measure what fits a board and report on it.

    Args:
        folder: The images.
        limits: Of the board.
        overrides: Recipe keys set by flags.
        keep_cache: See `api.suggest_for_board`.
        display: Shows progress; its `as_json` asks for the document.

    Raises:
        GateError: Nothing is within the limits.
    """
    from tlearn import api

    with display:
        advice = api.suggest_for_board(
            folder, limits, flags=overrides, keep_cache=keep_cache, progress=display
        )
    command = next_command(folder, advice, overrides)
    if display.as_json:
        print_json(to_json(advice, command))
        raise typer.Exit(0 if command else GateError.exit_code)
    print_result(*draw(advice))
    if not command:
        least = min(advice.candidates, key=lambda one: (one.ram, one.flash))
        raise GateError(
            f"nothing fits: the least takes {size(least.flash)} of flash and {size(least.ram)} "
            "of RAM",
            "allow more: --max-flash SIZE --max-ram SIZE",
        )
    print_result(next_steps({command: "", "tlearn export --for esp32": "or another board"}))


def next_command(folder: Path, advice: BoardAdvice, overrides: Mapping[str, Any]) -> str:
    """Return the command that trains what is advised; empty where nothing is."""
    if advice.advised is None:
        return ""
    keys = dict(overrides) | {
        "backbone": advice.backbone,
        "image_size": advice.advised.image_size,
    }
    stages = f"head_stages={advice.advised.score.head_stages}"
    return finetune_command(folder, ["--policy", "linear-head", "--set", stages], keys)


def to_json(advice: BoardAdvice, command: str) -> dict[str, Any]:
    """Return the document; what was not measured, and a limit that was not given, is null."""
    limits = {
        key: value if math.isfinite(value) else None for key, value in vars(advice.limits).items()
    }
    return {
        "limits": limits,
        "backbone": advice.backbone,
        "candidates": [
            {
                "image_size": one.image_size,
                "head_stages": one.score.head_stages,
                "flash_bytes": one.flash,
                "ram_bytes": one.ram,
                "accuracy": one.score.accuracy,
                "interval": one.interval,
                "accuracy_in_int8": one.accuracy if one.int8 else None,
                "fits": one.fits(advice.limits),
                "advised": one is advice.advised,
            }
            for one in advice.candidates
        ],
        "command": command or None,
    }


def draw(advice: BoardAdvice) -> list[RenderableType]:
    """Return the candidates, the advised one marked."""
    rows = table(
        "", "image", "head on", "flash", "RAM", "accuracy", "interval", "in int8", right=range(3, 8)
    )
    for one in advice.candidates:
        chosen = one is advice.advised
        rows.add_row(
            Text("✓", GOOD) if chosen else "",
            f"{one.image_size} px",
            stages_name(one.score.head_stages),
            size(one.flash),
            size(one.ram),
            percent(one.score.accuracy),
            interval(*one.interval),
            change(-one.int8.drop) if one.int8 else "",
        )
    note = (
        f"{advice.backbone}, cut off after a stage; what another cut beats in all is left out\n"
        "flash, RAM: of the network in int8, estimated; accuracy: of a head, with its 95%\n"
        "interval; in int8: points that are lost then, of the best that fit"
    )
    return [Text(), dataset_table(advice.dataset), Text(), rows, Text(note, DIM)]
