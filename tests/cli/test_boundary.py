"""The boundary: mistakes become messages and hints, bugs keep their traceback."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.cli.conftest import Command
from tlearn.cli.app import app
from tlearn.errors import DataError, GateError


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


def test_an_interrupt_says_what_is_kept(command: Command, calls: Callable[..., Any]) -> None:
    calls("suggest", KeyboardInterrupt())
    result = command("suggest", "x")
    assert result.exit_code == 130
    assert "kept" in result.stderr and "again" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_bug_keeps_its_traceback(command: Command, calls: Callable[..., Any]) -> None:
    calls("suggest", ZeroDivisionError("a bug"))
    result = command("suggest", "x")
    assert isinstance(result.exception, ZeroDivisionError)
    assert not app.pretty_exceptions_enable
