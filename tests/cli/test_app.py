"""The boundary: mistakes become messages and hints, bugs keep their traceback, help is light."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from tlearn import api
from tlearn.cli.app import app
from tlearn.errors import DataError, GateError

Command = Callable[..., Result]
COMMANDS = ("demo", "suggest", "finetune", "predict", "export", "evaluate", "check", "benchmark")
COMMANDS += (
    "runs",
    "compare",
    "describe",
    "rank",
    "matrix",
    "distill",
    "models",
    "recipes",
    "cache",
    "version",
    "help",
)


def test_help_lists_every_command(command: Command) -> None:
    for words in (["--help"], ["-h"], [], ["help"]):
        result = command(*words)
        assert result.exit_code == 0
        assert all(f" {name} " in result.stdout for name in COMMANDS)
        assert "--install-completion" in result.stdout


@pytest.mark.parametrize(
    "words", [(name,) for name in COMMANDS] + [("recipes", "show"), ("recipes", "copy")]
)
def test_the_help_of_every_command_teaches_by_example(
    words: tuple[str, ...], command: Command
) -> None:
    result = command(*words, "--help")
    assert result.exit_code == 0
    assert f"Example: tlearn {' '.join(words)}" in result.stdout
    assert max(len(line) for line in result.stdout.splitlines()) <= 80
    if words != ("help",):
        assert command("help", *words).stdout.split() == result.stdout.split()


def test_version(command: Command) -> None:
    result = command("--version")
    assert result.exit_code == 0 and result.stdout.startswith("tlearn ")
    shown = command("version").stdout
    assert shown.splitlines()[0] == result.stdout.strip()
    assert "Python 3" in shown and "keras" in shown
    assert "numpy" in json.loads(command("version", "--json").stdout)["packages"]


def test_train_is_finetune(
    command: Command, calls: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    recorded = calls("finetune", outcome)
    assert command("train", "folder", "--epochs", 3).exit_code == 0
    assert recorded[0][0] == (Path("folder"), None, {"epochs": 3})


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


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("tlearn su", "suggest"),
        ("tlearn finetune x --policy to", "top-stages"),
        ("tlearn finetune x --backbone mobilenet_v2_0", "mobilenet_v2_035"),
        ("tlearn finetune x --recipe de", "deep"),
    ],
)
def test_a_shell_completes_commands_and_values(line: str, offered: str) -> None:
    environment = os.environ | {
        "_TLEARN_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split()) - 1),
    }
    shell = [sys.executable, "-m", "tlearn"]
    done = subprocess.run(shell, env=environment, capture_output=True, text=True)
    assert offered in done.stdout.split()
