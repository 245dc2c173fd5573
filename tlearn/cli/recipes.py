"""`tlearn recipes`: list the recipes, explain one, or copy one to edit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from tlearn.cli import options
from tlearn.cli.boundary import Group
from tlearn.cli.display.formats import escape_control, policy_name, relative_path, shell_path
from tlearn.cli.display.progress import print_json, print_result
from tlearn.cli.display.widgets import (
    ACCENT,
    DIM,
    heading,
    indented,
    next_step,
    next_steps,
    no_wrap,
    safe_text,
    table,
)
from tlearn.cli.help import Command

_Name = Annotated[str, options.argument("Name of a recipe, or a YAML file of your own.", "NAME")]


class Recipes(Group):
    """The commands about recipes; the name of a recipe alone shows it."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command; anything that is none is the name of a recipe to show."""
        is_command = args[0] in self.commands or args[0].startswith("-")
        return super().resolve_command(ctx, args if is_command else ["show", *args])


app = typer.Typer(
    name="recipes",
    cls=Recipes,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _recipes(context: typer.Context, as_json: options.Json = False) -> None:
    """List the recipes, explain one, or copy one to edit.

    A recipe is a YAML file with everything that can be set about a training.

    Example: [cyan]tlearn recipes[/]
    Explain one: [cyan]tlearn recipes show top-stages[/]
    """
    if context.invoked_subcommand is None:
        list_all(as_json)


@app.command("list", cls=Command)
def list_all(as_json: options.Json = False) -> None:
    """List the recipes that come with tlearn.

    Example: [cyan]tlearn recipes list[/]
    """
    from tlearn.recipe.loading import list_recipes

    recipes = list_recipes()
    if as_json:
        print_json({"recipes": [{"name": r.name, "summary": r.summary} for r in recipes]})
        return
    rows = table("recipe", "what it does")
    for recipe in recipes:
        rows.add_row(safe_text(policy_name(recipe.name), ACCENT), safe_text(recipe.summary))
    print_result(Text(), rows, next_step("tlearn recipes show NAME"))


@app.command("show", cls=Command)
def show(name: _Name, as_json: options.Json = False) -> None:
    """Show a recipe and the meaning of every key.

    Example: [cyan]tlearn recipes show top-stages[/]
    """
    from tlearn.recipe.loading import load_recipe, recipe_path

    path = recipe_path(name)
    load_recipe(path, {})  # a recipe with errors is no recipe to recommend
    text = path.read_text("utf-8", errors="replace")
    if as_json:
        print_json({"name": path.stem, "path": str(path), "text": text, "keys": _keys()})
        return
    print_result(*draw(text, _keys()), next_steps(_uses(name)))


@app.command("copy", cls=Command)
def copy(
    name: _Name,
    target: Annotated[Path, options.argument("The file to write; never an existing one.", "FILE")],
    as_json: options.Json = False,
) -> None:
    """Copy a recipe to a file, to edit it.

    Example: [cyan]tlearn recipes copy top-stages mine.yaml[/]
    """
    from tlearn.recipe.saving import copy_recipe

    copy_recipe(name, target)
    if as_json:
        print_json({"written": str(target)})
        return
    written = Text(f"\nwritten to {escape_control(relative_path(target))}")
    print_result(written, next_step(f"tlearn finetune FOLDER --recipe {shell_path(target)}"))


def draw(text: str, keys: dict[str, dict[str, Any]]) -> list[RenderableType]:
    """Return the file as it is, then the meaning and the default of every key."""
    from tlearn.recipe.yaml_file import dump_yaml

    rows = table("key", "meaning")
    for key, entry in keys.items():
        default = dump_yaml({"default": entry["default"]}).strip()
        values = f"\n{entry['allowed']}; {default}"
        meaning = Text.assemble(entry["meaning"], (values, DIM))
        rows.add_row(Text(key, ACCENT), meaning)
    file = no_wrap(Text("\n").join(_yaml_line(line) for line in text.splitlines()))
    return [
        Text(),
        file,
        heading("Every key; what the recipe does not set has its default"),
        indented(rows),
    ]


def _uses(name: str) -> dict[str, str]:
    recipe = escape_control(name)
    return {
        f"tlearn finetune FOLDER --recipe {recipe}": "train by it",
        f"tlearn recipes copy {recipe} mine.yaml": "edit a copy",
    }


def _yaml_line(line: str) -> Text:
    """Return a line of YAML, its comment dimmed."""
    values, mark, comment = escape_control(line).partition("#")
    return Text.assemble(values, (mark + comment, DIM))


def _keys() -> dict[str, dict[str, Any]]:
    from tlearn.recipe.key_errors import allowed_values
    from tlearn.recipe.schema import Recipe

    return {
        key: {
            "meaning": field.description,
            "allowed": allowed_values(key),
            "default": field.default,
        }
        for key, field in Recipe.model_fields.items()
    }
