"""Programs beside the files: asked for by platform, listed with the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tlearn.export.budget import Budget, pick_artifact
from tlearn.export.parity import Artifact

FILE = Artifact(
    Path("runs/[r]/export/model.tflite"), "tflite", "none", 9_000, 1.0, 0.95, 0.0, 3.6, True, ""
)
PROGRAM = Path("runs/[r]/export/classify_model.html")


@pytest.mark.parametrize(
    ("words", "formats"),
    [
        (["--tflite"], [("tflite", "none")]),
        ([], [("tflite", "none")]),
        (["--quantize", "int8"], [("tflite", "int8")]),
        (["--saved-model"], [("tflite", "none"), ("saved_model", "none")]),
    ],
)
def test_a_snippet_needs_a_litert_file_and_asks_for_it(
    command: Command,
    calls: Callable[..., Any],
    fits: Callable[[str], None],
    words: list[str],
    formats: list[tuple[str, str]],
) -> None:
    exported = calls("export", [FILE])
    written = calls("write_snippets", [PROGRAM])
    result = command("export", *words, "--snippet", "Web", "--snippet", "web")
    assert result.exit_code == 0
    fits(result.stdout)
    assert exported[0][0] == (None, formats)
    assert written[0][0] == ([FILE], ["web"])
    assert str(PROGRAM) in result.stdout


def test_json_lists_snippets_and_none_where_none_was_asked_for(
    command: Command, calls: Callable[..., Any]
) -> None:
    calls("export", [FILE])
    assert json.loads(command("export", "--tflite", "--json").stdout)["snippets"] == []
    calls("write_snippets", [PROGRAM])
    document = json.loads(command("export", "--snippet", "web", "--json").stdout)
    assert document["snippets"] == [str(PROGRAM)]


def test_opencv_reads_an_onnx_file(command: Command, calls: Callable[..., Any]) -> None:
    exported = calls("export", [FILE])
    calls("write_snippets", [PROGRAM])
    command("export", "--snippet", "opencv", "--layout", "nchw")
    assert exported[0][0] == (None, [("onnx", "none")])
    assert exported[0][1]["layout"] == "NCHW"


@pytest.mark.parametrize(("limit", "usable"), [("1MB", [FILE]), ("1kB", [])])
def test_within_a_budget_only_what_is_kept_has_one(
    command: Command, calls: Callable[..., Any], limit: str, usable: list[Artifact]
) -> None:
    calls("export_within", pick_artifact([FILE], Budget(1e6 if usable else 1e3)))
    written = calls("write_snippets", [PROGRAM] if usable else [])
    result = command("export", "--snippet", "web", "--max-size", limit)
    assert written[0][0] == (usable, ["web"])
    assert (str(PROGRAM) in result.stdout) == bool(usable)


def test_a_bundle_is_asked_for_with_its_page_and_its_files_are_named_where_they_are_missing(
    command: Command, calls: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls("export", [FILE])
    written = calls("write_snippets", [PROGRAM])
    result = command("export", "--snippet", "web")
    assert written[0][1] == {"bundle": False}
    assert "litert/bundle.js; add --bundle" in " ".join(result.stdout.split())
    monkeypatch.setattr("tlearn.export.web_runtime.find_npm", lambda: "npm")
    command("export", "--snippet", "web", "--bundle")
    assert written[1][1] == {"bundle": True}
    result = command("export", "--snippet", "ios", "--bundle")
    assert result.exit_code == 2 and "--snippet web --bundle" in result.stderr


def test_an_unknown_platform_lists_those_there_are(command: Command) -> None:
    result = command("export", "--snippet", "[windows]")
    assert result.exit_code == 2
    assert "[windows]" in result.stderr and "python, android, ios, web" in result.stderr
