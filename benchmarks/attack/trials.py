"""Trials of whole commands: killed, side by side, on a full disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """A trial: what was tried, what was found in which column, how long it took."""

    name: str
    found: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


TRIALS: dict[str, Any] = {}
