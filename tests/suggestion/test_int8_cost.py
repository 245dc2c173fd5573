"""Whether an int8 file can be expected to pass the export's gate."""

from __future__ import annotations

import pytest

from tlearn.suggestion.int8_cost import DEFAULT_MAX_DROP, Int8Cost


@pytest.mark.parametrize(
    ("drop", "passes"),
    [(-0.02, True), (DEFAULT_MAX_DROP, True), (DEFAULT_MAX_DROP + 1e-6, False)],
)
def test_a_drop_up_to_the_default_gate_passes(drop: float, passes: bool) -> None:
    assert Int8Cost(100, 0.9, drop, 0.01).passes_gate is passes
