"""Boards by name."""

from __future__ import annotations

import pytest

from tlearn.errors import ExportError
from tlearn.export.boards import BOARDS, find_board


def test_a_board_is_found_in_any_case() -> None:
    assert find_board("ESP32") is BOARDS["esp32"]


def test_an_unknown_board_lists_those_there_are() -> None:
    with pytest.raises(ExportError, match="no such board") as error:
        find_board("arduino")
    assert "esp32, rp2350, stm32, ethos-u" in error.value.hint
