"""What `tlearn doctor --machine` prints."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.cli.conftest import RED, Command
from tests.test_docs import documented_keys, keys_of
from tlearn.commands import machine as module
from tlearn.commands.machine import Machine, Speed, Speeds

MACHINE = Machine(
    system="Linux-5.15-x86_64",
    wsl=True,
    processor=f"{RED}A processor with a very long name, 64 GHz, and then some words more",
    cores=2,
    memory_bytes=16_000_000_000,
    gpus=("NVIDIA H100 80GB HBM3",) * 2,
    versions={"python": "3.11.4", "tensorflow": "2.21.0", "jax": None, "numpy": "2.4.6"},
    weights={"builtin": "/builtin.h5", "mobilenet_v2": "/v2.h5"},
    cache={"folder": "/cache", "bytes": 2_000, "limit_bytes": 10**10, "free_bytes": 10**11},
)
SPEEDS = Speeds(
    "builtin",
    128,
    Speed("litert", ("cpu",), 1011.4),
    Speed("tensorflow", ("gpu:0",), 2360.0),
    32,
    {"litert": 1000.0, "keras": 900.0},
)


@pytest.fixture(autouse=True)
def measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "look_at_machine", lambda: MACHINE)
    monkeypatch.setattr(module, "measure_machine", lambda machine, progress: SPEEDS)


def test_what_there_is_and_what_is_used_fits_and_is_plain(
    command: Command, fits: Callable[[str], None]
) -> None:
    shown = command("doctor", "--machine").stdout
    fits(shown)
    for words in (
        "in WSL2",
        "16.0 GB",
        "Python 3.11.4, TensorFlow 2.21.0, numpy 2.4.6",
        "2.0 kB of at most 10.0 GB",
        "LiteRT on 2 cores",
        "1,011",
        "TensorFlow on gpu:0",
        "LiteRT 1,000, Keras 900 images/s",
    ):
        assert words in shown
    assert shown.count("NVIDIA H100") == 2 and "JAX" not in shown


def test_advice_is_shown(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    told = replace(SPEEDS, advice=("Use it (pip install 'tlearn[gpu]').",))
    monkeypatch.setattr(module, "measure_machine", lambda machine, progress: told)
    assert "! Use it (pip install 'tlearn[gpu]')." in command("doctor", "--machine").stdout


def test_the_document_has_the_keys_that_are_documented(command: Command) -> None:
    document = json.loads(command("doctor", "--machine", "--json").stdout)
    assert document["machine"]["gpus"] == list(MACHINE.gpus)
    assert document["speeds"]["training"]["devices"] == ["gpu:0"]
    assert keys_of(document) <= documented_keys("doctor")
    assert keys_of(document["machine"]) == documented_keys("Machine")
    assert keys_of(document["speeds"]) == documented_keys("Speeds")


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "no folder is named"),
        (["folder", "--machine"], "takes no folder"),
        (["--machine", "--image-size", "96"], "none of its flags"),
        (["--machine", "--undo"], "none of its flags"),
    ],
)
def test_a_folder_or_the_machine_is_examined_and_not_both(
    command: Command, words: list[str], problem: str
) -> None:
    result = command("doctor", *words)
    assert result.exit_code == 2 and problem in result.stderr
    assert result.stderr.strip().endswith("tlearn doctor --machine")
