"""`tlearn suggest --backbones`: which backbone suits the folder."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.text import Text

from tlearn.cli import options, render
from tlearn.cli.progress import Display, print_json, print_result
from tlearn.cli.render import ACCENT, DIM
from tlearn.cli.units import parse_size
from tlearn.errors import TlearnError

if TYPE_CHECKING:
    from tlearn.commands.rank import RankedBackbone
    from tlearn.data.dataset import Dataset


def rank_backbones(
    folder: Path | None,
    names: str,
    max_size: str | None,
    int8: bool,
    flags: Mapping[str, Any],
    keep_cache: bool,
    as_json: bool,
) -> None:
    if folder is None or "backbone" in flags or "weights" in flags:
        raise TlearnError(
            "--backbones ranks what it names, on a folder",
            "leave --backbone and --weights out: tlearn suggest FOLDER --backbones A,B",
        )
    from tlearn import api

    chosen = [name.strip() for name in names.split(",") if name.strip()]
    if not chosen:
        raise TlearnError("--backbones names none", "as in --backbones builtin,mobilenet_v2")
    limit = parse_size(max_size, "--max-size") if max_size else None
    with Display(as_json) as display:
        dataset, found = api.rank(
            folder,
            chosen,
            flags=flags,
            keep_cache=keep_cache,
            max_bytes=limit,
            measure_int8=int8,
            progress=display,
        )
    command = shlex.join(
        ["tlearn", "suggest", str(folder), "--backbone", found[0].name, *options.as_flags(flags)]
    )
    if as_json:
        backbones = [_ranked_to_json(one) for one in found]
        about = {"folds": found[0].head_score.cv.folds, "seed": dataset.seed, "next": command}
        print_json({"backbones": backbones} | about)
    else:
        print_result(*draw_ranking(dataset, found, command))


def _ranked_to_json(one: RankedBackbone) -> dict[str, Any]:
    facts = {key: value for key, value in vars(one).items() if key != "head_score"}
    facts["int8"] = asdict(one.int8) if one.int8 else None
    return facts | {
        "head_stages": one.head_score.head_stages,
        "accuracy": one.head_score.accuracy,
        "tied_with_best": one.tied_with_best,
    }


def draw_ranking(
    dataset: Dataset, found: Sequence[RankedBackbone], command: str
) -> list[RenderableType]:
    """One line a backbone, best first."""
    columns = ("backbone", "px", "accuracy", "behind", "size", "ms", "int8")
    made = render.table(*columns, right=(1, 2, 3, 4, 5))
    for one in found:
        made.add_row(
            render.words(one.name, ACCENT if one is found[0] else ""),
            str(one.image_size),
            render.percent(one.head_score.accuracy),
            "-" if one is found[0] else _behind(one),
            render.size(one.size_bytes),
            f"{one.milliseconds:.1f}",
            _int8(one),
        )
    measured = any(one.int8 for one in found)
    int8 = "int8: points it gains or loses" if measured else "int8 check: may lose accuracy"
    left = "after int8, " if measured else ""
    note = (
        "accuracy: of a head on the last stages, cross-validated\n"
        f"folds: the same {found[0].head_score.cv.folds} for all, seed {dataset.seed}\n"
        f"behind: {left}points and their standard error; a tie when within one\n"
        f"size: in float32, with the head; {int8}\n"
        "ms: one picture through the whole network on this machine"
    )
    tied = [one for one in found if one.tied_with_best]
    least = min(tied, key=lambda one: one.size_bytes)
    verdict = f"{len(tied)} tie; the smallest of them is {least.name}"
    return [
        Text(),
        render.images(dataset),
        Text(),
        made,
        Text(note, DIM),
        *([render.words(verdict)] if tied[1:] else []),
        render.next_step(command),
    ]


def _int8(one: RankedBackbone) -> str:
    if one.int8 is None:
        return "check" if one.int8_note else ""
    return f"{-100 * one.int8.drop:+.1f}" + " lost" * (not one.int8.passes_gate)


def _behind(one: RankedBackbone) -> str:
    points, error = (100 * value for value in one.gap_to_best)
    return f"{points:.1f} ± {error:.1f}" + " tie" * one.tied_with_best
