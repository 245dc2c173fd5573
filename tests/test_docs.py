"""The documentation against the code: generated parts, variables, commands, JSON documents."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import draw_folder

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = {path.stem: path for path in sorted(DOCS.glob("*.md"))}
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands_in(path: Path) -> Iterator[list[str]]:
    """Command lines of tlearn in the shell blocks of a page, as words."""
    for language, block in _BLOCK.findall(path.read_text(encoding="utf-8")):
        if language == "sh":
            lines = (line.split("|")[0] for line in block.splitlines())
            yield from (words for line in lines if (words := shlex.split(line, comments=True)))


def unknown_words(words: list[str]) -> list[str]:
    """Subcommands and flags of a command line that do not exist."""
    from typer.main import get_command

    from tlearn.cli.app import app

    command: Any = get_command(app)
    for word in words[1:]:
        if not hasattr(command, "commands") or word.startswith("-"):
            break
        if word not in command.commands:
            return [word]
        command = command.commands[word]
    known = {"--help", "-h", "--version"}
    known |= {name for item in command.params for name in [*item.opts, *item.secondary_opts]}
    return [word for word in words if word.startswith("-") and word.split("=")[0] not in known]


def test_generated_parts_are_up_to_date() -> None:
    source = ROOT / "tools" / "write_docs.py"
    spec = importlib.util.spec_from_file_location("write_docs", source)
    assert spec and spec.loader
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    stale = [path.name for path in tool.stale_pages()]
    assert not stale, f"{', '.join(stale)}: run python tools/write_docs.py"


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert {f"{name}.md" for name in PAGES} == set(re.findall(r": (\w+\.md)$", navigation, re.M))


def test_every_environment_variable_is_documented() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tlearn").rglob("*.py"))
    documented = re.findall(r"^\| `(TLEARN_\w+)`", PAGES["environment"].read_text("utf-8"), re.M)
    assert set(re.findall(r'"(TLEARN_\w+)"', source)) == set(documented)


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES.values()], ids=lambda page: page.stem)
def test_commands_exist(page: Path) -> None:
    lines = [words for words in commands_in(page) if words[0] == "tlearn"]
    wrong = {" ".join(words): unknown for words in lines if (unknown := unknown_words(words))}
    assert not wrong


def documented_keys(section: str) -> set[str]:
    """Keys in the tables of one section of docs/json.md."""
    page = PAGES["json"].read_text(encoding="utf-8")
    (text,) = re.findall(rf"^##+ {section}\n(.*?)(?=^##+ |\Z)", page, re.M | re.S)
    cells = re.findall(r"^\| (`.*?`) \|", text, re.MULTILINE)
    keys = {key for cell in cells for key in re.findall(r"`(\w+)`", cell)}
    return keys | (documented_keys("Report") if "keys of a [report]" in text else set())


def keys_of(document: dict[str, Any]) -> set[str]:
    """Keys of a document under today's names, without its versions."""
    from tlearn.cli.document import FIRST_NAMES

    old = {FIRST_NAMES[key] for key in document if key in FIRST_NAMES}
    return document.keys() - old - {"schema_version", "tlearn_version"}


def test_json_documents_have_the_keys_that_are_documented(
    run_images: Path,
    tiny_backbone: Path,
    converted: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from typer.testing import CliRunner

    from tlearn.cli.app import app

    monkeypatch.chdir(tmp_path)
    folder, backbone = str(run_images), ["--backbone", str(tiny_backbone)]

    def document(*words: str) -> dict[str, Any]:
        result = CliRunner().invoke(app, [*words, "--json"])
        assert result.exit_code == 0, result.output
        parsed: dict[str, Any] = json.loads(result.stdout)
        # The page also has keys that come with a flag, such as those of a budget.
        assert keys_of(parsed) <= documented_keys(words[0]), words[0]
        return parsed

    document("suggest", folder, *backbone)
    run = document("finetune", folder, *backbone, "--policy", "linear-head", "--out", "run")
    assert keys_of(run["plan"]) == documented_keys("Plan")
    assert keys_of(run["reports"]["val"]) == documented_keys("Report")
    document("update", "run", str(draw_folder(tmp_path / "more", classes=4)))
    document("evaluate", "run")
    image = str(next(Path(folder).rglob("*.png")))
    answer = document("predict", "run", image)["predictions"][0]
    assert {"image", "label", "probability", "known", "set", "top", "problem"} == keys_of(answer)
    document("embed", "run", image, "--similar", image)
    document("next", "run", image)
    artifact = document("export", "run", "--tflite")["artifacts"][0]
    assert keys_of(artifact) == documented_keys("Artifact")
    document("check", artifact["path"])
    document("benchmark", artifact["path"], "--threads", "1")
    document("features", folder, *backbone, "--store", "store")
    document("cache")
