"""`tlearn recipes`: what comes with tlearn, what a key means, a copy to edit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from tlearn.cli import options, render
from tlearn.cli.progress import print_json, print_result
from tlearn.cli.render import ACCENT, DIM
from tlearn.errors import RecipeError

_COPY = "copy"


def recipes(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME | copy NAME FILE",
            help="A recipe to show with the meaning of every key; or copy one to a file.",
            show_default=False,
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """List the recipes, explain one, or copy one to edit.

    Example: [cyan]tlearn recipes top-stages[/]
    One of your own: [cyan]tlearn recipes copy top-stages mine.yaml[/], then
    [cyan]tlearn finetune FOLDER --recipe mine.yaml[/]
    """
    match words or []:
        case []:
            _list(as_json)
        case [verb, name, target] if verb == _COPY:
            _copy(name, Path(target), as_json)
        case [name] if name != _COPY:
            _explain(name, as_json)
        case [verb, *_] if verb == _COPY:
            raise RecipeError(
                "copy takes the name of a recipe and a file to write",
                "as in: tlearn recipes copy top-stages mine.yaml",
            )
        case _:
            raise RecipeError("one recipe at a time", "as in: tlearn recipes top-stages")


def _list(as_json: bool) -> None:
    from tlearn.recipe.loading import list_recipes

    found = list_recipes()
    if as_json:
        print_json({"recipes": [{"name": r.name, "summary": r.summary} for r in found]})
        return
    made = render.table("recipe", "what it does")
    for recipe in found:
        made.add_row(render.words(recipe.name, ACCENT), render.words(recipe.summary))
    print_result(Text(), made, render.next_step("tlearn recipes NAME"))


def _explain(name: str, as_json: bool) -> None:
    from tlearn.recipe.loading import recipe_path

    path = recipe_path(name)
    text = path.read_text("utf-8", errors="replace")
    if as_json:
        print_json({"name": path.stem, "path": str(path), "text": text, "keys": _keys()})
        return
    print_result(*draw(text, _keys()))


def draw(text: str, keys: dict[str, dict[str, Any]]) -> list[RenderableType]:
    """The file as it is, then what every key means."""
    made = render.table("key", "meaning")
    for key, facts in keys.items():
        meaning = Text.assemble(facts["meaning"], ("\n" + facts["allowed"], DIM))
        made.add_row(Text(key, ACCENT), meaning)
    file = render.no_wrap(Text("\n").join(_line(line) for line in text.splitlines()))
    return [Text(), file, render.heading("Every key"), render.indented(made)]


def _line(line: str) -> Text:
    """A line of YAML, its comment dimmed."""
    values, mark, comment = render.escape_control(line).partition("#")
    return Text.assemble(values, (mark + comment, DIM))


def _keys() -> dict[str, dict[str, Any]]:
    from tlearn.recipe.schema import Recipe, allowed_values

    return {
        key: {
            "meaning": field.description,
            "allowed": allowed_values(key),
            "default": field.default,
        }
        for key, field in Recipe.model_fields.items()
    }


def _copy(name: str, target: Path, as_json: bool) -> None:
    from tlearn.recipe.saving import copy_recipe

    copy_recipe(name, target)
    if as_json:
        print_json({"written": str(target)})
        return
    command = f"tlearn finetune FOLDER --recipe {target}"
    print_result(Text(f"\nwritten to {render.escape_control(target)}"), render.next_step(command))
