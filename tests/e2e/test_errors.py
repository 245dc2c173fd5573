"""A person's mistakes, and commands that only look something up: answered without TensorFlow.

All of them run in one process, which has imported nothing heavy at its end: so neither has any.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from typing import NamedTuple

import pytest

from tests.conftest import draw_folder
from tests.e2e.conftest import HEAVY, Program

BACKBONE = "--backbone mobilenet_025 --weights some.weights.h5"
MISTAKES = {
    "suggest flowrs": ["does not exist"],
    "finetune flowrs": ["does not exist"],
    "finetune empty": ["no images"],
    "suggest alone": ["one class"],
    "suggest": ["FOLDER", "tlearn matrix --images"],
    "finetune folder --epoch 3": ["--epochs"],
    f"finetune images {BACKBONE} --recipe mine.yaml --augment wild": [
        *("policy", "line 1: polcy", "line 2: epochs", "line 3: seed", "augmentation")
    ],
    f"finetune images {BACKBONE} --out file/run": ["--out"],
    "suggest images --backbone mobilnet-v2": ["mobilenet_v2"],
    "finetune images --weights nope.h5": ["nope.h5"],
    "finetune images --weights .": ["is a folder"],
    "evaluate": ["tlearn finetune"],
    "evaluate runs/nope": ["tlearn finetune"],
    "export --tflite": ["tlearn finetune"],
    "export": ["--saved-model"],
    "predict images/circle/circle_0.png": ["tlearn finetune"],
    "predict": [],
    "benchmark model.tflite": ["does not exist"],
    "benchmark .": ["no SavedModel"],
    "benchmark model.tflite --threads two": ["--threads 1,2"],
}
"""What is typed, and words of the answer."""

LOOKED_UP = ["", "--help", "--version", "version", "finetune --help", "export -h", "help rank"]
LOOKED_UP += ["models", "recipes", "recipes deep", "cache", "runs"]

_RUN_ALL = f"""
import json, sys
from typer.testing import CliRunner
from tlearn.cli.app import app
answers = []
for words in json.load(sys.stdin):
    result = CliRunner().invoke(app, words)
    heavy = sorted(set({HEAVY!r}) & set(sys.modules))
    answers.append([result.exit_code, result.stdout, result.stderr, heavy])
json.dump(answers, sys.__stdout__)
"""


class Answer(NamedTuple):
    code: int
    stdout: str
    stderr: str
    heavy: list[str]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    """Every line's answer, in a folder with some things to name."""
    tlearn = Program(tmp_path_factory.mktemp("lines"), tmp_path_factory.mktemp("cache"))
    here = tlearn.folder
    draw_folder(here / "images")
    draw_folder(here / "alone", classes=1)
    (here / "empty").mkdir()
    (here / "file").touch()
    (here / "some.weights.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    (here / "mine.yaml").write_text("polcy: deep\nepochs: many\nseed: -1\n")
    lines = [*MISTAKES, *LOOKED_UP]
    done = tlearn.python("-c", _RUN_ALL, stdin=json.dumps([shlex.split(line) for line in lines]))
    assert done.returncode == 0, done.stderr
    assert not tlearn.heavy()
    return {
        line: Answer(*answer) for line, answer in zip(lines, json.loads(done.stdout), strict=True)
    }


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_reported_with_a_hint(line: str, answers: dict[str, Answer]) -> None:
    answer = answers[line]
    assert answer.code == 2, answer.stderr
    assert answer.stderr.startswith("error: ") and "\nhint: " in answer.stderr, answer.stderr
    assert "Traceback" not in answer.stderr and not answer.stdout
    for words in MISTAKES[line]:
        assert words in answer.stderr
    assert not answer.heavy


@pytest.mark.parametrize("line", LOOKED_UP)
def test_what_is_looked_up_imports_nothing_heavy(line: str, answers: dict[str, Answer]) -> None:
    answer = answers[line]
    assert answer.code == 0 and answer.stdout and not answer.stderr
    assert not answer.heavy


def test_the_hook_sees_heavy_imports(tlearn: Program) -> None:
    tlearn.python("-c", "import scipy")
    assert tlearn.heavy() == {"scipy"}


def test_a_mistake_with_json_is_a_document(tlearn: Program) -> None:
    done = tlearn("suggest", "flowrs", "--json")
    assert done.returncode == 2 and not done.stderr
    assert json.loads(done.stdout).keys() == {"schema_version", "tlearn_version", "error", "hint"}
    assert not tlearn.heavy()


def test_a_terminal_without_the_characters_gets_ascii(tlearn: Program) -> None:
    tlearn.environment["PYTHONIOENCODING"] = "ascii"
    done = tlearn("matrix", "--images", 400, "--classes", 5, "--similar")
    assert done.returncode == 0 and "> top-stages" in done.stdout
    assert done.stdout.isascii() and "?" not in done.stdout


def test_a_reader_that_goes_away_is_no_error(tlearn: Program) -> None:
    line = f"{sys.executable} -m tlearn recipes deep | head -1"
    done = subprocess.run(
        line, shell=True, cwd=tlearn.folder, env=tlearn.environment, capture_output=True, text=True
    )
    assert not done.stderr
