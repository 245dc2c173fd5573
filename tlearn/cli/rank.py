"""`tlearn rank`: which backbone suits a folder."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import RenderableType
from rich.text import Text

from tlearn.cli import options
from tlearn.cli.display.formats import percent, pluralize, size
from tlearn.cli.display.progress import Display, print_json, print_result
from tlearn.cli.display.widgets import (
    ACCENT,
    DIM,
    dataset_table,
    next_step,
    safe_text,
    table,
)
from tlearn.cli.units import parse_size
from tlearn.errors import BackboneError, pasted

if TYPE_CHECKING:
    from tlearn.commands.rank import RankedBackbone
    from tlearn.data.dataset import Dataset

_ALL = "all-available"

_Backbones = Annotated[
    str,
    options.option(
        "Names, separated by commas (list them: tlearn models). Default: all whose weights are on "
        "this machine.",
        "A,B,...",
        options.BACKBONE,
    ),
]
_MaxSize = Annotated[
    str | None, options.option("Only rank backbones up to this size.", "4MB", options.BACKBONE)
]
_For = Annotated[
    Literal["tflite"] | None,
    options.option(
        "tflite: also measure what int8 would cost each, and rank by what is left.",
        "tflite",
        name="--for",
    ),
]


def rank(
    context: typer.Context,
    folder: options.Folder,
    target: _For = None,
    backbones: _Backbones = _ALL,
    max_size: _MaxSize = None,
    image_size: options.ImageSize = None,
    resize: options.Resize = None,
    seed: options.Seed = None,
    group_by: options.GroupBy = None,
    groups: options.Groups = None,
    no_cache: options.NoCache = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Rank pretrained backbones by how well they suit your images.

    A head is solved on each, on the same images and folds; the fastest way to
    know whether a larger backbone would pay.

    Example: [cyan]tlearn rank flowers/[/]
    Some of them: [cyan]tlearn rank flowers/ --backbones builtin,mobilenet_v2[/]
    """
    overrides = options.collect_overrides(context.params)
    names = [name.strip() for name in backbones.split(",") if name.strip()]
    if not names:
        raise BackboneError("--backbones names none", "as in: --backbones builtin,mobilenet_v2")
    limit = parse_size(max_size, "--max-size") if max_size else None
    from tlearn import api

    with Display(as_json, quiet, verbose) as display:
        result = api.rank(
            folder,
            names,
            flags=overrides,
            keep_cache=not no_cache,
            max_bytes=limit,
            measure_int8=bool(target),
            progress=display,
        )
    dataset, ranking = result.dataset, result.backbones
    command = next_command(folder, _advised(ranking).name, overrides)
    if as_json:
        print_json(to_json(dataset, ranking) | {"next": command})
    else:
        print_result(*draw(dataset, ranking), next_step(command))


def next_command(folder: Path, backbone: str, overrides: Mapping[str, Any]) -> str:
    """Return the command line that measures the folder with a backbone."""
    words = ["--backbone", backbone, *options.as_flags(overrides)]
    return f"tlearn suggest {pasted(folder)} {shlex.join(words)}"


def to_json(dataset: Dataset, ranking: Sequence[RankedBackbone]) -> dict[str, Any]:
    """Return the document, best backbone first."""
    folds = ranking[0].head_score.cv.folds
    backbones = [_ranked_to_json(ranked) for ranked in ranking]
    return {"backbones": backbones, "folds": folds, "seed": dataset.seed}


def _ranked_to_json(ranked: RankedBackbone) -> dict[str, Any]:
    values = {key: value for key, value in vars(ranked).items() if key != "head_score"}
    values["int8"] = asdict(ranked.int8) if ranked.int8 else None
    return values | {
        "head_stages": ranked.head_score.head_stages,
        "accuracy": ranked.head_score.accuracy,
        "tied_with_best": ranked.tied_with_best,
    }


def draw(dataset: Dataset, ranking: Sequence[RankedBackbone]) -> list[RenderableType]:
    """Return one line per backbone, best first, and which of them cannot be told apart."""
    best, folds = ranking[0], ranking[0].head_score.cv.folds
    measured = any(ranked.int8 for ranked in ranking)
    columns = ("backbone", "px", "accuracy", "behind", "size", "ms", "int8")
    rows = table(*columns, right=(1, 2, 3, 4, 5))
    for ranked in ranking:
        rows.add_row(
            safe_text(ranked.name, ACCENT if ranked is best else ""),
            str(ranked.image_size),
            percent(ranked.head_score.accuracy),
            "-" if ranked is best else _gap(ranked),
            size(ranked.size_bytes),
            f"{ranked.milliseconds:.1f}",
            _int8(ranked),
        )
    int8 = "change in points (! too much)" if measured else "check: may lose accuracy"
    note = (
        f"accuracy: of a head on the last stages, {folds}-fold cross-validation, seed "
        f"{dataset.seed}\n"
        f"behind: points{' after int8' * measured} (standard error); within one is a tie\n"
        f"size: float32, with the head; int8: {int8}\n"
        "ms: one image through the whole network on this machine"
    )
    return [Text(), dataset_table(dataset), Text(), rows, Text(note, DIM), *_ties(ranking)]


def _ties(ranking: Sequence[RankedBackbone]) -> list[RenderableType]:
    if len(ranking) == 1:
        return [Text("nothing to compare it with; to list other backbones: tlearn models")]
    tied = [ranked for ranked in ranking if ranked.tied_with_best]
    if len(tied) < 2:
        return []
    names, smallest = pluralize(len(tied), "backbone"), _advised(ranking).name
    return [safe_text(f"{names} cannot be told apart; the smallest of them is {smallest}")]


def _advised(ranking: Sequence[RankedBackbone]) -> RankedBackbone:
    """Return the smallest of those that are as good as the best."""
    tied = [ranked for ranked in ranking if ranked.tied_with_best]
    return min(tied, key=lambda ranked: ranked.size_bytes)


def _gap(ranked: RankedBackbone) -> str:
    points, error = (f"{100 * value:.1f}" for value in ranked.gap_to_best)
    return f"{points} ({error})" + " tie" * ranked.tied_with_best


def _int8(ranked: RankedBackbone) -> str:
    if ranked.int8 is None:
        return "check" if ranked.int8_note else ""
    return f"{-100 * ranked.int8.drop:+.1f}" + " !" * (not ranked.int8.passes_gate)
