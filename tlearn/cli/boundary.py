"""The one place where errors become messages, hints and exit codes."""

from __future__ import annotations

import errno
import json
import os
import re
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from typer.exceptions import Abort, TyperException

from tlearn.cli.document import document
from tlearn.cli.help import CommandGroup
from tlearn.cli.hints import explain_command, explain_misuse
from tlearn.cli.process import Terminated, discard_unwritten, writing_output
from tlearn.errors import HostError, TlearnError, quoted

_READER_GONE, _MISUSE, _INTERRUPTED, _TERMINATED = 1, 2, 130, 143
_ERROR, _NOTE = "error: ", "note: "
_JSON, _QUIET, _VERBOSE = "--json", {"--quiet", "-q"}, {"--verbose", "-v"}
_COMMAND = re.compile(r"(tlearn|pip|chmod|mkdir|ls|cd|ulimit|export) \S")
_WHOLE_WORDS: Any = {"break_long_words": False, "break_on_hyphens": False}
_RESUME = ": what was computed is kept; run the same command again to go on"
_SYSTEM_HINTS = {
    errno.ENAMETOOLONG: "give it a shorter name",
    errno.ELOOP: "its links lead in a circle; look at them: ls -l",
    errno.EACCES: "give yourself access, or name another: chmod u+rwX PATH",
    errno.ENOSPC: "free some space, for example: tlearn cache clear",
    errno.EFBIG: "allow larger files: ulimit -f unlimited",
    errno.EMFILE: "allow more open files: ulimit -n 4096",
}
_MOVED = {
    "--backbones": "rank",
    "--images": "matrix",
    "--classes": "matrix",
    "--similar": "matrix",
    "--different": "matrix",
}
"""Options that `suggest` had, to the commands that have them now."""


class Group(CommandGroup):
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
        settings |= {"standalone_mode": False, "prog_name": "tlearn"}
        try:
            if "" in arguments:
                hint = f"is a variable of the shell not set? {_help_of(arguments)}"
                raise TlearnError("an argument is empty", hint)
            code = super().main(arguments, *rest, **settings)
            with writing_output():
                sys.stdout.flush()
            if code == _INTERRUPTED:
                raise KeyboardInterrupt
        except BaseException as error:
            if isinstance(error, SystemExit) or not (told := _tell(error, arguments)):
                raise
            code = told
        discard_unwritten(sys.stdout, sys.stderr)
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


def _tell(error: BaseException, arguments: Sequence[str]) -> int | None:
    """Print what ended a command and return its exit code; None for a bug, nothing printed."""
    as_json = _JSON in arguments
    chain = list(_chain(error))
    # TensorFlow turns an interrupt into an error of its own, which came of it.
    for kind, word, code in (
        (Terminated, "terminated", _TERMINATED),
        (KeyboardInterrupt, "interrupted", _INTERRUPTED),
    ):
        if any(isinstance(link, kind) for link in chain):
            _report("", word + _RESUME, "", as_json)
            return code
    if isinstance(error, Abort):
        if isinstance(error.__cause__, EOFError):  # a bug, which Typer takes for a person's
            raise error.__cause__
        error = TlearnError("the question was not answered", "answer it with y or n")
    if isinstance(error, BrokenPipeError):  # whoever read the output has seen enough
        return _READER_GONE
    # No command foresaw it, so it may be a bug after all: --verbose keeps its traceback.
    if isinstance(error, OSError) and error.errno and not _VERBOSE.intersection(arguments):
        error = _host_error(error, error.errno, arguments)
    if isinstance(error, TlearnError):
        hint = error.hint
        if "doctor" in arguments[:1]:  # hints on folders name the command that most begin with
            hint = hint.replace("tlearn suggest", "tlearn doctor")
        _report(_ERROR, error.message, hint, as_json)
        return error.exit_code
    if isinstance(error, TyperException):
        _report(_ERROR, *explain_misuse(error, arguments), as_json)
        return _MISUSE
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error, and every error that led to it."""
    found: list[BaseException] = []
    waiting = [error]
    while waiting:
        link = waiting.pop()
        if link is not None and link not in found:
            found.append(link)
            waiting += [link.__cause__, link.__context__]
            yield link


def _host_error(error: OSError, number: int, arguments: Sequence[str]) -> HostError:
    """Return what the system refused that no command foresaw: a name too long, a full disk."""
    reason = os.strerror(number)
    hint = _SYSTEM_HINTS.get(number, f"what it takes: {_help_of(arguments)}")
    if error.filename is not None:
        name = error.filename
        name = os.fsdecode(name) if isinstance(name, bytes) else str(name)
        return HostError(f"cannot use {quoted(name)}: {reason}", hint)
    try:
        os.getcwd()
    except FileNotFoundError:
        return HostError("the current folder was deleted", "go to one that exists: cd ~")
    if number == errno.ENOSPC:
        temporary = quoted(tempfile.gettempdir())
        problem = f"cannot write a file, perhaps a temporary one in {temporary}: {reason}"
        elsewhere = "or have temporary files elsewhere: export TMPDIR=FOLDER"
        return HostError(problem, f"{hint}; {elsewhere}")
    return HostError(f"cannot read or write a file: {reason}", hint)


def _help_of(arguments: Sequence[str]) -> str:
    command = f"{arguments[0]} " if arguments and not arguments[0].startswith("-") else ""
    return f"tlearn {command}--help"


def _report(kind: str, message: str, hint: str, as_json: bool) -> None:
    """Print what went wrong: for a person on stderr, for a script as a document on stdout."""
    with suppress(OSError):  # nobody can read it: the exit code says the rest
        if as_json:
            with suppress(OSError):  # then a person is told
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
    out, indent = console(sys.stderr), " " * len(kind)
    if out.is_terminal:  # a log or a script gets each message on one line
        message = "\n".join(wrapped(message, out.width - len(kind)))
    lines = Text.assemble((kind, style), safe_lines(message)).split("\n")
    out.print(Text("\n" + indent).join(lines), soft_wrap=True)


def wrapped(message: str, width: int) -> list[str]:
    """Return the lines of a message; a command at its end stays whole, on a line of its own."""
    lines: list[str] = []
    for line in message.split("\n"):
        prose, colon, command = line.rpartition(": ")
        if len(line) <= width or not _COMMAND.match(command):
            prose, colon, command = line, "", ""
        lines += textwrap.wrap(prose + colon, width, **_WHOLE_WORDS) or [""]
        lines += [command] if command else []
    return lines
