"""`tlearn predict`: which class images show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from tlearn.cli import confidence_view, options, target_view
from tlearn.cli import predict_view as view
from tlearn.cli.display.formats import escape_control, pluralize, relative_path, shell_path
from tlearn.cli.display.progress import Display, print_json, print_result
from tlearn.cli.display.widgets import DIM, key_value_table, safe_text
from tlearn.cli.evaluate_view import point_in_words
from tlearn.cli.units import parse_class_shares
from tlearn.errors import DataError, RecipeError, quoted

if TYPE_CHECKING:
    from tlearn.commands.predict import Predictions
    from tlearn.commands.runs import RunSummary
    from tlearn.evaluation.sorting import Sorted, Sorting

_CSV_HINT = "name another file: --csv FILE"
SORTING = "Sort the files"

Images = Annotated[
    list[Path],
    options.argument(
        "Images, or folders to search for images. If the first argument is a run directory, "
        "it is used; otherwise the latest run in runs/.",
        "[RUN] IMAGES",
    ),
]
_Top = Annotated[
    int,
    options.option(
        "How many classes to show per image, up to 5.", "K", min=1, max=5, show_default=True
    ),
]
_Csv = Annotated[Path | None, options.option("Also write the predictions as CSV.", "FILE")]
_Prior = Annotated[
    list[str] | None,
    options.option(
        "How frequent a class is among these images, e.g. cats=0.9; repeatable. Classes that are "
        "not named divide the rest as in training.",
        "CLASS=SHARE",
    ),
]
_SortInto = Annotated[
    Path | None,
    options.option(
        "Sort the files into a folder for each class in FOLDER. Nothing is overwritten; files "
        "that cannot be read stay.",
        "FOLDER",
        SORTING,
    ),
]
_How = Annotated[
    str | None,
    options.option("copy (the default), link or move.", "copy|link|move", SORTING),
]
_Unsure = Annotated[
    float | None,
    options.option(
        "Below this probability an image goes to unsure/. Default: 0.5, below which the other "
        "classes together are more probable; 0 where a threshold is kept in the run.",
        "P",
        SORTING,
        min=0,
        max=1,
    ),
]
_Undo = Annotated[
    bool, options.switch("Take back the moves into FOLDER made last.", "--undo", SORTING)
]


def predict(
    sources: Images,
    top: _Top = 2,
    csv: _Csv = None,
    prior: _Prior = None,
    sort_into: _SortInto = None,
    how: _How = None,
    unsure: _Unsure = None,
    undo: _Undo = False,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Classify images with a trained run.

    More than ten images are summed up by class; --verbose lists them all. An image
    that cannot be read is listed with the reason; the exit code is 2 only if none
    could be read.

    Example: [cyan]tlearn predict holiday/*.jpg[/]
    With an older run: [cyan]tlearn predict runs/20260101-120000-deep holiday/[/]
    Sort: [cyan]tlearn predict holiday/ --sort-into sorted/[/]
    """
    run = take_run(sources, "predict")
    shares = parse_class_shares(prior or (), "--prior")
    sorting = _sorting(sort_into, how, unsure, undo)
    if sorting and undo:
        _undo(sources, sorting.folder, as_json)
        return
    from tlearn.commands.runs import summarize
    from tlearn.evaluation.predictions import to_csv
    from tlearn.runs.directory import RunDirectory
    from tlearn.storage.atomic import ensure_replaces, ensure_writable_file, write_atomic

    if csv:
        ensure_writable_file(csv, _CSV_HINT)
        mark = rb"\Aimage,(label,probability|problem,labels)"
        ensure_replaces(csv, mark, "table of predictions", _CSV_HINT)
    answering = summarize(RunDirectory.open(run).path)
    if answering.task not in (None, "classes") and not (sorting or shares):
        _answer_targets(answering, sources, csv, Display(as_json, quiet, verbose), as_json)
        return
    with Display(as_json, quiet, verbose) as display:
        predictions, done = _answer(answering.path, sources, sorting, shares, display)
    if csv:
        write_atomic(csv, to_csv(predictions), _CSV_HINT)
    kept = predictions.point
    if as_json:
        about_run = {"run": str(answering.path), "operating_point": kept and asdict(kept)}
        document = view.to_json(predictions, top, done, sorting)
        print_json(about_run | document | confidence_view.known_to_json(predictions.known))
    else:
        answers = {"answers": safe_text(point_in_words(kept))} if kept else {}
        print_result(Text(), key_value_table({"run": about(answering), **answers}))
        print_result(*view.draw(predictions, top, verbose, csv, kept))
        print_result(*_closing(predictions, sources, sorting, done))
    if all(prediction.problem for prediction in predictions):
        raise typer.Exit(2)


