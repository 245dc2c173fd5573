"""`tlearn predict`: what is on pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from tlearn.cli import options, render
from tlearn.cli.progress import Display, print_json, print_result
from tlearn.cli.render import BAD, DIM
from tlearn.errors import DataError

if TYPE_CHECKING:
    from tlearn.evaluation.predictions import Prediction

_NAME_CELLS = 36


def predict(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="[RUN] PICTURES",
            help="Pictures, or folders to search. A run directory in the first place is asked; "
            "otherwise the newest run under runs/.",
            show_default=False,
        ),
    ],
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Also write the answers as CSV.")
    ] = None,
    top: Annotated[
        int,
        typer.Option(
            min=1, max=5, metavar="K", help="How many answers to show a picture, up to 5."
        ),
    ] = 2,
    as_json: options.Json = False,
) -> None:
    """Say what is on pictures.

    A picture that cannot be read is listed with the reason; the exit code is
    2 only where not one could be read.

    Example: [cyan]tlearn predict holiday/*.jpg[/]
    Ask an older run: [cyan]tlearn predict runs/20260101-120000-deep holiday/[/]
    """
    run = sources.pop(0) if options.is_run(sources[0]) else None
    if not sources:
        raise DataError(
            f"{run} is a run, and no picture was named", f"tlearn predict {run} PICTURES"
        )
    from tlearn import api
    from tlearn.evaluation.predictions import to_csv
    from tlearn.storage.atomic import write_atomic

    with Display(as_json) as display:
        answers = api.predict(run, sources, progress=display)
    if csv:
        write_atomic(csv, to_csv(answers), "name another file with --csv")
    if as_json:
        print_json(to_json(answers, top))
    else:
        print_result(*draw(answers, top, csv))
    if all(answer.problem for answer in answers):
        raise typer.Exit(2)


def to_json(answers: Sequence[Prediction], top: int) -> dict[str, Any]:
    """The document: one record a picture, `problem` null where it was read."""
    return {
        "predictions": [
            {
                "picture": answer.name,
                "label": answer.label or None,
                "probability": answer.probability if answer.top else None,
                "top": [{"label": label, "probability": p} for label, p in answer.top[:top]],
                "problem": answer.problem,
            }
            for answer in answers
        ]
    }


def draw(answers: Sequence[Prediction], top: int, csv: Path | None) -> list[RenderableType]:
    """One line a picture; runners-up and problems where there are any."""
    columns = ["picture", "answer", "probability"]
    made = render.table(*columns, *(["runner-up"] if top > 1 else []), right=(2,))
    for answer in answers:
        if answer.problem:
            continue
        others = [
            f"{render.escape_control(label)} {render.percent(p)}" for label, p in answer.top[1:top]
        ]
        cells = [Text("\n".join(others), DIM)] if top > 1 else []
        label, share = render.words(answer.label, "bold"), render.percent(answer.probability)
        made.add_row(_shortened(answer.name), label, share, *cells)
    made.columns[0].min_width = max((len(_shortened(a.name)) for a in answers), default=0)
    blocks: list[RenderableType] = [Text(), made] if made.row_count else []
    unread = [f"{render.near(a.name)}: {a.problem}" for a in answers if a.problem]
    if unread:
        many = render.count(len(answers), "picture")
        blocks.append(Text(f"\n{len(unread)} of {many} cannot be read", BAD))
        blocks.append(render.indented(render.bullets(unread)))
    if csv:
        blocks.append(Text(f"written to {render.escape_control(csv)}", DIM))
    return blocks


def _shortened(path: str) -> Text:
    """The end of a long name: that is where files differ."""
    name = render.escape_control(render.near(path))
    kept = name if len(name) <= _NAME_CELLS else "…" + name[1 - _NAME_CELLS :]
    return Text(kept, no_wrap=True)
