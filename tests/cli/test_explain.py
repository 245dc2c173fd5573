"""What `tlearn explain` prints, and which of its forms is meant."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.written_run import WriteRun
from tlearn.commands.explain import ExplainResult, ImageMap


@pytest.fixture(autouse=True)
def latest_run(write_run: WriteRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only run in the working folder."""
    monkeypatch.chdir(tmp_path)
    return write_run("latest").path.relative_to(tmp_path)


@pytest.fixture
def result() -> ExplainResult:
    good = ImageMap("[red]a.jpg", "explain/a.png", "\x1b[31mcat", 0.9, 0.42, 0.03)
    vain = ImageMap("b.jpg", "explain/b.png", "dog", 0.6, -0.01, 0.0, "cat")
    bad = ImageMap("c.jpg", None, None, None, None, None, problem="cut short\x1b[31m")
    return ExplainResult(Path("runs/latest"), [good, vain, bad], Path("explain/explain.html"))


def test_it_draws_each_map_with_its_test(
    command: Command,
    calls: Callable[..., Any],
    result: ExplainResult,
    fits: Callable[[str], None],
    latest_run: Path,
) -> None:
    recorded = calls("explain", result)
    shown = command("explain", latest_run, "a.jpg", "b.jpg")
    assert shown.exit_code == 0
    fits(shown.stdout)
    assert recorded[0][0] == (latest_run, [Path("a.jpg"), Path("b.jpg")])
    row = next(line for line in shown.stdout.splitlines() if "a.jpg" in line)
    assert row.startswith("[red]a.jpg") and "-42.0" in row and "-3.0" in row and "90.0%" in row
    assert "in 1 of 2 maps" in " ".join(shown.stdout.split())
    assert "1 of 3 images cannot be read" in shown.stdout
    assert "explain/explain.html" in shown.stdout


def test_images_of_one_name_are_told_apart(
    command: Command, calls: Callable[..., Any], result: ExplainResult, tmp_path: Path
) -> None:
    same = [replace(result.maps[0], path=str(tmp_path / of / "1.jpg")) for of in "ab"]
    calls("explain", replace(result, maps=same))
    shown = command("explain", "x").stdout
    assert "a/1.jpg" in shown and "b/1.jpg" in shown


def test_json_has_a_record_for_every_image(
    command: Command, calls: Callable[..., Any], result: ExplainResult
) -> None:
    calls("explain", result)
    document = json.loads(command("explain", "a.jpg", "--json").stdout)
    first, _, last = document["maps"]
    for key in ("path", "map", "label", "drop_warm", "drop_random"):
        assert first[key] is not None
        assert key == "path" or last[key] is None
    assert document["page"] == "explain/explain.html" and last["problem"]


def test_the_exit_code_is_2_if_no_image_could_be_read(
    command: Command, calls: Callable[..., Any], result: ExplainResult
) -> None:
    calls("explain", ExplainResult(result.run, result.maps[2:], None))
    assert command("explain", "c.jpg").exit_code == 2


def test_without_images_the_run_is_explained(
    command: Command, calls: Callable[..., Any], result: ExplainResult, latest_run: Path
) -> None:
    recorded = calls("explain", result)
    assert command("explain").exit_code == 0 and command("explain", latest_run).exit_code == 0
    assert [call[0] for call in recorded] == [(None, []), (latest_run, [])]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--network", "a.jpg", "b.jpg"), "2 images were named"),
        (("--network",), "none was named"),
        (("--network", "--folder"), "choose one"),
        (("--folder", "a", "b"), "2 were named"),
        (("--folder", "runs/latest", "b"), "leave one of them out: tlearn explain --folder b"),
        (("--folder", "runs/latest", "b", "c"), "3 were named"),
        (("--backbone", "builtin", "a.jpg"), "--folder FOLDER"),
        (("nowhere.jpg",), "does not exist"),
    ],
)
def test_what_does_not_go_together_is_told(
    command: Command, words: tuple[str, ...], told: str
) -> None:
    refused = command("explain", *words)
    assert refused.exit_code == 2
    assert told in " ".join(refused.stderr.split())
    assert "hint:" in refused.stderr


def test_a_folder_or_a_run_is_drawn_as_points(
    command: Command, calls: Callable[..., Any], latest_run: Path
) -> None:
    from tlearn.commands.explain_folder import FolderPage

    page = FolderPage(Path("flowers"), Path("explain/explain.html"), 900, 400, 7, 0.4)
    recorded = calls("explain_folder", page)
    shown = command("explain", "--folder", "flowers", "--backbone", "builtin").stdout
    assert "400 of 900 images, 7 of them errors" in shown
    assert recorded[0][0] == (None, Path("flowers"))
    assert recorded[0][1]["flags"] == {"backbone": "builtin"}
    document = json.loads(command("explain", "--folder", latest_run, "--json").stdout)
    assert recorded[1][0] == (latest_run, None)
    assert (document["n_points"], document["n_errors"]) == (400, 7)
