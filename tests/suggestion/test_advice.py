"""The record that carries a suggestion and its evidence."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields

from tlearn.suggestion.advice import Advice
from tlearn.suggestion.matrix import Evidence, textbook_policy


def test_what_was_not_measured_is_none_or_empty() -> None:
    advice = Advice(textbook_policy(Evidence(400, 5, 1.0)))
    assert not any(getattr(advice, field.name) for field in fields(advice)[1:])


def test_the_room_imports_nothing_heavy() -> None:
    code = "import sys, tlearn.suggestion.advice, tlearn.suggestion.decision; print(*sys.modules)"
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"tensorflow", "keras", "matplotlib"}.intersection(process.stdout.split())
