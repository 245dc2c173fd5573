"""The timer adds up the seconds of named steps."""

from __future__ import annotations

import pytest

from tlearn.progress import Timer, no_progress


def test_a_step_timed_twice_adds_up(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.0, 1.5, 10.0, 12.0, 20.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    timer = Timer()
    for _ in range(2):
        with timer.time("decode"):
            pass
    assert timer.seconds == {"decode": 2.5}
    assert timer.total() == 20.0


def test_a_step_that_fails_is_timed_too() -> None:
    timer = Timer()
    with pytest.raises(KeyError), timer.time("train"):
        raise KeyError("x")
    assert set(timer.seconds) == {"train"}


def test_progress_may_be_ignored() -> None:
    no_progress("train", 1, 2)
