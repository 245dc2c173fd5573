"""What is to be chosen on validation images: an operating point, a threshold for each class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlearn.confidence.operating_point import Cost, OperatingPoint
from tlearn.errors import DataError, RecipeError
from tlearn.evaluation.gates import no_such_class
from tlearn.evaluation.operating_point import choose_operating_point


@dataclass(frozen=True)
class Choice:
    """What is to be chosen on validation images, and then measured on others.

    Attributes:
        positive: Of two classes, the one that is looked for; None guesses by the names.
        cost: Of two classes, what errors cost.
        min_sensitivity: Of two classes, the share of positive images to find at least.
        thresholds: Whether to choose a threshold for each class.
    """

    positive: str | None = None
    cost: Cost | None = None
    min_sensitivity: float | None = None
    thresholds: bool = False

    @property
    def has_point(self) -> bool:
        """Return whether an operating point is to be chosen."""
        return bool(self.cost or self.min_sensitivity is not None)

    @property
    def needs_validation(self) -> bool:
        """Return whether images to choose on are needed."""
        return self.has_point or self.thresholds

    def check(self, classes: Sequence[str], n_val: int, command: str = "evaluate") -> None:
        """Make sure that a choice suits the classes, and that there are images to choose on.

        Args:
            classes: Names of the classes.
            n_val: Number of validation images.
            command: That took the flags, for the hint.

        Raises:
            RecipeError: It needs two classes, or a class does not exist.
            DataError: It needs validation images.
        """
        flags = {
            "--positive": self.positive is not None,
            "--cost": self.cost is not None,
            "--min-sensitivity": self.min_sensitivity is not None,
        }
        given = next((flag for flag, is_set in flags.items() if is_set), None)
        if given and len(classes) != 2:
            raise RecipeError(
                f"{given} is for two classes; the run has {len(classes)}",
                "have a threshold chosen for each class instead: tlearn evaluate --thresholds",
            )
        if self.positive is not None and self.positive not in classes:
            raise no_such_class("--positive", self.positive, classes, command)
        if self.needs_validation and not n_val:
            raise DataError(
                "the run has no validation images to choose a threshold on",
                "train with some: tlearn finetune FOLDER --set val_fraction=0.2",
            )

    def point(
        self,
        probabilities: np.ndarray,
        labels: np.ndarray,
        classes: Sequence[str],
        groups: Sequence[str] = (),
        prior: Sequence[float] | None = None,
    ) -> OperatingPoint | None:
        """Return the operating point for validation images; None where none is to be chosen.

        The arguments are those of `choose_operating_point`.
        """
        if not self.has_point:
            return None
        return choose_operating_point(
            probabilities,
            labels,
            classes,
            self.positive,
            cost=self.cost,
            min_sensitivity=self.min_sensitivity,
            groups=groups,
            prior=prior,
        )

    def or_like(self, kept: OperatingPoint | None) -> Choice:
        """Return this choice or, where it has no operating point, one by the rule of a kept one."""
        if self.has_point or kept is None or self.positive not in (None, kept.positive):
            return self
        return Choice(kept.positive, kept.cost, kept.min_sensitivity, self.thresholds)


NO_CHOICE = Choice()
