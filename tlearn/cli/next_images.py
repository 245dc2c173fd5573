"""`tlearn next`: which images to label next."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tlearn.cli import options
from tlearn.cli.display.formats import (
    change,
    enumeration,
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
    end_of,
    heading,
    indented,
    key_value_table,
    next_steps,
    safe_text,
    table,
)
from tlearn.cli.predict import Images, about, take_run
from tlearn.errors import RecipeError

if TYPE_CHECKING:
    from tlearn.commands.next_images import NextImage, NextImages

_NAME_CELLS, _LISTED, _TYPED = 30, 5, 3
_TO_LABEL = "to-label"
_WORTH = "worth: how many unsure images a label speaks for, besides the labels before it"


_Count = Annotated[
    int | None,
    options.option(
        "How many images to choose. Default: 20, or half of them where these are few.", "N", min=1
    ),
]
_Out = Annotated[
    Path | None,
    options.option(
        "Copy the chosen images into FOLDER, beside an empty folder for each class to sort them "
        "into, or a table to fill in. It has to be new or empty.",
        "FOLDER",
    ),
]
_ByGuess = Annotated[
    bool,
    options.switch(
        "Copy them into the folders of the classes that the run guesses, or fill in the table. "
        "Correct every guess that is wrong: the run is unsure of these images.",
        "--by-guess",
    ),
]
_WithRefused = Annotated[
    bool,
    options.switch(
        "Choose among images that look like none of the classes, too.", "--with-refused"
    ),
]


def next_images(
    sources: Images,
    count: _Count = None,
    out: _Out = None,
    by_guess: _ByGuess = False,
    with_refused: _WithRefused = False,
    data: options.Data = None,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Choose the images whose labels would help a run most.

    They are images that the run is unsure of and that stand for many others like
    them. Copies, and images that the run knows, are left out; images that look
    like none of the classes are listed apart.

    Example: [cyan]tlearn next photos/[/]
    To label them: [cyan]tlearn next photos/ --out to-label/[/]
    """
    run = take_run(sources, "next")
    if by_guess and not out:
        raise RecipeError(
            "--by-guess says how images are copied, and no folder was named",
            f"name it too: --out {_TO_LABEL}",
        )
    # Not by way of `api`, which imports every command.
    from tlearn.commands import next_images as command
    from tlearn.commands.runs import summarize
    from tlearn.runs.directory import RunDirectory

    answering = summarize(RunDirectory.open(run).path)
    with Display(as_json, quiet, verbose) as display:
        result = command.next_images(
            answering.path,
            sources,
            count=count,
            out=out,
            by_guess=by_guess,
            with_refused=with_refused,
            data=data,
            progress=display,
        )
    if as_json:
        print_json({"run": str(answering.path), **to_json(result, out)})
        return
    print_result(Text(), key_value_table({"run": about(answering), "images": _counts(result)}))
    print_result(*draw(result, verbose))
    if count and 0 < len(result.images) < count:
        left = pluralize(len(result.images), "image")
        print_result(Text(f"\nonly {left} left to choose from", WARN))
    if result.images:
        print_result(_next_step(result, answering.path, sources, count, out))


def to_json(result: NextImages, out: Path | None) -> dict[str, Any]:
    """Return the document."""
    return {
        "images": [_image_to_json(image) for image in result.images],
        "expected_gain": result.expected_gain,
        "no_gain": result.no_gain or None,
        "n_looked_at": result.n_looked_at,
        "n_copies": result.n_copies,
        "n_in_run": result.n_in_run,
        "refused": [{"path": image.name, "known": image.known} for image in result.refused],
        "problems": [{"path": name, "problem": why} for name, why in result.problems.items()],
        "out": str(out) if out else None,
    }


def _image_to_json(image: NextImage) -> dict[str, Any]:
    from tlearn.evaluation.predictions import Prediction

    if not isinstance(image.prediction, Prediction):
        said = image.prediction.to_json()
        return {"path": said.pop("image"), "worth": image.worth, **said, "copy": image.copy}
    (guess, probability), (second, runner_up) = image.prediction.top[:2]
    return {
        "path": image.prediction.name,
        "worth": image.worth,
        "guess": guess,
        "probability": probability,
        "second": second,
        "second_probability": runner_up,
        "copy": image.copy,
    }


