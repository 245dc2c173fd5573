"""`tlearn predict`: which class images show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from tlearn.cli import options
from tlearn.cli.display.formats import (
    escape_control,
    percent,
    pluralize,
    relative_path,
    shell_path,
)
from tlearn.cli.display.progress import Display, print_json, print_result
from tlearn.cli.display.widgets import (
    BAD,
    DIM,
    WARN,
    bullets,
    indented,
    key_value_table,
    safe_text,
    table,
)
from tlearn.errors import DataError, quoted

if TYPE_CHECKING:
    from tlearn.commands.runs import RunSummary
    from tlearn.evaluation.predictions import Prediction

_CSV_HINT = "name another file: --csv FILE"
_NAME_CELLS, _NAME_CELLS_BESIDE_LONG_CLASSES = 36, 24
_LONG_CLASS = 12
NONE_OF_THESE = "none of these"


def predict(
    sources: Annotated[
        list[Path],
        options.argument(
            "Images, or folders to search for images. If the first argument is a run directory, "
            "it is used; otherwise the latest run in runs/.",
            "[RUN] IMAGES",
        ),
    ],
    top: Annotated[
        int,
        options.option(
            "How many classes to show per image, up to 5.", "K", min=1, max=5, show_default=True
        ),
    ] = 2,
    csv: Annotated[
        Path | None, options.option("Also write the predictions as CSV.", "FILE")
    ] = None,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Classify images with a trained run.

    An image that cannot be read is listed with the reason; the exit code is 2
    only if none could be read.

    Example: [cyan]tlearn predict holiday/*.jpg[/]
    With an older run: [cyan]tlearn predict runs/20260101-120000-deep holiday/[/]
    """
    run = sources.pop(0) if options.is_run(sources[0]) else None
    if run is not None and not sources:
        raise DataError(
            f"{quoted(run)} is a run, and no image was named",
            f"name images too: tlearn predict {shell_path(run)} IMAGES",
        )
    _refuse_runs(sources)
    from tlearn import api
    from tlearn.commands.runs import summarize
    from tlearn.evaluation.predictions import to_csv
    from tlearn.runs.directory import RunDirectory
    from tlearn.storage.atomic import ensure_writable_file, write_atomic

    if csv:
        ensure_writable_file(csv, _CSV_HINT)
    answering = summarize(RunDirectory.open(run).path)
    with Display(as_json, quiet, verbose) as display:
        predictions = api.predict(answering.path, sources, progress=display)
    if csv:
        write_atomic(csv, to_csv(predictions), _CSV_HINT)
    if as_json:
        print_json({"run": str(answering.path), **to_json(predictions, top)})
    else:
        print_result(Text(), key_value_table({"run": _about(answering)}))
        print_result(*draw(predictions, top, csv))
    if all(prediction.problem for prediction in predictions):
        raise typer.Exit(2)


def _refuse_runs(sources: Sequence[Path]) -> None:
    """Refuse to classify the figures and samples that runs hold."""
    for source in filter(Path.is_dir, sources):
        folders = [entry for entry in source.iterdir() if entry.is_dir()]
        if options.is_run(source) or (folders and all(map(options.is_run, folders))):
            holds = "is a run" if options.is_run(source) else "holds runs"
            raise DataError(
                f"{quoted(source)} {holds}, not images to classify",
                "name a run first and then images: tlearn predict RUN IMAGES",
            )


def _about(run: RunSummary) -> Text:
    """Return which run answers: its folder, its backbone and when it was trained."""
    backbone = escape_control(Path(run.backbone or "").name)
    return Text.assemble(
        safe_text(relative_path(run.path)), (f"  {backbone}, {run.started:%Y-%m-%d %H:%M}", DIM)
    )


def to_json(predictions: Sequence[Prediction], top: int) -> dict[str, Any]:
    """Return the document: one record per image, `problem` null where it was read."""
    return {
        "predictions": [
            {
                "image": prediction.name,
                "label": None if prediction.refused else prediction.label or None,
                "probability": prediction.probability if prediction.top else None,
                "known": prediction.known,
                "set": list(prediction.answers),
                "top": [{"label": name, "probability": p} for name, p in prediction.top[:top]],
                "problem": prediction.problem,
            }
            for prediction in predictions
        ]
    }


def draw(predictions: Sequence[Prediction], top: int, csv: Path | None) -> list[RenderableType]:
    """Return one line per image; runners-up and problems where there are any."""
    columns = ["image", "class", "probability", *(["runner-up"] if top > 1 else [])]
    rows = table(*columns, right=(2,))
    longest = max(len(prediction.label) for prediction in predictions)
    cells_of_name = _NAME_CELLS_BESIDE_LONG_CLASSES if longest > _LONG_CLASS else _NAME_CELLS
    for prediction in predictions:
        if prediction.problem:
            continue
        others = [f"{escape_control(name)} {percent(p)}" for name, p in prediction.top[1:top]]
        cells = [Text("\n".join(others), DIM)] if top > 1 else []
        label = safe_text(prediction.label, "bold")
        if prediction.refused:
            label = Text(NONE_OF_THESE, WARN)
        name = _end_of(prediction.name, cells_of_name)
        rows.add_row(name, label, percent(prediction.probability), *cells)
    rows.columns[0].no_wrap = True  # file names stay whole, class names may be folded
    blocks: list[RenderableType] = [Text(), rows] if rows.row_count else []
    unread = [f"{relative_path(p.name)}: {p.problem}" for p in predictions if p.problem]
    if unread:
        images = pluralize(len(predictions), "image")
        blocks.append(Text(f"\n{len(unread)} of {images} cannot be read", BAD))
        blocks.append(indented(bullets(unread)))
    if csv:
        blocks.append(Text(f"written to {escape_control(relative_path(csv))}", DIM))
    return blocks


def _end_of(path: str, cells: int) -> Text:
    """Return the end of a long name: that is where files differ."""
    name = escape_control(relative_path(path))
    if len(name) > cells:
        name = "…" + name[1 - cells :]
    return Text(name, no_wrap=True)
