"""The boundary: mistakes become words, bugs keep their traceback, help is light."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import Result

from tlearn.cli.app import app
from tlearn.errors import DataError, GateError

Command = Callable[..., Result]
COMMANDS = ("suggest", "finetune", "evaluate", "predict", "export", "benchmark")
COMMANDS += ("models", "recipes", "cache", "runs", "compare", "describe")


def test_help_lists_every_command(command: Command) -> None:
    for words in (["--help"], ["-h"], []):
        result = command(*words)
        assert result.exit_code == 0
        assert all(f" {name} " in result.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_teaches_by_example(name: str, command: Command) -> None:
    result = command(name, "--help")
    assert result.exit_code == 0
    assert f"Example: tlearn {name}" in result.stdout
    assert max(len(line) for line in result.stdout.splitlines()) <= 80


def test_version(command: Command) -> None:
    result = command("--version")
    assert result.exit_code == 0 and result.stdout.startswith("tlearn ")


def test_a_fault_is_a_message_and_a_hint(command: Command, calls: Callable[..., Any]) -> None:
    calls("suggest", DataError("[red]no such[/red] \x1b[31mfolder\nsecond line", "[try] another"))
    result = command("suggest", "x")
    assert result.exit_code == 2 and not result.stdout
    assert result.stderr == (
        "error: [red]no such[/red] \\x1b[31mfolder\n       second line\nhint: [try] another\n"
    )


def test_a_fault_with_json_is_one_document_on_stdout(
    command: Command, calls: Callable[..., Any]
) -> None:
    calls("suggest", DataError("no such folder", "try another"))
    result = command("suggest", "x", "--json")
    assert result.exit_code == 2 and not result.stderr
    assert json.loads(result.stdout) == {"error": "no such folder", "hint": "try another"}


def test_misuse_is_told_in_the_same_form(command: Command) -> None:
    result = command("finetune", "x", "--epoch", "3")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: No such option: --epoch")
    assert "--epochs" in result.stderr and "hint: tlearn finetune --help" in result.stderr
    document = json.loads(command("finetune", "--nope", "--json").stdout)
    assert "--nope" in document["error"]


def test_an_unknown_command_names_the_nearest(command: Command) -> None:
    result = command("finetun")
    assert result.exit_code == 2 and "finetune" in result.stderr


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
