"""`tlearn features`: compute one shard of a folder's features, on one machine of many."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from tlearn.cli import options
from tlearn.cli.display.formats import escape_control, pluralize, relative_path
from tlearn.cli.display.progress import Display, print_json, print_result
from tlearn.cli.display.widgets import BAD, DIM, bullets, indented
from tlearn.errors import RecipeError

if TYPE_CHECKING:
    from tlearn.commands.features import FeaturesResult

_Shard = Annotated[
    str,
    options.option(
        "Which share of the images: the third of eight is 3/8. Which image is in which shard "
        "depends on its name alone.",
        "I/N",
        show_default=True,
    ),
]
_Store = Annotated[
    Path | None,
    options.option("Folder for the features. Default: that of TLEARN_STORE.", "DIR"),
]


def features(
    context: typer.Context,
    folder: options.Folder,
    shard: _Shard = "1/1",
    store: _Store = None,
    backbone: options.Backbone = None,
    weights: options.Weights = None,
    image_size: options.ImageSize = None,
    resize: options.Resize = None,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Compute features of very many images on many machines.

    Each computes some shards, in any order; one that is there already is skipped.
    With TLEARN_STORE=DIR, suggest, finetune and others read them.

    Example: [cyan]tlearn features photos/ --shard 3/8 --store features/[/]
    Then: [cyan]TLEARN_STORE=features/ tlearn finetune photos/[/]
    """
    chosen = parse_shard(shard)
    flags = options.collect_overrides(context.params)
    from tlearn.commands import features as command

    with Display(as_json, quiet, verbose) as display:
        result = command.features(folder, chosen, store=store, flags=flags, progress=display)
    if as_json:
        print_json({"shard": shard, **to_json(result)})
        return
    images = pluralize(result.n_images, "image")
    was = "computed" if result.computed else "already there, nothing to compute"
    print_result(Text(f"shard {chosen[0]} of {chosen[1]}: {images}, {was}"))
    if result.problems:
        unread = [f"{relative_path(name)}: {why}" for name, why in result.problems.items()]
        print_result(Text(f"{pluralize(len(unread), 'image')} cannot be read", BAD))
        print_result(indented(bullets(unread)))
    print_result(Text(escape_control(relative_path(result.path)), DIM))


def parse_shard(text: str) -> tuple[int, int]:
    """Return the number of a shard, from 1, and how many there are.

    Raises:
        RecipeError: It is not like 3/8.
    """
    parts = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text.strip())
    if not parts or not 1 <= int(parts[1]) <= int(parts[2]):
        raise RecipeError(
            f"--shard '{text}' is no shard",
            "the third of eight is: --shard 3/8",
        )
    return int(parts[1]), int(parts[2])


def to_json(result: FeaturesResult) -> dict[str, Any]:
    """Return the document."""
    return {
        "path": str(result.path),
        "n_images": result.n_images,
        "computed": result.computed,
        "problems": [{"image": name, "problem": why} for name, why in result.problems.items()],
    }
