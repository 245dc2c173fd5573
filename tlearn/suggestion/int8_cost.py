"""What int8 would cost."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_MAX_DROP = 0.01
"""Drop of accuracy that an export's gate allows by default."""


@dataclass(frozen=True)
class Int8Cost:
    """Heads solved in float, on pictures that they had not seen, fed in float and in int8.

    Attributes:
        n_images: Pictures.
        accuracy: Fed in float.
        drop: Accuracy lost when an int8 network feeds the same heads.
        error: Standard error of the drop, one disagreement more counted than there was.
    """

    n_images: int
    accuracy: float
    drop: float
    error: float

    @property
    def passes_gate(self) -> bool:
        """Whether a file in int8 can be expected to pass the gate."""
        return self.drop <= DEFAULT_MAX_DROP