def _counts(result: NextImages) -> Text:
    apart = {
        "like none of the classes": len(result.refused),
        "of the run": result.n_in_run,
        "copies": result.n_copies,
        "unreadable": len(result.problems),
    }
    parts = [f"{number:,} {what}" for what, number in apart.items() if number]
    return Text(f"{result.n_looked_at:,}{': ' * bool(parts)}{enumeration(parts) if parts else ''}")


def draw(result: NextImages, verbose: bool) -> list[RenderableType]:
    """Return the chosen images, what their labels should bring, and what is apart."""
    blocks: list[RenderableType] = [Text()]
    if result.images:
        blocks += [_table(result.images), Text(_WORTH, DIM), Text(f"\n{_gain(result)}")]
    else:
        blocks.append(Text("no image is left to choose from", WARN))
    if result.refused:
        looks = "image looks" if len(result.refused) == 1 else "images look"
        blocks.append(heading(f"{len(result.refused):,} {looks} like none of the classes"))
        blocks.append(indented(bullets(_listed([p.name for p in result.refused], verbose))))
        blocks.append(Text("If they do show a class, choose among them, too: --with-refused", DIM))
    if result.problems:
        unread = [f"{relative_path(name)}: {why}" for name, why in result.problems.items()]
        blocks.append(Text(f"\n{pluralize(len(unread), 'image')} cannot be read", BAD))
        blocks.append(indented(bullets(unread)))
    return blocks


def _table(images: Sequence[NextImage]) -> Table:
    from tlearn.evaluation.predictions import Prediction

    rows = table("image", "worth", "guess", "second", right=(1,))
    for image in images:
        said = image.prediction
        if isinstance(said, Prediction):
            guess, second = (f"{name} {percent(p)}" for name, p in said.top[:2])
        else:  # labels, or a number
            first, *others = said.answers.values()
            guess = ", ".join(said.labels) or ("none" if others else f"{first:.4g}")
            second = ""
        name = end_of(said.name, _NAME_CELLS)
        rows.add_row(name, f"{image.worth:.1f}", safe_text(guess), safe_text(second, DIM))
    rows.columns[0].no_wrap = True
    return rows


def _listed(names: Sequence[str], verbose: bool) -> list[str]:
    shown = len(names) if verbose else _LISTED
    more = [f"and {len(names) - shown:,} more: --verbose"] if len(names) > shown else []
    return [*map(relative_path, names[:shown]), *more]


def _gain(result: NextImages) -> str:
    if result.expected_gain is None:
        return f"what these labels bring is not known: {result.no_gain}"
    points = change(result.expected_gain)
    labels = pluralize(len(result.images), "label")
    bring = "nearly nothing" if points == "none" else f"{points} points of accuracy"
    return (
        f"{labels}: {bring} by the run's learning curve, if the images were drawn at random; "
        "chosen ones usually bring more"
    )


def _next_step(
    result: NextImages, run: Path, sources: Sequence[Path], count: int | None, out: Path | None
) -> RenderableType:
    from tlearn.commands.next_copies import TABLE
    from tlearn.evaluation.predictions import Prediction

    of_classes = isinstance(result.images[0].prediction, Prediction)
    if out:
        labeled = "when each image is in the folder of its class"
        if not of_classes:
            out, labeled = out / TABLE, "when its rows are filled in"
        command = f"tlearn update {shell_path(run)} {shell_path(out)}"
        return next_steps({escape_control(command): labeled})
    named = map(shell_path, sources) if len(sources) <= _TYPED else ["IMAGES"]
    words = ["tlearn next", shell_path(run), *named]
    words += [f"--count {count}"] * bool(count)
    command = " ".join([*words, f"--out {_TO_LABEL}"])
    use = "copies to sort into classes" if of_classes else "copies, and a table to fill in"
    return next_steps({escape_control(command): use})