def _answer_targets(
    run: RunSummary, sources: Sequence[Path], csv: Path | None, display: Display, as_json: bool
) -> None:
    from tlearn.commands.predict import predict_targets
    from tlearn.storage.atomic import write_atomic

    with display:
        predictions = predict_targets(run.path, sources, progress=display)
    if csv:
        write_atomic(csv, target_view.to_csv(predictions), _CSV_HINT)
    if as_json:
        print_json({"run": str(run.path), "predictions": [p.to_json() for p in predictions]})
    else:
        print_result(Text(), key_value_table({"run": about(run)}))
        print_result(Text(), *target_view.draw_predictions(predictions))
    if all(prediction.problem for prediction in predictions):
        raise typer.Exit(2)


def _closing(
    predictions: Predictions, sources: Sequence[Path], sorting: Sorting | None, done: Sorted | None
) -> list[RenderableType]:
    """Return that images are not like those of training, and where files went."""
    known = predictions.known
    blocks: list[RenderableType] = [confidence_view.unlike(known)] if known and known.unlike else []
    if done and sorting:
        unread = {prediction.name for prediction in predictions if prediction.problem}
        blocks += view.draw_sorted(done, sorting, sources, unread)
    return blocks


def _answer(
    run: Path,
    sources: Sequence[Path],
    sorting: Sorting | None,
    shares: Mapping[str, float],
    display: Display,
) -> tuple[Predictions, Sorted | None]:
    """Classify the images, and sort their files where that is wanted."""
    # Not by way of `api`, which imports every command: an answer would wait for that.
    from tlearn.commands import predict as command

    if not sorting:
        return command.predict(run, sources, prior=shares, progress=display), None
    result = command.sort_images(run, sources, sorting, prior=shares, progress=display)
    return result.predictions, result.sorted


def take_run(sources: list[Path], command: str) -> Path | None:
    """Take the run out of the arguments of a command, if one is named first.

    Raises:
        DataError: No image is named, or a run among them.
    """
    run = sources.pop(0) if options.is_run(sources[0]) else None
    if run is not None and not sources:
        raise DataError(
            f"{quoted(run)} is a run, and no image was named",
            f"name images too: tlearn {command} {shell_path(run)} IMAGES",
        )
    _refuse_runs(sources, command)
    return run


def _sorting(
    folder: Path | None, how: str | None, unsure: float | None, undo: bool
) -> Sorting | None:
    """Return where and how files are to be sorted, by the flags."""
    from tlearn.evaluation.sorting import COPY, Sorting

    if folder:
        return Sorting(folder, how or COPY, unsure)
    given = {"--how": how is not None, "--unsure": unsure is not None, "--undo": undo}
    if alone := next((flag for flag, is_given in given.items() if is_given), ""):
        raise RecipeError(
            f"{alone} says how files are sorted, and no folder was named",
            "name it too: --sort-into FOLDER",
        )
    return None


def _undo(sources: Sequence[Path], folder: Path, as_json: bool) -> None:
    from tlearn.commands.predict import unsort_images

    moved = unsort_images(sources, folder)
    if as_json:
        print_json({"moved": moved, "undone": True})
    else:
        print_result(Text(f"{pluralize(moved, 'file')} moved back"))


def _refuse_runs(sources: Sequence[Path], command: str) -> None:
    """Refuse to classify the figures and samples that runs hold."""
    for source in filter(Path.is_dir, sources):
        folders = [entry for entry in source.iterdir() if entry.is_dir()]
        if options.is_run(source) or (folders and all(map(options.is_run, folders))):
            holds = "is a run" if options.is_run(source) else "holds runs"
            raise DataError(
                f"{quoted(source)} {holds}, not images to classify",
                f"name a run first and then images: tlearn {command} RUN IMAGES",
            )


def about(run: RunSummary) -> Text:
    """Return which run answers: its folder, its backbone and when it was trained."""
    backbone = escape_control(Path(run.backbone or "").name)
    return Text.assemble(
        safe_text(relative_path(run.path)), (f"  {backbone}, {run.started:%Y-%m-%d %H:%M}", DIM)
    )
