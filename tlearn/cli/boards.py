"""`tlearn export --for BOARD`: sources in C++ for a board."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType

from tlearn.cli import options, snippets
from tlearn.cli.display.formats import change, percent, pluralize, relative_path, size
from tlearn.cli.display.progress import Display, print_json, print_result
from tlearn.cli.display.widgets import BAD, WARN, bullets, heading, key_value_table, safe_text
from tlearn.cli.export_view import draw as draw_artifacts
from tlearn.errors import ExportError, GateError

if TYPE_CHECKING:
    from tlearn.export.board_files import BoardFiles
    from tlearn.export.budget import Budget

For = Annotated[
    str | None,
    options.option(
        "A board: esp32, rp2350, stm32 or ethos-u. Writes the int8 file and, beside it, a program "
        "in C++ with the network in it, run in TensorFlow Lite Micro; needs pip install "
        "'.\\[board]'.",
        "BOARD",
        "Formats",
        name="--for",
    ),
]


def ensure_int8_alone(
    board: str, formats: Sequence[str], quantize: Sequence[str], budget: Budget | None
) -> None:
    """Check what else was asked for beside a board.

    Raises:
        ExportError: There is no such board, or it does not take what else was chosen.
    """
    from tlearn.export.board_files import ensure_int8
    from tlearn.export.boards import find_board

    find_board(board)
    if others := [f"--{name.replace('_', '-')}" for name in formats if name != "tflite"]:
        raise ExportError(
            f"--for {board} writes an int8 LiteRT file, not {' or '.join(others)}",
            f"export other formats by a command of their own: tlearn export {others[0]}",
        )
    if budget:
        raise ExportError(
            "--max-size, --max-latency and --for-runtime choose among modes, and "
            f"--for {board} takes int8 alone",
            f"leave them out: tlearn export --for {board}",
        )
    for mode in quantize:
        ensure_int8(mode.lower().replace("-", "_"), board)


def export_for(
    run: Path | None,
    board: str,
    settings: Mapping[str, Any],
    wanted: snippets.Wanted,
    display: Display,
) -> None:
    """Export the int8 file with the sources for a board, and report on both.

    Args:
        run: The run directory; None takes the latest.
        board: Name of the board.
        settings: Further arguments of `api.export_for_board`.
        wanted: Programs to write, too.
        display: Shows progress; its `as_json` asks for the document.

    Raises:
        GateError: The file fails its check, here or in TensorFlow Lite Micro.
    """
    from tlearn import api

    with display:
        artifact, files = api.export_for_board(run, board.lower(), **settings, progress=display)
        programs = wanted.write([artifact])
    passed = files is not None and not files.failure
    if display.as_json:
        document = {"artifacts": [asdict(artifact) | {"path": str(artifact.path)}]}
        print_json(document | snippets.to_json(programs) | to_json(files))
        raise typer.Exit(0 if passed else GateError.exit_code)
    print_result(*draw_artifacts([artifact]), *snippets.draw(programs), *draw(files))
    if not passed:
        where = "in TensorFlow Lite Micro" if files else "in int8"
        hint = f"allow a larger loss, or let less of the network be used: {_ways(board)}"
        raise GateError(f"the network fails {where}, and boards have no other mode", hint)


def to_json(files: BoardFiles | None) -> dict[str, Any]:
    """Return the entry of a board in the document; null where the file itself failed."""
    if files is None:
        return {"board": None}
    return {"board": asdict(files) | {"folder": str(files.folder), "fits": files.fits}}


def draw(files: BoardFiles | None) -> list[RenderableType]:
    """Return what was measured, and where the sources are."""
    from tlearn.export.boards import find_board

    if files is None:
        return []
    board = find_board(files.board)
    how = "counted by Vela" if files.vela else "measured"
    changed = change(-files.accuracy_drop)
    beside = "as the model" if changed == "none" else f"{changed} points from the model's"
    rows = {
        "accuracy": f"{percent(files.accuracy)} on {pluralize(files.n_checked, 'image')} in "
        f"TensorFlow Lite Micro, {beside}",
        "flash": f"{size(files.model_bytes)} for the network, of about {size(board.flash_bytes)}",
        "RAM": f"{size(files.arena_bytes)} for the arena, of about {size(board.ram_bytes)}; "
        f"{size(files.measured_bytes)} {how}, the rest is margin",
        "operators": f"{sum(files.operators.values())} of {len(files.operators)} kinds"
        + _on_npu(files),
    }
    if files.refused is not None:
        rows["refused"] = f"{percent(files.refused)} of these images are 'none of these'"
    if files.vela:
        rows["compiled by"] = files.vela
    table = key_value_table({name: safe_text(text) for name, text in rows.items()})
    notes = [safe_text(f"{relative_path(files.folder)}/main.cc says how to build it")]
    if files.failure:
        notes = [safe_text(files.failure, BAD)]
    elif not files.fits:
        notes.append(safe_text("more than the chip's own memory holds", WARN))
    return [heading(f"For {board.chip}, with {board.framework}"), table, bullets(notes)]


def _on_npu(files: BoardFiles) -> str:
    if files.n_on_cpu is None:
        return ""
    return f", {sum(files.operators.values()) - files.n_on_cpu} of them on the NPU"


def _ways(board: str) -> str:
    return f"tlearn export --for {board} --max-drop POINTS"
