"""Where the page is, and what to do with what was filed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tlearn.commands.try_images import Trial
from tlearn.runs.directory import RunDirectory
from tlearn.serving.corrections import Corrections
from tlearn.serving.listening import Prepared, listen


@pytest.fixture
def trial(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """A page that ends as by Ctrl-C after an image was filed; the addresses that were opened."""
    prepared = Prepared(lambda: None, listen("127.0.0.1", 0))  # type: ignore[arg-type]
    corrections = Corrections(Path("run/corrections"), ("a", "b"))
    opened: list[str] = []

    def run(self: Prepared) -> None:
        self.listener.close()
        corrections.filed["digest"] = Path("run/corrections/a/x.png")
        raise KeyboardInterrupt

    monkeypatch.setattr(
        "tlearn.commands.try_images.try_images",
        lambda *_, progress: Trial(prepared, RunDirectory(Path("run")), corrections),
    )
    monkeypatch.setattr(Prepared, "run", run)
    monkeypatch.setattr("webbrowser.open", opened.append)
    return opened


def test_the_browser_is_opened_and_the_next_step_told(
    command: Command, trial: list[str], fits: Callable[[str], None]
) -> None:
    done = command("try")
    assert done.exit_code == 0, done.stderr
    fits(done.stdout)
    while not trial:  # the browser is opened beside
        pass
    assert f"the model of run answers at {trial[0]}" in done.stdout
    assert "1 image filed" in done.stdout and "tlearn update run run/corrections" in done.stdout


def test_a_script_opens_no_browser(command: Command, trial: list[str]) -> None:
    done = command("try", "--json")
    assert json.loads(done.stdout)["url"].startswith("http://127.0.0.1:") and not trial


def test_the_browser_is_left_alone(command: Command, trial: list[str]) -> None:
    assert command("try", "--no-open").exit_code == 0 and not trial
