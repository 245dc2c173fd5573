"""`tlearn cache`: what is kept for the next command, and how to remove it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from rich.text import Text

from tlearn.cli import options
from tlearn.cli.display.formats import enumeration, escape_control, size
from tlearn.cli.display.progress import print_json, print_result
from tlearn.cli.display.widgets import DIM, next_step, table
from tlearn.errors import RecipeError
from tlearn.storage.cache import KINDS, cache_folder, clear_cache, folder_bytes, limit_bytes


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
    20) are removed automatically, the longest unused first, but for those of the
    last command; TLEARN_CACHE names another folder.

    Example: [cyan]tlearn cache[/]
    Remove it: [cyan]tlearn cache clear[/]
    """
    if action not in (None, "clear"):
        raise RecipeError(f"no such action: '{action}'", "remove the cache: tlearn cache clear")
    folder = cache_folder()
    sizes = {kind: folder_bytes(folder / kind) for kind in KINDS}
    doomed = [kind for kind in KINDS if sizes[kind] and (kind != "weights" or weights)]
    kept = clear_cache(folder, doomed) if action else []
    if not as_json:
        _show(folder, sizes)
    removed = sum(sizes.values()) - sum(folder_bytes(folder / kind) for kind in KINDS)
    if as_json:
        about = {"folder": str(folder), "sizes": sizes}
        in_use = {"in_use": [str(path) for path in kept]}
        print_json(about | {"removed_bytes": removed, "limit_bytes": limit_bytes()} | in_use)
    elif action:
        left = "only downloaded weights are left" if any(sizes.values()) else "the cache is empty"
        print_result(Text(_removed(doomed, removed, kept) if doomed else left))
    elif doomed:
        print_result(next_step("tlearn cache clear"))


def _removed(kinds: list[str], n_bytes: int, kept: list[Path]) -> str:
    in_use = f"; another command uses {len(kept)} of its folders, which stay" if kept else ""
    return f"removed {enumeration(kinds)}: {size(n_bytes)}{in_use}"


def _show(folder: Path, sizes: dict[str, int]) -> None:
    rows = table("kind", "size", "what it is", right=(1,))
    for kind, n_bytes in sizes.items():
        rows.add_row(kind, size(n_bytes), Text(KINDS[kind], DIM))
    rows.add_section()
    rows.add_row("total", Text(size(sum(sizes.values())), "bold"))
    print_result(Text(f"\n{escape_control(folder)}"), rows)
