"""Where a server is, how it is asked, and what is refused before it runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tlearn.serving.listening import Prepared, listen


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """What the command was called with; its server ends as by Ctrl-C."""
    calls: list[tuple[object, ...]] = []

    def serve(*arguments: object, progress: object) -> Prepared:
        calls.append(arguments)
        return Prepared(lambda: None, listen("127.0.0.1", 0))  # type: ignore[arg-type]

    def run(self: Prepared) -> None:
        self.listener.close()
        raise KeyboardInterrupt

    monkeypatch.setattr("tlearn.commands.serve.serve", serve)
    monkeypatch.setattr(Prepared, "run", run)
    return calls


def test_the_address_and_a_first_question_are_told(
    command: Command, asked: list[tuple[object, ...]], fits: Callable[[str], None]
) -> None:
    done = command("serve", "model.tflite")
    assert done.exit_code == 0, done.stderr
    fits(done.stdout)
    assert "model.tflite answers at http://127.0.0.1:" in done.stdout
    assert "curl --data-binary @photo.jpg http://127.0.0.1:" in done.stdout
    assert "Bearer" not in done.stdout
    ((path, host, port, token, limits),) = asked
    assert (path, host, port, token) == (Path("model.tflite"), "127.0.0.1", 8000, None)
    assert (limits.most_bytes, limits.seconds, limits.waiting) == (20_000_000, 30, 64)


def test_a_script_reads_the_address(command: Command, asked: list[tuple[object, ...]]) -> None:
    done = command("serve", "model.tflite", "--json", "--port", "0", "--max-size", "3MB")
    assert json.loads(done.stdout)["url"].startswith("http://127.0.0.1:")
    assert asked[0][-1].most_bytes == 3_000_000  # type: ignore[attr-defined]


def test_the_token_is_not_printed(
    command: Command, asked: list[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TLEARN_TOKEN", "a-secret")
    done = command("serve", "model.tflite")
    assert asked[0][3] == "a-secret"
    assert "$TLEARN_TOKEN" in done.stdout and "a-secret" not in done.stdout


def test_a_size_that_is_none_is_refused(command: Command) -> None:
    done = command("serve", "model.tflite", "--max-size", "big")
    assert done.exit_code == 2 and "--max-size 'big'" in done.stderr
