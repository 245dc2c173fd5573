"""`tlearn cache`: what is kept for the next command, and how to be rid of it."""

from __future__ import annotations

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
    "archives": "pictures out of tar archives",
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

    Everything in it can be made again. TLEARN_CACHE names another folder; pixels and features
    beyond TLEARN_CACHE_GB (20) go by themselves, the longest unused first.

    Example: [cyan]tlearn cache[/]
    Remove it: [cyan]tlearn cache clear[/]
    """
    from tlearn.storage.cache import cache_folder, folder_bytes, limit_bytes

    if action not in (None, "clear"):
        raise TlearnError(f"tlearn cache cannot {action!r}", "tlearn cache, or tlearn cache clear")
    folder = cache_folder()
    sizes = {kind: folder_bytes(folder / kind) for kind in KINDS}
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
        print_json(
            {
                "folder": str(folder),
                "sizes": sizes,
                "removed_bytes": removed,
                "limit_bytes": limit_bytes(),
            }
        )


def _show(folder: Path, sizes: dict[str, int]) -> None:
    made = render.table("kind", "size", "what it is", right=(1,))
    for kind, n_bytes in sizes.items():
        made.add_row(kind, render.size(n_bytes), Text(KINDS[kind], DIM))
    made.add_section()
    made.add_row("together", Text(render.size(sum(sizes.values())), "bold"))
    print_result(Text(f"\n{render.escape_control(folder)}"), made)


def _clear(folder: Path, kinds: list[str]) -> None:
    from tlearn.storage.atomic import CACHE_HINT, os_errors_as_host_errors, remove

    for kind in kinds:
        with os_errors_as_host_errors(folder / kind, CACHE_HINT):
            remove(folder / kind)
