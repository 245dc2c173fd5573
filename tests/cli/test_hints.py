"""What a mistyped command line is answered with: what was probably meant, ready to be pasted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Command


@pytest.fixture
def hint(command: Command) -> Callable[..., str]:
    """Run a command line that must be refused, and return its hint."""

    def run(line: str) -> str:
        result = command(*line.split())
        assert result.exit_code == 2 and not result.stdout
        return result.stderr.split("hint: ")[1].strip()

    return run


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("test", "tlearn evaluate"),
        ("convert --tflite", "tlearn export --tflite"),
        ("classify a.jpg", "tlearn predict a.jpg"),
        ("infer a.jpg", "tlearn predict a.jpg"),
        ("fit flowers --epochs 3", "tlearn finetune flowers --epochs 3"),
        ("finetun flowers", "tlearn finetune flowers"),
        ("verify m.tflite", "tlearn check m.tflite"),
    ],
)
def test_words_of_other_tools_lead_to_our_commands(
    line: str, meant: str, hint: Callable[..., str]
) -> None:
    assert hint(line) == f"did you mean: {meant}"


def test_a_word_like_none_is_referred_to_help(hint: Callable[..., str]) -> None:
    assert hint("foo") == "all commands: tlearn --help"
    assert hint("help foo").endswith("tlearn -h")
    assert hint("help runs foo").endswith("tlearn runs -h")


def test_a_file_or_folder_alone_leads_to_the_command_for_it(
    hint: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("flowers", "run"):
        Path(name).mkdir()
    for name in ("run/plan.yaml", "photo.jpg", "model.tflite", "table.csv"):
        Path(name).touch()
    assert hint("flowers") == "did you mean: tlearn finetune flowers"
    assert hint("flowers --epochs 3") == "did you mean: tlearn finetune flowers --epochs 3"
    assert hint("run") == "did you mean: tlearn evaluate run"
    assert hint("photo.jpg") == "did you mean: tlearn predict photo.jpg"
    assert hint("model.tflite") == "did you mean: tlearn check model.tflite"
    assert hint("table.csv") == "did you mean: tlearn finetune table.csv"


@pytest.mark.parametrize(
    ("option", "meant"),
    [
        ("--lr", "--learning-rate"),
        ("-lr", "--learning-rate"),
        ("--epoch", "--epochs"),
        ("--no-mirror", "--no-horizontal-flip"),
        ("--mirror", "--horizontal-flip"),
        ("--model", "--backbone"),
        ("--size", "--image-size"),
        ("--output", "--out"),
        ("-o", "--out"),
        ("--val-split", "--set val_fraction=0.2"),
        ("--patience", "--set patience=VALUE"),
        ("--imag-size", "--image-size"),
    ],
)
def test_options_of_other_tools_lead_to_ours(
    option: str, meant: str, hint: Callable[..., str]
) -> None:
    expected = f"did you mean {meant}? all options: tlearn finetune --help"
    assert hint(f"finetune folder {option} 3") == expected


@pytest.mark.parametrize(
    ("option", "words"),
    [("--device", "GPU"), ("--gpu", "GPU"), ("--workers", "all CPU cores")],
)
def test_what_cannot_be_set_is_explained(option: str, words: str, hint: Callable[..., str]) -> None:
    shown = hint(f"finetune folder {option} 3")
    assert shown.startswith("nothing to set") and words in shown


def test_an_option_of_another_command_names_it(hint: Callable[..., str]) -> None:
    assert hint("finetune folder --tflite") == "--tflite is an option of: tlearn export"
    assert hint("evaluate --lr 3") == "--learning-rate is an option of: tlearn finetune"


def test_an_option_before_the_command_is_sent_behind_it(hint: Callable[..., str]) -> None:
    assert hint("--seed 3") == "options come after the command: tlearn COMMAND --seed"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("finetune", "as in: tlearn finetune flowers/"),
        ("suggest", "without images: tlearn matrix --images"),
        ("distill images", "as in: tlearn distill images/ --teacher runs/big"),
        ("finetune folder --epochs", "tlearn finetune --help"),
        ("predict a.jpg --top 9", "tlearn predict --help"),
        ("recipes copy deep", "as in: tlearn recipes copy top-stages mine.yaml"),
        ("predict", "as in: tlearn predict holiday/*.jpg"),
    ],
)
def test_what_is_missing_is_shown(line: str, words: str, hint: Callable[..., str]) -> None:
    assert words in hint(line)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("predict", "missing argument IMAGES"),
        ("compare", "missing argument RUN RUN..."),
        ("distill images", "missing option --teacher"),
        ("finetune folder --epochs many", "--epochs: 'many' is not a whole number"),
        ("finetune folder --epochs 1.5", "--epochs: '1.5' is not a whole number"),
        ("finetune folder --learning-rate fast", "--learning-rate: 'fast' is not a number"),
        ("predict a.jpg --top 9", "--top: '9' is above 5"),
        ("predict a.jpg --top 0", "--top: '0' is below 1"),
    ],
)
def test_a_value_that_cannot_be_is_named_with_its_option(
    line: str, message: str, command: Command
) -> None:
    assert command(*line.split()).stderr.splitlines()[0] == f"error: {message}"


@pytest.mark.parametrize("line", ["-data", "finetune -data"])
def test_a_folder_whose_name_begins_as_an_option_can_be_named(
    line: str, hint: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("-data").mkdir()
    assert hint(line) == "to name the file or folder: ./-data"


def test_a_name_too_long_for_a_file_is_no_command(hint: Callable[..., str]) -> None:
    assert hint("x" * 300) == "all commands: tlearn --help"


def test_an_argument_too_many_may_be_a_name_with_spaces(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = command("finetune", "my", "images").stderr
    assert shown == (
        "error: more arguments than are expected: images\nhint: tlearn finetune --help\n"
    )
    Path("my images").mkdir()
    assert "tlearn finetune 'my images'\n" in command("finetune", "my", "images").stderr


def test_an_empty_argument_is_not_the_current_folder(command: Command) -> None:
    result = command("finetune", "")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: an argument is empty\nhint: is a variable")
