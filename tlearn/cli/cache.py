"""`tlearn cache`: what is kept for the next command, and how to be rid of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from tlearn.cli import options, render
from tlearn.cli.progress import print_json, print_result
from tlearn.cli.render import DIM
from tlearn.errors import TlearnError

KINDS = {
    "pixels": "decoded pictures",
    "features": "what the frozen networks say of them",
    "probes": "frozen networks, converted",
    "weights": "downloaded weights; cleared only with --weights",
}


def cache(
    action: Annotated[
        str | None,
        typer.Argument(metavar="clear", help="Remove what is kept.", show_default=False),
    ] = None,
    weights: Annotated[
        bool, options.switch("With clear: remove downloaded weights too.", "--weights")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Show what tlearn keeps for the next command, or remove it.

    Everything in it can be made again. TLEARN_CACHE names another folder.

    Example: [cyan]tlearn cache[/]
    Remove it: [cyan]tlearn cache clear[/]
    """
    from tlearn.cache_folder import cache_folder

    if action not in (None, "clear"):
        raise TlearnError(f"tlearn cache cannot {action!r}", "tlearn cache, or tlearn cache clear")
    folder = cache_folder()
    sizes = {kind: _size(folder / kind) for kind in KINDS}
    doomed = [kind for kind in KINDS if sizes[kind] and (kind != "weights" or weights)]
    removed = sum(sizes[kind] for kind in doomed) if action else 0
    if not as_json:
        _show(folder, sizes)
        if action:
            named = ", ".join(doomed) or "nothing"
            print_result(Text(f"removing {named}: {render.size(removed)}"))
    if action:
        _clear(folder, doomed)
    if as_json:
        print_json({"folder": str(folder), "sizes": sizes, "removed_bytes": removed})


def _show(folder: Path, sizes: dict[str, int]) -> None:
    made = render.table("kind", "size", "what it is", right=(1,))
    for kind, n_bytes in sizes.items():
        made.add_row(kind, render.size(n_bytes), Text(KINDS[kind], DIM))
    made.add_section()
    made.add_row("together", Text(render.size(sum(sizes.values())), "bold"))
    print_result(Text(f"\n{render.inert(folder)}"), made)


def _size(folder: Path) -> int:
    """Bytes of the files below a folder, links not followed; 0 where there is none."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            total += Path(place, name).lstat().st_size
    return total


def _clear(folder: Path, kinds: list[str]) -> None:
    from tlearn.atomic_write import CACHE_REMEDY, refusals, remove

    for kind in kinds:
        with refusals(folder / kind, CACHE_REMEDY):
            remove(folder / kind)
