"""The command `tlearn`: its commands, and the one boundary where faults become words."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

# TensorFlow reads these when it is imported, which happens late and far from here.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")

import typer
from typer.core import TyperGroup
from typer.exceptions import Abort, TyperException

from tlearn.cli import (
    benchmark,
    cache,
    check,
    compare,
    demo,
    describe,
    distill,
    evaluate,
    export,
    finetune,
    models,
    predict,
    recipes,
    runs,
    suggest,
)
from tlearn.errors import TlearnError

_MISUSE, _INTERRUPTED = 2, 130
_JSON = "--json"
_ERROR = "error: "
_KEPT = (
    "stopped; pictures read and features computed so far are kept: "
    "run the same command again to go on"
)


class Boundary(TyperGroup):
    """Turns a person's mistake into a message and a hint; a bug keeps its traceback."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **named: Any) -> NoReturn:
        """Run one command line and exit."""
        _forgive_encodings()
        given = list(sys.argv[1:] if args is None else args)
        as_json = _JSON in given
        named |= {"standalone_mode": False, "prog_name": "tlearn"}
        try:
            code = super().main(given, *rest, **named)
            if code == _INTERRUPTED:
                _tell("", _KEPT, "", as_json)
        except TlearnError as error:
            _tell(_ERROR, error.message, error.hint, as_json)
            code = error.exit_code
        except TyperException as misuse:
            context = getattr(misuse, "ctx", None)
            path = context.command_path if context else "tlearn"
            _tell(_ERROR, misuse.format_message(), f"{path} --help", as_json)
            code = _MISUSE
        except (KeyboardInterrupt, Abort):
            _tell("", _KEPT, "", as_json)
            code = _INTERRUPTED
        sys.exit(code if isinstance(code, int) else 0)


app = typer.Typer(
    name="tlearn",
    cls=Boundary,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="The whole job: [cyan]tlearn finetune FOLDER[/], then [cyan]tlearn export --tflite[/].",
)
for _command in (
    demo.demo,
    suggest.suggest,
    finetune.finetune,
    evaluate.evaluate,
    predict.predict,
    export.export,
    check.check,
    benchmark.benchmark,
    compare.compare,
    describe.describe,
    distill.distill,
    models.models,
    recipes.recipes,
    cache.cache,
):
    app.command()(_command)
app.add_typer(runs.runs)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"tlearn {version('tlearn')}")
        except PackageNotFoundError:  # run from a source tree that was never installed
            print("tlearn (not installed)")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _start(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", help="Say which tlearn this is.", callback=_print_version),
    ] = False,
) -> None:
    """Transfer learning on a folder: measured advice, fast training, checked exports."""
    if context.invoked_subcommand is None:
        context.get_help()


def main() -> None:
    """The console script."""
    app()


def _tell(kind: str, message: str, hint: str, as_json: bool) -> None:
    """Say what went wrong: for a person on stderr, for a script as a document on stdout."""
    if as_json:
        import json

        print(json.dumps({"error": message, "hint": hint}, indent=2), flush=True)
        return
    from rich.text import Text

    from tlearn.cli.progress import console
    from tlearn.cli.render import lines

    err = console(sys.stderr)
    text = Text.assemble((kind, "bold red"), lines(message))
    text = Text("\n" + " " * len(_ERROR)).join(text.split("\n"))
    err.print(text, soft_wrap=True)
    if hint:
        err.print(Text.assemble(("hint: ", "bold"), lines(hint)), soft_wrap=True)


def _forgive_encodings() -> None:
    """A terminal that lacks a character gets a question mark, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
