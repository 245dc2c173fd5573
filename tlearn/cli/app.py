"""The command `tlearn`: its commands, in the order and the groups of its help."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from typing import Annotated, Any

# TensorFlow reads these when it is imported, which happens late and far from here.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")

import typer

from tlearn.cli import (
    benchmark,
    cache,
    check,
    compare,
    demo,
    describe,
    distill,
    doctor,
    embed,
    evaluate,
    explain,
    export,
    features,
    finetune,
    matrix,
    models,
    next_images,
    options,
    predict,
    process,
    rank,
    recipes,
    runs,
    serve,
    suggest,
    try_images,
    update,
)
from tlearn.cli.boundary import Boundary
from tlearn.cli.document import version_of
from tlearn.cli.help import Command
from tlearn.errors import TlearnError

_START, _JUDGE, _RUNS = "From images to a model", "Look closer", "Runs"
_MORE = "More"
_PACKAGES = ("keras", "tensorflow", "tensorflow-cpu", "ai-edge-litert", "numpy", "pillow")

app = typer.Typer(
    name="tlearn",
    cls=Boundary,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="First time: [cyan]tlearn demo[/]. Your own images: [cyan]tlearn finetune FOLDER[/], "
    "then [cyan]tlearn export --tflite[/].",
)


def _version_line() -> str:
    return f"tlearn {version_of('tlearn') or '(not installed)'}"


def _print_version(wanted: bool) -> None:
    if wanted:
        print(_version_line())
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _start(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_print_version, metavar=""),
    ] = False,
) -> None:
    """Train an image classifier on a folder of your images, and export it.

    tlearn measures the images, recommends how to train, trains, and checks every
    exported file against the model.
    """
    if context.invoked_subcommand is None:
        context.get_help()


def version(as_json: options.Json = False) -> None:
    """Show the versions of tlearn and of what it runs on.

    Example: [cyan]tlearn version[/]
    """
    packages = {name: version_of(name) for name in _PACKAGES}
    installed = {name: number for name, number in packages.items() if number}
    system = f"{platform.system()} {platform.machine()}"
    from tlearn.cli.display.progress import print_json, print_result

    if as_json:
        about = {"python": platform.python_version(), "system": system, "packages": installed}
        print_json(about)
        return
    python = f"Python {platform.python_version()} on {system}"
    numbers = [f"{name} {number}" for name, number in installed.items()]
    print_result(_version_line(), python, *numbers)


def show_help(
    context: typer.Context,
    command: Annotated[
        list[str] | None, options.argument("The command to explain.", "COMMAND")
    ] = None,
) -> None:
    """Show the help of tlearn, or of one command.

    Example: [cyan]tlearn help finetune[/]
    """
    parent: Any = context.parent
    shown: Any = parent.command
    for name in command or ():
        group, shown = shown, getattr(shown, "commands", {}).get(name)
        if shown is None:
            several = name in getattr(parent.find_root().command, "commands", {})
            if several:
                raise TlearnError(
                    f"help explains one command at a time, not '{name}' too",
                    f"ask for it alone: tlearn help {name}",
                )
            raise TlearnError(
                f"no such command: '{name}'", f"all commands: {parent.command_path} -h"
            )
        parent = group.context_class(shown, info_name=name, parent=parent)
    parent.get_help()


_COMMANDS: dict[str, tuple[Callable[..., None], ...]] = {
    _START: (demo.demo, suggest.suggest, finetune.finetune, predict.predict, export.export),
    _JUDGE: (
        doctor.doctor,
        evaluate.evaluate,
        explain.explain,
        check.check,
        benchmark.benchmark,
        embed.embed,
        rank.rank,
        matrix.matrix,
    ),
    _RUNS: (update.update, compare.compare, describe.describe),
    _MORE: (serve.serve, distill.distill, features.features, models.models),
}
app.add_typer(runs.runs, rich_help_panel=_RUNS)
for _panel, _commands in _COMMANDS.items():
    for _command in _commands:
        # A folder after `tlearn matrix` is answered with the command that takes one.
        extra = {"allow_extra_args": _command is matrix.matrix}
        app.command(cls=Command, rich_help_panel=_panel, context_settings=extra)(_command)
app.command("try", cls=Command, rich_help_panel=_START)(try_images.try_images)
app.command("next", cls=Command, rich_help_panel=_JUDGE)(next_images.next_images)
app.add_typer(recipes.app, rich_help_panel=_MORE)
app.command(cls=Command, rich_help_panel=_MORE)(cache.cache)
app.command(cls=Command, rich_help_panel=_MORE)(version)
app.command("help", cls=Command, rich_help_panel=_MORE)(show_help)
app.command("train", cls=Command, hidden=True)(finetune.finetune)


def main() -> None:
    """Run the command line of this process."""
    process.prepare()
    app()
