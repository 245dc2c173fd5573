"""Every command has its help, an example and a place; versions, first words, completion."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tlearn import api

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


def test_versions_are_shown_one_a_line(command: Command) -> None:
    result = command("--version")
    assert result.exit_code == 0 and result.stdout.startswith("tlearn ")
    shown = command("version").stdout
    assert shown.splitlines()[0] == result.stdout.strip()
    assert "Python 3" in shown and "keras" in shown
    assert max(len(line) for line in shown.splitlines()) < 60
    assert "numpy" in json.loads(command("version", "--json").stdout)["packages"]


def test_train_is_finetune(
    command: Command, calls: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    recorded = calls("finetune", outcome)
    assert command("train", "folder", "--epochs", 3).exit_code == 0
    assert recorded[0][0] == (Path("folder"), None, {"epochs": 3})


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
