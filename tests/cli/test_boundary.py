"""The boundary: mistakes become messages and hints, bugs keep their traceback."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from typer.exceptions import Abort

from tests.cli.conftest import Command
from tlearn.cli.app import app
from tlearn.cli.boundary import wrapped
from tlearn.cli.process import Terminated
from tlearn.errors import DataError, ExportError, GateError


def test_an_error_is_a_message_and_a_hint(command: Command, calls: Callable[..., Any]) -> None:
    calls("suggest", DataError("[red]no such[/red] \x1b[31mfolder\nsecond line", "[try] another"))
    result = command("suggest", "x")
    assert result.exit_code == 2 and not result.stdout
    assert result.stderr == (
        "error: [red]no such[/red] \\x1b[31mfolder\n       second line\nhint: [try] another\n"
    )


def test_an_error_with_json_is_one_document_on_stdout(
    command: Command, calls: Callable[..., Any]
) -> None:
    calls("suggest", DataError("no such folder", "try another"))
    result = command("suggest", "x", "--json")
    assert result.exit_code == 2 and not result.stderr
    document = json.loads(result.stdout)
    assert (document["error"], document["hint"]) == ("no such folder", "try another")
    assert document.keys() == {"schema_version", "tlearn_version", "error", "hint"}


def test_misuse_is_reported_in_the_same_form(command: Command) -> None:
    result = command("finetune", "x", "--epoch", "3")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: no such option: --epoch\nhint: did you mean --epochs?")
    assert result.stderr.endswith("tlearn finetune --help\n")
    document = json.loads(command("finetune", "--nope", "--json").stdout)
    assert "--nope" in document["error"] and document["schema_version"]


def test_a_failed_gate_exits_1(command: Command, calls: Callable[..., Any]) -> None:
    calls("suggest", GateError("beyond the limit"))
    assert command("suggest", "x").exit_code == 1


def after(error: BaseException, cause: BaseException) -> BaseException:
    """Return an error that came of another."""
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "word", "code"),
    [
        (KeyboardInterrupt(), "interrupted", 130),
        (after(SystemError("traced"), KeyboardInterrupt()), "interrupted", 130),
        (
            after(ExportError("x", "y"), after(ValueError(), KeyboardInterrupt())),
            "interrupted",
            130,
        ),
        (Terminated(), "terminated", 143),
        (after(SystemError("traced"), Terminated()), "terminated", 143),
    ],
)
def test_an_interrupt_says_what_is_kept_whatever_it_arrives_as(
    error: BaseException, word: str, code: int, command: Command, calls: Callable[..., Any]
) -> None:
    calls("suggest", error)
    result = command("suggest", "x")
    assert result.exit_code == code
    assert result.stderr.startswith(f"{word}: ")
    assert "kept" in result.stderr and "again" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        (
            OSError(errno.ENAMETOOLONG, "", "x" * 300),
            "'" + "x" * 300 + "': File name too long",
            "name",
        ),
        (PermissionError(errno.EACCES, "", "a/b"), "cannot use 'a/b': Permission denied", "chmod"),
        (OSError(errno.EROFS, "", "a"), "cannot use 'a': Read-only file", "tlearn suggest --help"),
        (OSError(errno.EFBIG, ""), "cannot read or write a file: File too large", "ulimit -f"),
        (OSError(errno.ENOSPC, ""), "a temporary one in", "export TMPDIR=FOLDER"),
    ],
)
def test_what_the_system_refuses_is_one_line(
    error: OSError, message: str, hint: str, command: Command, calls: Callable[..., Any]
) -> None:
    calls("suggest", error)
    result = command("suggest", "x")
    assert result.exit_code == 2
    assert message in result.stderr.splitlines()[0]
    assert hint in result.stderr.splitlines()[1]


def test_a_current_folder_that_was_deleted_is_named(
    command: Command, calls: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> str:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory")

    calls("suggest", lambda **_: gone())
    monkeypatch.setattr(os, "getcwd", gone)
    assert "the current folder was deleted" in command("suggest", "x").stderr


@pytest.mark.parametrize("error", [EOFError("a bug"), OSError("no number: a library's own")])
def test_what_only_looks_like_a_persons_mistake_keeps_its_traceback(
    error: Exception, command: Command, calls: Callable[..., Any]
) -> None:
    calls("suggest", error)
    assert command("suggest", "x").exception is error


def test_with_verbose_a_refusal_that_was_not_foreseen_keeps_its_traceback(
    command: Command, calls: Callable[..., Any]
) -> None:
    error = FileNotFoundError(errno.ENOENT, "", "perhaps a bug")
    calls("suggest", error)
    assert command("suggest", "x", "--verbose").exception is error
    assert command("suggest", "x").exit_code == 2


def test_a_reader_that_went_away_ends_the_command_in_silence(
    command: Command, calls: Callable[..., Any]
) -> None:
    calls("suggest", BrokenPipeError(errno.EPIPE, "Broken pipe"))
    result = command("suggest", "x")
    assert result.exit_code == 1 and not result.stderr


@pytest.mark.parametrize(
    ("context", "words"),
    [(EOFError(), "error: the question was not answered"), (KeyboardInterrupt(), "interrupted: ")],
)
def test_a_question_that_is_not_answered_is_an_interrupt_only_after_ctrl_c(
    context: BaseException, words: str, command: Command, calls: Callable[..., Any]
) -> None:
    abort = Abort()
    abort.__context__ = context
    calls("suggest", abort)
    assert command("suggest", "x").stderr.startswith(words)


def test_a_bug_keeps_its_traceback(command: Command, calls: Callable[..., Any]) -> None:
    calls("suggest", ZeroDivisionError("a bug"))
    result = command("suggest", "x")
    assert isinstance(result.exception, ZeroDivisionError)
    assert not app.pretty_exceptions_enable


def test_a_message_is_wrapped_and_the_command_at_its_end_stays_whole() -> None:
    command = "tlearn finetune my-long-folder --out another-long-folder --overwrite"
    lines = wrapped(f"the run is not finished, so train it again: {command}\nsecond", 30)
    assert lines == ["the run is not finished, so", "train it again:", command, "second"]
    assert wrapped("short: tlearn runs", 30) == ["short: tlearn runs"]
    assert wrapped("it has: no command at all but a long end", 30) == [
        "it has: no command at all but",
        "a long end",
    ]
