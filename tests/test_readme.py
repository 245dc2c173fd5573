"""The front page: short, and nothing on it that does not hold."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.test_docs import PAGES, ROOT, commands_in, unknown_words
from tlearn.cli.app import app
from tlearn.commands.demo import write_digits

README = ROOT / "README.md"
TEXT = README.read_text(encoding="utf-8")
INSTALL = "python3 -m venv .venv && .venv/bin/pip install '.[lite]' && .venv/bin/tlearn demo"
TEST = "python3 -m venv .venv-test && .venv-test/bin/pip install -e '.[dev]' && "
TEST += ".venv-test/bin/pytest"


def test_it_fits_two_screens() -> None:
    assert len(TEXT.splitlines()) <= 120


@pytest.mark.parametrize("command", [INSTALL, TEST])
def test_a_set_up_command_is_one_line(command: str) -> None:
    assert TEXT.splitlines().count(command) == 1


def test_ci_runs_the_test_command_to_the_letter() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    (pattern,) = re.findall(r"grep -m1 '(.*?)' README.md", script)
    assert next(line for line in TEXT.splitlines() if re.match(pattern, line)) == TEST


def test_python_versions_are_those_of_the_package() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    first, beyond = re.findall(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', project)[0]
    assert f"Python 3.{first} to 3.{int(beyond) - 1}" in TEXT


def test_the_seven_commands_exist() -> None:
    lines = [words for words in commands_in(README) if words[0] == "tlearn"]
    assert len(lines) == 7
    assert not [unknown for words in lines if (unknown := unknown_words(words))]


def outline(printed: str) -> list[str]:
    """What each line begins with, the sentence of the plan, and the commands; numbers as N."""
    entries: list[str] = []
    for line in printed.splitlines():
        if line.startswith(" ") and not line.strip().startswith("tlearn"):
            entries[-1] += " " + line.strip()
        elif line.strip():
            entries.append(" ".join(line.split()))
    whole = ("images", "plan", "next", "tlearn")
    shown = [entry if entry.startswith(whole) else entry.split()[0] for entry in entries]
    return [re.sub(r"\d+(\.\d+)?", "N", entry) for entry in shown]


@pytest.mark.slow
def test_the_first_screen_is_what_finetune_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digits, _ = write_digits(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    words = ["finetune", digits.name, "--backbone", "builtin", "--no-horizontal-flip", "--quiet"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    (block,) = re.findall(r"^\$ tlearn finetune digits/\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    assert outline(result.stdout) == outline(block)


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", TEXT):
        assert (ROOT / target).exists(), target


def test_anchors_are_headings() -> None:
    for page, anchor in re.findall(r"\]\(docs/(\w+)\.md#([^)]+)\)", TEXT):
        headings = re.findall(r"^#+ (.*)$", PAGES[page].read_text(encoding="utf-8"), re.MULTILINE)
        slugs = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in headings}
        assert anchor in slugs, f"{page}#{anchor}"


@pytest.mark.parametrize("page", [README, PAGES["python"]], ids=lambda page: page.stem)
def test_python_examples_call_what_there_is(page: Path) -> None:
    from tlearn import api

    text = page.read_text(encoding="utf-8").split("<!-- generated")[0]
    for block in re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "api":
                assert hasattr(api, node.attr)
