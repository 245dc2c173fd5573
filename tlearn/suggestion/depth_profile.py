"""How well a linear head does on the features of every stage, on pictures it has not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tlearn.features.linear_probe import CrossValidation


@dataclass(frozen=True)
class DepthProfile:
    """Cross-validated accuracy by stage.

    Attributes:
        accuracies: Stage name to accuracy, input to output.
        best: The first stage that no other beats.
        last: The whole of what cross-validation said of the last stage, the embedding.
    """

    accuracies: Mapping[str, float]
    best: str
    last: CrossValidation

    @property
    def gain(self) -> float:
        """Accuracy of the best stage minus that of the last."""
        return self.accuracies[self.best] - self.last.accuracy


def draw_profile(checked: Mapping[str, CrossValidation]) -> DepthProfile:
    """The profile that solved heads on every stage make.

    Args:
        checked: Stage name to what cross-validation said of a head on it, input to output.
    """
    accuracies = {name: result.accuracy for name, result in checked.items()}
    best = max(accuracies, key=lambda name: accuracies[name])
    return DepthProfile(accuracies, best, list(checked.values())[-1])
