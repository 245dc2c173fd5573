"""The one place where errors become messages, hints and exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from typer.core import TyperGroup
from typer.exceptions import Abort, TyperException

from tlearn.cli.document import document
from tlearn.cli.hints import explain_command, explain_misuse
from tlearn.errors import TlearnError

_MISUSE, _INTERRUPTED = 2, 130
_ERROR, _NOTE = "error: ", "note: "
_JSON, _QUIET = "--json", ("--quiet", "-q")
_RESUME = "interrupted: cached images and features were kept; run the same command again"
_MOVED = {
    "--backbones": "rank",
    "--images": "matrix",
    "--classes": "matrix",
    "--similar": "matrix",
    "--different": "matrix",
}
"""Options that `suggest` had, to the commands that have them now."""


class Group(TyperGroup):
    """Commands by name; one that does not exist is answered with what was probably meant."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the name, the command and its arguments; see `TyperGroup`."""
        if args[0] not in self.commands and not args[0].startswith("-"):
            message, hint = explain_command(self, ctx.command_path, args)
            raise TlearnError(message, hint)
        return super().resolve_command(ctx, args)


class Boundary(Group):
    """Turns a user's mistake into a message and a hint; a bug keeps its traceback."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **settings: Any) -> NoReturn:
        """Run one command line and exit."""
        from tlearn.cli.display.encoding import use_ascii_stand_ins

        use_ascii_stand_ins(sys.stdout, sys.stderr)
        arguments = list(sys.argv[1:] if args is None else args)
        as_json = _JSON in arguments
        settings |= {"standalone_mode": False, "prog_name": "tlearn"}
        try:
            code = super().main(arguments, *rest, **settings)
            if code == _INTERRUPTED:
                _report("", _RESUME, "", as_json)
        except TlearnError as error:
            _report(_ERROR, error.message, error.hint, as_json)
            code = error.exit_code
        except TyperException as misuse:
            _report(_ERROR, *explain_misuse(misuse, arguments), as_json)
            code = _MISUSE
        except (KeyboardInterrupt, Abort):
            _report("", _RESUME, "", as_json)
            code = _INTERRUPTED
        sys.exit(code if isinstance(code, int) else 0)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command; what was once part of `suggest` is handed over."""
        return super().resolve_command(ctx, _moved(args))


def _moved(args: list[str]) -> list[str]:
    """Return a command line of the first version in today's words, with a note about it."""
    names = {word.partition("=")[0] for word in args}
    command = next((command for flag, command in _MOVED.items() if flag in names), None)
    if args[0] != "suggest" or command is None:
        return args
    if not names.intersection(_QUIET):
        _print(_NOTE, f"'tlearn suggest' hands this over to 'tlearn {command}'")
    return [command, *args[1:]]


def _report(kind: str, message: str, hint: str, as_json: bool) -> None:
    """Print what went wrong: for a person on stderr, for a script as a document on stdout."""
    if as_json:
        print(json.dumps(document({"error": message, "hint": hint}), indent=2), flush=True)
        return
    _print(kind, message)
    if hint:
        _print("hint: ", hint)


def _print(kind: str, message: str) -> None:
    """Print a line on stderr; further lines of the message stand under the first."""
    from rich.text import Text

    from tlearn.cli.display.progress import console
    from tlearn.cli.display.widgets import safe_lines

    style = "bold red" if kind == _ERROR else "bold"
    lines = Text.assemble((kind, style), safe_lines(message)).split("\n")
    console(sys.stderr).print(Text("\n" + " " * len(kind)).join(lines), soft_wrap=True)
