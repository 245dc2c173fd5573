"""What quantizing the network to int8 would cost."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_MAX_DROP = 0.01
"""Drop of accuracy that an export's gate allows by default."""


@dataclass(frozen=True)
class Int8Cost:
    """Accuracy of linear heads fed with float and with int8 features, on the same held-out images.

    Attributes:
        n_images: Images they were scored on.
        accuracy: With float features.
        drop: Accuracy lost with features from the int8 network.
        error: Standard error of the drop (`depth_profile.paired_difference`).
    """

    n_images: int
    accuracy: float
    drop: float
    error: float

    @property
    def passes_gate(self) -> bool:
        """Return whether an int8 file can be expected to pass the export's accuracy gate."""
        return self.drop <= DEFAULT_MAX_DROP
