"""`tlearn doctor`: what is wrong with the images of a folder, and how to mend it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from tlearn.cli import options
from tlearn.cli.display.formats import escape_control, pluralize, relative_path
from tlearn.cli.display.progress import Display, print_json, print_result
from tlearn.cli.display.widgets import next_steps
from tlearn.errors import RecipeError, pasted

if TYPE_CHECKING:
    from tlearn.commands.doctor import DoctorResult

_Apply = Annotated[
    Path | None,
    options.option(
        "Move the files that the moves.csv of an earlier examination names, into quarantine/ or "
        "another class. Nothing is deleted.",
        "FILE",
    ),
]
_Undo = Annotated[bool, options.switch("Take back what --apply moved last.", "--undo")]
_Machine = Annotated[
    bool,
    options.switch(
        "Examine this machine instead: what it has, what is used, how fast.", "--machine"
    ),
]
_Out = Annotated[
    Path | None,
    options.option(
        "Where doctor.html and moves.csv go. Default: doctor/ and the folder's name, here or, "
        "if you are in the image folder, beside it.",
        "FOLDER",
        options.OUTPUT,
    ),
]


def doctor(
    context: typer.Context,
    folder: options.FolderOrRun = None,
    apply: _Apply = None,
    undo: _Undo = False,
    machine: _Machine = False,
    out: _Out = None,
    group_by: options.GroupBy = None,
    groups: options.Groups = None,
    backbone: options.Backbone = None,
    weights: options.Weights = None,
    image_size: options.ImageSize = None,
    resize: options.Resize = None,
    seed: options.Seed = None,
    no_cache: options.NoCache = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Examine your images: copies, wrong labels, shortcuts, faulty files.

    Writes a page with the images concerned, and a list of moves that would mend
    them. No file of yours is changed unless you ask with --apply.

    Example: [cyan]tlearn doctor flowers/[/]
    Mend: [cyan]tlearn doctor flowers/ --apply doctor/flowers/moves.csv[/]
    Your machine: [cyan]tlearn doctor --machine[/]
    """
    overrides = options.collect_overrides(context.params)
    if machine:
        if folder or apply or undo or out or overrides:
            raise RecipeError(
                "--machine examines this machine, and takes no folder and none of its flags",
                "leave them out: tlearn doctor --machine",
            )
        _examine_machine(Display(as_json, quiet, verbose))
        return
    if folder is None:
        raise RecipeError(
            "no folder is named",
            "name a folder of images, or examine this machine: tlearn doctor --machine",
        )
    if apply and undo:
        raise RecipeError(
            "--apply moves files and --undo moves them back",
            f"choose one: tlearn doctor {pasted(folder)} --undo",
        )
    if apply or undo:
        _move(folder, apply, as_json)
        return
    from tlearn import api

    with Display(as_json, quiet, verbose) as display:
        result = api.doctor(
            folder, flags=overrides, out=out, keep_cache=not no_cache, progress=display
        )
    if as_json:
        print_json(to_json(result, folder))
    else:
        print_result(*draw(result, folder, verbose))


def _examine_machine(display: Display) -> None:
    from tlearn.cli import machine_view as view
    from tlearn.commands.machine import look_at_machine, measure_machine

    with display:
        display("look at the machine", 0, 0)
        machine = look_at_machine()
        display.show(*view.draw_machine(machine))
        speeds = measure_machine(machine, display)
    if display.as_json:
        print_json(view.to_json(machine, speeds))
    else:
        print_result(*view.draw_speeds(speeds, machine.cores))


def _move(folder: Path, listed: Path | None, as_json: bool) -> None:
    from tlearn.commands.doctor import apply_list, undo_list

    moved = apply_list(folder, listed) if listed else undo_list(folder)
    if as_json:
        print_json({"moved": moved, "undone": listed is None})
        return
    files = pluralize(moved, "file")
    back = f"tlearn doctor {pasted(folder)} --undo"
    if not listed:
        print_result(Text(f"{files} moved back"))
    elif moved:
        steps = {f"tlearn suggest {pasted(folder)}": "measure again", back: "take it back"}
        print_result(Text(f"{files} moved"), next_steps(steps))
    else:
        print_result(Text("no line of the list has a suggestion: nothing was moved"))


def to_json(result: DoctorResult, folder: Path) -> dict[str, Any]:
    """Return the document: all that was found, and where the page and the list are."""
    return {
        **result.found.to_json(),
        "backbone": result.found.backbone,
        "issues": [vars(issue) for issue in result.found.dataset.issues],
        "page": str(result.page),
        "moves": str(result.moves) if result.moves else None,
        "next": _next(result, folder),
    }


def draw(result: DoctorResult, folder: Path, verbose: bool) -> list[RenderableType]:
    """Return what was found, the page, and the way to mend it."""
    from tlearn.cli import doctor_view as view

    blocks = view.draw_findings(result.found, verbose)
    blocks.append(view.draw_files(relative_path(result.page), result.found.moves()))
    purpose = "" if result.found.dataset.is_trainable else "again, once it is mended"
    blocks.append(next_steps({escape_control(_next(result, folder)): purpose}))
    return blocks


def _next(result: DoctorResult, folder: Path) -> str:
    from tlearn.doctor.moves import is_movable

    if not result.found.dataset.is_trainable:
        return f"tlearn doctor {pasted(folder)}"
    movable = is_movable(result.found.dataset.folder)
    if movable and any(move.suggestion for move in result.found.moves()):
        assert result.moves
        return f"tlearn doctor {pasted(folder)} --apply {pasted(result.moves)}"
    torn = any(issue.kind == "groups_across_splits" for issue in result.found.dataset.issues)
    return f"tlearn suggest {pasted(folder)}" + " --groups auto" * torn
