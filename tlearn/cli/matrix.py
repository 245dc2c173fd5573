"""`tlearn matrix`: what the size x similarity matrix says, without any images."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from tlearn.cli import options
from tlearn.cli.advice_text import summary
from tlearn.cli.display.progress import print_json, print_result
from tlearn.cli.display.widgets import heading, indented, next_steps
from tlearn.cli.suggest import next_command, to_json
from tlearn.cli.suggest_view import draw_matrix
from tlearn.errors import RecipeError, pasted

_EXAMPLE = "tlearn matrix --images 400 --classes 5 --similar"

_Images = Annotated[int | None, options.option("Training images in all.", "N", min=1)]
_Classes = Annotated[int | None, options.option("Number of classes.", "N", min=2)]
_Similar = Annotated[
    bool | None,
    options.switch(
        "Whether the images are similar to everyday photographs, on which backbones are trained.",
        "--similar/--different",
    ),
]
_Like = Annotated[bool | None, typer.Option("--like/--unlike", hidden=True)]


def matrix(
    context: typer.Context,
    images: _Images = None,
    classes: _Classes = None,
    similar: _Similar = None,
    like: _Like = None,
    as_json: options.Json = False,
) -> None:
    """Show what the textbook advises for a number of images, without looking at any.

    Little or a lot of data, similar to everyday photographs or different: four
    cases. With images at hand, tlearn suggest measures instead.

    Example: [cyan]tlearn matrix --images 400 --classes 5 --similar[/]
    """
    if context.args:
        folder = context.args[0]
        raise RecipeError(
            f"'{folder}' was given, but the matrix looks at no images",
            f"measure the folder: tlearn suggest {pasted(folder)}",
        )
    similar = like if similar is None else similar
    if images is None and classes is None and similar is None and not as_json:
        steps = {_EXAMPLE: "where you are", "tlearn suggest FOLDER": "measure your images"}
        print_result(Text(), draw_matrix(), next_steps(steps))
        return
    if images is None or classes is None or similar is None:
        values = {"--images": images, "--classes": classes, "--similar or --different": similar}
        missing = " and ".join(name for name, value in values.items() if value is None)
        raise RecipeError(f"missing {missing}", f"as in: {_EXAMPLE}")
    if images < classes:
        raise RecipeError(
            f"{images} images cannot fill {classes} classes",
            f"--images counts all classes together, as in: {_EXAMPLE}",
        )
    from tlearn import api

    advice = api.matrix(images, classes, similar)
    if as_json:
        print_json(to_json(advice, next_command("FOLDER", advice.suggestion, {}, None)))
        return
    steps = {
        "tlearn suggest FOLDER": "measure instead of assuming",
        next_command("FOLDER", advice.suggestion, {}, None): "train",
    }
    paragraph = indented(Text(summary(advice)))
    print_result(
        *(Text(), draw_matrix(advice.suggestion), heading("In short"), paragraph),
        next_steps(steps),
    )
