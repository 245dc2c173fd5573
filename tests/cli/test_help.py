"""Help reads well at any width: prose is wrapped once, names stand beside their meaning."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.cli.conftest import Command
from tests.cli.test_app import COMMANDS

Help = Callable[..., list[str]]


@pytest.fixture
def help_of(command: Command, monkeypatch: pytest.MonkeyPatch) -> Help:
    """Return the lines of a command's help, on a terminal of a width."""

    def run(*words: str, width: int = 80) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(width))
        return command(*words, "--help").stdout.splitlines()

    return run


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("width", [60, 80])
def test_no_line_is_cut_and_no_type_is_named(name: str, width: int, help_of: Help) -> None:
    lines = help_of(name, width=width)
    assert not [line for line in lines if "…" in line or "<" in line or "{" in line]
    examples = [line for line in lines if ": tlearn " in line]
    assert examples
    assert max(len(line) for line in lines if line not in examples) <= width


def test_a_paragraph_is_wrapped_once(help_of: Help) -> None:
    assert "Pixels and features beyond TLEARN_CACHE_GB (default" in " ".join(help_of("cache"))
    start = "All of it can be made again."
    (first,) = [line for line in help_of("cache", width=100) if line.startswith(start)]
    assert len(first) > 80


def test_an_example_stays_whole_to_be_copied(help_of: Help) -> None:
    whole = "Example: tlearn distill images/ --teacher runs/big --student mobilenet_025"
    assert whole in help_of("distill", width=40)


@pytest.mark.parametrize(
    ("words", "usage"),
    [
        ("finetune", "[OPTIONS] [FOLDER]"),
        ("evaluate", "[OPTIONS] [RUN] [FOLDER]"),
        ("predict", "[OPTIONS] [RUN] IMAGES..."),
        ("compare", "[OPTIONS] RUN RUN..."),
        ("matrix", "[OPTIONS]"),
        ("recipes", "[OPTIONS] COMMAND [ARGS]..."),
    ],
)
def test_the_usage_line_has_brackets_around_what_may_be_left_out(
    words: str, usage: str, help_of: Help
) -> None:
    assert f"Usage: tlearn {words} {usage}" in help_of(words)


def test_options_have_their_names_and_defaults(help_of: Help) -> None:
    text = "\n".join(help_of("distill"))
    assert "│ --teacher NAME|RUN " in text and "Required." in text
    assert "Default: mobilenet_050." in text
    assert "│ --verbose, -v  Show" in text
    assert "│ --horizontal-flip /         Let" in text
    assert "--prefer WHAT" in "\n".join(help_of("suggest"))
