"""What was measured in each epoch, one JSON object a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlearn.runs.epoch_log import EpochLog


def test_history_survives_a_line_cut_short(tmp_path: Path) -> None:
    log = EpochLog(tmp_path / "history.jsonl")
    assert log.read() == []
    log.append({"epoch": 1, "loss": float("nan")})
    with log.path.open("a") as file:
        file.write('{"epoch": 2, "lo')
    log.append({"epoch": 3, "loss": 0.5})
    assert log.read() == [{"epoch": 1, "loss": None}, {"epoch": 3, "loss": 0.5}]


@pytest.mark.parametrize(
    "line",
    ["5", "[]", '{"epoch": "x"}', '{"loss": 1.0}', '{"epoch": 1, "loss": []}', "[" * 100_000],
)
def test_lines_of_a_history_that_are_no_epochs_are_left_out(tmp_path: Path, line: str) -> None:
    log = EpochLog(tmp_path / "history.jsonl")
    log.append({"epoch": 1, "loss": float("nan")})
    with log.path.open("a") as file:
        file.write(line + "\n")
    assert log.read() == [{"epoch": 1, "loss": None}]
