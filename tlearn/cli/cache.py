"""`tlearn cache`: what is kept for the next command, and how to remove it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from rich.text import Text

from tlearn.cli import options
from tlearn.cli.display.formats import enumeration, escape_control, size
from tlearn.cli.display.progress import print_json, print_result
from tlearn.cli.display.widgets import DIM, next_step, table
from tlearn.errors import RecipeError

KINDS = {
    "pixels": "decoded images",
    "features": "outputs of frozen networks",
    "probes": "frozen networks, converted",
    "archives": "images from tar archives",
    "weights": "downloaded weights; cleared only with --weights",
}


def cache(
    action: Annotated[
        str | None, options.argument("Remove everything but downloaded weights.", "clear")
    ] = None,
    weights: Annotated[
        bool, options.switch("With clear: also remove downloaded weights.", "--weights")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Show what tlearn keeps for the next command, or remove it.

    All of it can be made again. Pixels and features beyond TLEARN_CACHE_GB (default
    20) are removed automatically, the longest unused first; TLEARN_CACHE names
    another folder.

    Example: [cyan]tlearn cache[/]
    Remove it: [cyan]tlearn cache clear[/]
    """
    from tlearn.storage.cache import cache_folder, folder_bytes, limit_bytes

    if action not in (None, "clear"):
        raise RecipeError(f"no such action: '{action}'", "remove the cache: tlearn cache clear")
    folder = cache_folder()
    sizes = {kind: folder_bytes(folder / kind) for kind in KINDS}
    doomed = [kind for kind in KINDS if sizes[kind] and (kind != "weights" or weights)]
    removed = sum(sizes[kind] for kind in doomed) if action else 0
    if not as_json:
        _show(folder, sizes)
    if action:
        if not as_json:
            print_result(Text(_removal(doomed, sizes)))
        _clear(folder, doomed)
    elif not as_json and doomed:
        print_result(next_step("tlearn cache clear"))
    if as_json:
        about = {"folder": str(folder), "sizes": sizes}
        print_json(about | {"removed_bytes": removed, "limit_bytes": limit_bytes()})


def _removal(doomed: Sequence[str], sizes: Mapping[str, int]) -> str:
    if not doomed:
        return "only downloaded weights are left" if any(sizes.values()) else "the cache is empty"
    return f"removing {enumeration(doomed)}: {size(sum(sizes[kind] for kind in doomed))}"


def _show(folder: Path, sizes: dict[str, int]) -> None:
    rows = table("kind", "size", "what it is", right=(1,))
    for kind, n_bytes in sizes.items():
        rows.add_row(kind, size(n_bytes), Text(KINDS[kind], DIM))
    rows.add_section()
    rows.add_row("total", Text(size(sum(sizes.values())), "bold"))
    print_result(Text(f"\n{escape_control(folder)}"), rows)


def _clear(folder: Path, kinds: list[str]) -> None:
    from tlearn.storage.atomic import CACHE_HINT, os_errors_as_host_errors, remove

    for kind in kinds:
        with os_errors_as_host_errors(folder / kind, CACHE_HINT):
            remove(folder / kind)
