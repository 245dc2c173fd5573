"""`tlearn explain`: where a model looks, what its network computes, a folder as a map."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from tlearn.cli import options
from tlearn.cli.display.formats import escape_control, pluralize, relative_path
from tlearn.cli.display.progress import Display, print_json, print_result
from tlearn.cli.display.widgets import (
    BAD,
    bullets,
    end_of,
    indented,
    key_value_table,
    safe_text,
    table,
)
from tlearn.confidence.answers import ANOMALY
from tlearn.errors import DataError, RecipeError, pasted

if TYPE_CHECKING:
    from tlearn.commands.explain import ExplainResult

_SHOWN = 20
"""Rows on the screen; the page has them all."""

_NAME_CELLS = 24

_Network = Annotated[
    bool,
    options.switch(
        "Show what the network computes for one image: first kernels, feature maps of every "
        "stage, what an image of each class is like.",
        "--network",
    ),
]
_Folder = Annotated[
    bool,
    options.switch(
        "Draw images as points, near each other where the network finds them alike: those that a "
        "run had not seen, or all of a FOLDER.",
        "--folder",
    ),
]
_Class = Annotated[
    str | None,
    options.option(
        "Explain this class or label instead of what is answered.", "NAME", name="--class"
    ),
]
_Out = Annotated[
    Path | None,
    options.option(
        "A new folder for the page. Default: explain/ and the name of the run.",
        "FOLDER",
        options.OUTPUT,
    ),
]


def explain(
    sources: Annotated[
        list[Path] | None,
        options.argument(
            "Images, or folders to search for images. If the first argument is a run directory, "
            "it is used; otherwise the latest run in runs/. Without images: the run's most "
            "confident errors, and one right answer of each class or label.",
            "[RUN] [IMAGES]",
        ),
    ] = None,
    network: _Network = False,
    folder: _Folder = False,
    class_name: _Class = None,
    out: _Out = None,
    data: options.Data = None,
    backbone: options.Backbone = None,
    weights: options.Weights = None,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Show where a model looks, and how far its maps can be believed.

    Writes a page and a heat map of each image. Each map is tested: by how much
    the answer falls when the warmest tenth of the image is blurred, against a
    random tenth.

    Example: [cyan]tlearn explain photo.jpg[/]
    The errors of a run: [cyan]tlearn explain runs/20260101-120000-deep[/]
    Inside the network: [cyan]tlearn explain --network photo.jpg[/]
    A folder as a map: [cyan]tlearn explain --folder flowers/[/]
    """
    named = list(sources or ())
    run = named.pop(0) if named and options.is_run(named[0]) else None
    flags = options.collect_overrides({"backbone": backbone, "weights": weights})
    _refuse_contradictions(network, folder, class_name, bool(flags and not (folder and named)))
    from tlearn import api

    with Display(as_json, quiet, verbose) as display:
        shared: dict[str, Any] = {"out": out, "data": data, "progress": display}
        if network:
            page: Any = api.explain_network(run, _only_image(named), **shared)
        elif folder:
            page = api.explain_folder(run, _only_folder(run, named), flags=flags, **shared)
        else:
            result = api.explain(run, named, label=class_name, **shared)
    if not (network or folder):
        _print_maps(result, as_json)
    elif as_json:
        print_json(page.to_json())
    else:
        print_result(Text(), key_value_table({**page.in_words(), "page": _page(page.page)}))


def _refuse_contradictions(
    network: bool, folder: bool, class_name: str | None, stray: bool
) -> None:
    if network and folder:
        raise RecipeError(
            "--network is about one image and --folder about many",
            "choose one: tlearn explain --network IMAGE",
        )
    if stray:
        raise RecipeError(
            "--backbone and --weights are for a folder; a run has its own",
            "leave them out, or name a folder: tlearn explain --folder FOLDER",
        )
    if class_name and (network or folder):
        raise RecipeError(
            "--class says what a heat map explains, and --network and --folder draw none",
            "leave one of them out: tlearn explain IMAGE --class NAME",
        )


def _only_image(named: list[Path]) -> Path:
    if len(named) == 1:
        return named[0]
    found = f"{len(named)} images were named" if named else "none was named"
    raise DataError(
        f"--network shows one image, and {found}", "name one: tlearn explain --network IMAGE"
    )


def _only_folder(run: Path | None, named: list[Path]) -> Path | None:
    if len(named) + bool(run) < 2:
        return named[0] if named else None
    if run and len(named) == 1:
        raise DataError(
            "--folder draws the images of a run, or those of a folder as no run has seen them",
            f"leave one of them out: tlearn explain --folder {pasted(named[0])}",
        )
    raise DataError(
        f"--folder draws one folder or one run, and {len(named) + bool(run)} were named",
        f"name one: tlearn explain --folder {pasted(named[0])}",
    )


def _print_maps(result: ExplainResult, as_json: bool) -> None:
    if as_json:
        print_json(to_json(result))
    else:
        print_result(*draw(result))
    if not result.page:
        raise typer.Exit(2)


def to_json(result: ExplainResult) -> dict[str, Any]:
    """Return the document: one record for each image, and the page."""
    return {
        "run": str(result.run),
        "maps": [vars(record) for record in result.maps],
        "page": str(result.page) if result.page else None,
    }


def draw(result: ExplainResult) -> list[RenderableType]:
    """Return a row for each image, what the maps are worth together, and the page."""
    drawn = [record for record in result.maps if record.map]
    number = any(record.value is not None for record in drawn)
    tested = [record for record in drawn if record.drop_warm is not None]
    answer = ("moved", "number") if number else ("answer", "probability")
    headings = (*answer, "warm tenth", "random tenth") if tested else ("answer", ANOMALY)
    rows = table("image", *headings, right=range(2, 1 + len(headings)))
    for record in drawn[:_SHOWN]:
        assert record.label
        changes = map(record.change, (record.drop_warm, record.drop_random) if tested else ())
        name, label = end_of(record.path, _NAME_CELLS), safe_text(record.label, "bold")
        rows.add_row(name, label, record.output, *changes)
    rows.columns[0].no_wrap = True
    blocks: list[RenderableType] = [Text(), rows] if drawn else []
    if len(drawn) > _SHOWN:
        blocks.append(Text(f"and {len(drawn) - _SHOWN} more, on the page"))
    unread = [f"{relative_path(m.path)}: {m.problem}" for m in result.maps if m.problem]
    if unread:
        images = pluralize(len(result.maps), "image")
        blocks.append(Text(f"\n{len(unread)} of {images} cannot be read", BAD))
        blocks.append(indented(bullets(unread)))
    if result.page:
        confirmed = sum(record.confirmed for record in tested)
        costs = "moves the number more" if number else "costs more"
        worth = f"blurring the warmest tenth {costs} than a random one in {confirmed} of "
        worth += pluralize(len(tested), "map")
        worth = worth if tested else "where the model itself finds what is unlike good images"
        blocks += [Text(), key_value_table({"maps": worth, "page": _page(result.page)})]
    return blocks


def _page(path: Path) -> str:
    return f"{escape_control(relative_path(path))} (open it in a browser)"
