"""What is shown on a terminal, in a pipe, with --json, --quiet and --verbose."""

from __future__ import annotations

import io
import os
import pty
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.text import Text

from tlearn.cli.display import progress
from tlearn.cli.display.progress import Display


@pytest.fixture
def timer(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Time that stands still unless a test moves it."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def work(display: Display, timer: list[float]) -> None:
    """Two steps and an epoch, five seconds a call."""
    for done in (1, 50, 100):
        display("read images", done, 100)
        timer[0] += 5
    display("solve the [head]", 0, 0)
    timer[0] += 5
    display("train", 0, 64)
    display("train", 32, 64)
    display.epoch({"epoch": 1, "epochs": 2, "loss": 0.5, "accuracy": 0.5, "val_accuracy": 0.75})


def test_in_a_pipe_there_is_a_line_a_step(
    capfd: pytest.CaptureFixture[str], timer: list[float]
) -> None:
    with Display(verbose=True) as display:
        work(display, timer)
    out, err = capfd.readouterr()
    lines = err.splitlines()
    assert not out and "\x1b" not in err
    assert lines[0].split() == ["✓", "read", "images", "100", "15", "s"]
    assert lines[1].split() == ["✓", "solve", "the", "[head]", "5.0", "s"]
    assert "epoch   1 of 2" in lines[2] and "val  75.0%" in lines[2] and "best" in lines[2]
    assert lines[3].split()[:4] == ["✓", "train", "32", "images"]


def test_columns_stay_in_line_when_a_loss_is_large(capfd: pytest.CaptureFixture[str]) -> None:
    with Display() as display:
        for epoch, loss in enumerate((0.5, 12.345, 311.25, 4812.3), start=1):
            record = {"epoch": epoch, "epochs": 4, "loss": loss, "accuracy": 0.5}
            display.epoch(record)
    lines = capfd.readouterr().err.splitlines()
    assert [line.split()[5] for line in lines] == ["0.500", "12.35", "311.2", "4812"]
    assert len({line.index("train") for line in lines}) == 1


def test_short_steps_leave_a_line_only_if_asked_for(
    capfd: pytest.CaptureFixture[str], timer: list[float]
) -> None:
    with Display() as display:
        work(display, timer)
    err = capfd.readouterr().err
    assert "read images" in err and "epoch" in err and "✓ train" not in err


def test_with_json_progress_goes_to_stderr_and_nothing_to_stdout(
    capfd: pytest.CaptureFixture[str], timer: list[float]
) -> None:
    with Display(as_json=True) as display:
        work(display, timer)
        display.show(Text("a plan"))
    out, err = capfd.readouterr()
    assert not out and "read images" in err and "epoch" in err


@pytest.mark.parametrize("as_json", [True, False])
def test_quiet_shows_no_progress(
    as_json: bool, capfd: pytest.CaptureFixture[str], timer: list[float]
) -> None:
    with Display(as_json, quiet=True) as display:
        work(display, timer)
        display.show(Text("a plan"))
    assert capfd.readouterr() == ("" if as_json else "a plan\n", "")


def test_training_says_where_it_starts(capfd: pytest.CaptureFixture[str]) -> None:
    with Display() as display:
        display.start_note = "the solved head"
        display.epoch({"epoch": 0, "epochs": 2, "val_accuracy": 0.75})
    line = capfd.readouterr().err
    assert line.split() == ["start", "val", "75.0%", "the", "solved", "head"]


def test_what_others_write_meanwhile_is_silenced_and_ours_is_not(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with Display(verbose=True) as display:
        os.write(1, b"chatter on stdout\n")
        os.write(2, b"chatter on stderr\n")
        display.show(Text("a plan"))
        display("load TensorFlow", 0, 0)
    out, err = capfd.readouterr()
    assert out == "a plan\n"
    assert "load TensorFlow" in err and "chatter" not in err


def test_an_error_leaves_the_streams_as_they_were(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError) as caught, Display() as display:
        display("divide", 0, 0)
        os.write(2, b"what the library said\n")
        raise ZeroDivisionError
    print("after")
    out, err = capfd.readouterr()
    assert out == "after\n" and "divide" not in err
    assert "what the library said" in "".join(caught.value.__notes__)


def test_steps_counted_from_outside_say_no_amount(
    capfd: pytest.CaptureFixture[str], timer: list[float]
) -> None:
    with Display(verbose=True) as display:
        display("export tflite none", 0, 2)
        display("export tflite int8", 1, 2)
    lines = capfd.readouterr().err.splitlines()
    assert [line.split()[-2] for line in lines] == ["0.0", "0.0"]
    assert not [line for line in lines if re.search(r" [12]  ", line)]


def test_on_a_terminal_there_is_a_pace_and_a_time_left(
    timer: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = on_a_terminal(lambda display: work(display, timer), monkeypatch)
    assert "50/100  10/s  5 s left" in shown
    assert "✓ read images" in shown


def test_a_download_counts_in_bytes(timer: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    def download(display: Display) -> None:
        display("download weights", 0, 14_000_000)
        timer[0] += 7
        display("download weights", 7_000_000, 14_000_000)

    assert "7.0 MB/14.0 MB  7 s left" in on_a_terminal(download, monkeypatch)


def test_a_step_that_cannot_be_counted_has_an_estimate_from_experience(
    timer: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(display: Display) -> None:
        display("load TensorFlow", 0, 0)
        timer[0] += 3
        display("load TensorFlow", 0, 0)

    assert "3 s  about 2 s left" in on_a_terminal(load, monkeypatch)


def on_a_terminal(doing: Callable[[Display], None], monkeypatch: pytest.MonkeyPatch) -> str:
    """What a terminal gets to see on stderr, without its colors."""
    reader, writer = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "stderr", os.fdopen(writer, "w", encoding="utf-8"))

    class EveryFrame(Display):
        def __call__(self, task: str, done: int, total: int) -> None:
            super().__call__(task, done, total)
            assert self._live is not None
            self._live.refresh()

    with EveryFrame() as display:
        doing(display)
    sys.stderr.close()
    seen = b""
    try:
        while chunk := os.read(reader, 65536):
            seen += chunk
    except OSError:  # Linux: nothing is left and nobody writes any more
        pass
    os.close(reader)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode())


def test_streams_in_memory_are_left_open(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    with Display() as display:
        display.show(Text("a plan"))
    assert out.getvalue() == "a plan\n" and not err.closed
