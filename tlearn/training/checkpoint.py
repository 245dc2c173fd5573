"""The state of a training phase, kept on disk so that a run that was stopped can go on."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlearn.storage.arrays import read_arrays
from tlearn.storage.atomic import write_atomic
from tlearn.training.schedule import PlateauState

if TYPE_CHECKING:
    import keras

SECONDS_BETWEEN = 120.0
"""Longest time within an epoch without a checkpoint."""


@dataclass
class TrainingState:
    """Everything that decides how training goes on, beside the model and its optimizer.

    Attributes:
        epoch: Epochs completed.
        step: Batches of the current epoch that were trained on.
        sums: Loss and accuracy, each summed over the images of these batches.
        n_images: Number of these images.
        epochs: The record of each epoch, see `EpochCallback`.
        squared_errors: Of the validation probabilities after each, summed over the images.
        best: Validation accuracy and negative loss of the best epoch.
        best_epoch: That epoch.
        plateau: State of the plateau schedule.
        seconds: Time spent on training.
        budget: Time for it and for what comes after it; None where epochs decide.
        parts: Parts in which a batch is computed, for want of memory; gradients are accumulated.
        start: Weights before training, where the kept ones will lie between them and the last.
        best_weights: Weights of the best epoch, where those are kept.
    """

    epoch: int = 0
    step: int = 0
    sums: tuple[float, float] = (0.0, 0.0)
    n_images: int = 0
    epochs: list[dict[str, Any]] = field(default_factory=list)
    squared_errors: list[float] = field(default_factory=list)
    best: tuple[float, float] = (-1.0, -math.inf)
    best_epoch: int = 0
    plateau: PlateauState = field(default_factory=PlateauState)
    seconds: float = 0.0
    budget: float | None = None
    parts: int = 1
    start: Sequence[np.ndarray] = ()
    best_weights: Sequence[np.ndarray] = ()

    @property
    def errors_at_ends(self) -> dict[float, float]:
        """Return the squared error before training (0) and after it (1), for interpolation."""
        errors = self.squared_errors
        complete = errors and len(errors) == len(self.epochs)  # not by an earlier version
        return {0.0: errors[0], 1.0: errors[-1]} if complete else {}


@dataclass(frozen=True)
class Saved:
    """What a checkpoint holds: the state, and arrays by group."""

    state: TrainingState
    groups: Mapping[str, Sequence[np.ndarray]]

    def restore(self, model: keras.Model) -> bool:
        """Set model and optimizer; return False, and set nothing, if they are of another shape."""
        variables = [*model.variables, *model.optimizer.variables]
        values = [*self.groups.get("model", ()), *self.groups.get("optimizer", ())]
        if [tuple(variable.shape) for variable in variables] != [value.shape for value in values]:
            return False
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        return True


class Checkpoint:
    """The checkpoint of one training phase: model, optimizer and `TrainingState` in one file.

    Args:
        path: An .npz file; missing until the first checkpoint.
        read_only: Whether another process writes it.
    """

    def __init__(self, path: Path, read_only: bool = False) -> None:
        self.path = path
        self._read_only = read_only
        self._written = time.monotonic()

    @property
    def is_due(self) -> bool:
        """Return whether the last one is so old that another is written within an epoch."""
        return not self._read_only and time.monotonic() - self._written > SECONDS_BETWEEN

    def save(self, model: keras.Model, state: TrainingState) -> None:
        """Replace the checkpoint, unless another process does.

        Raises:
            HostError: The file cannot be written.
        """
        if self._read_only:
            return
        values = {
            name: value
            for name, value in vars(state).items()
            if name not in ("start", "best_weights", "plateau")
        }
        record = json.dumps(values | {"plateau": asdict(state.plateau)})
        arrays: dict[str, np.ndarray] = {"state": np.frombuffer(record.encode(), np.uint8)}
        groups: Mapping[str, Sequence[Any]] = {
            "model": model.variables,
            "optimizer": model.optimizer.variables,
            "start": state.start,
            "best": state.best_weights,
        }
        for group, members in groups.items():
            for number, member in enumerate(members):
                arrays[f"{group}/{number}"] = np.asarray(member)
        write_atomic(self.path, lambda path: np.savez(path, allow_pickle=False, **arrays))
        self._written = time.monotonic()

    def read(self) -> Saved | None:
        """Read the checkpoint; None where there is none, or where it is damaged."""
        groups: dict[str, list[np.ndarray]] = {}
        for name, array in (read_arrays(self.path) or {}).items():
            groups.setdefault(name.split("/")[0], []).append(array)
        state = _state_of(groups)
        return None if state is None else Saved(state, groups)


def read_epoch(path: Path) -> int | None:
    """Return how many epochs a checkpoint has completed; None where there is none to go on from."""
    arrays = read_arrays(path) or {}
    state = _state_of({"state": [arrays["state"]]}) if "state" in arrays else None
    return state.epoch if state else None


def _state_of(groups: Mapping[str, Sequence[np.ndarray]]) -> TrainingState | None:
    """Return the state among the arrays of a checkpoint; None where it is of another version."""
    try:
        record = json.loads(groups["state"][0].tobytes())
        record["plateau"] = PlateauState(**record["plateau"])
        record["best"], record["sums"] = tuple(record["best"]), tuple(record["sums"])
        start, best = groups.get("start", ()), groups.get("best", ())
        state = TrainingState(**record, start=start, best_weights=best)
    except (KeyError, ValueError, TypeError):
        return None
    counts = (state.epoch, state.step, state.n_images, state.best_epoch, state.parts)
    possible = all(isinstance(count, int) and count >= 0 for count in counts) and state.parts
    return state if possible and isinstance(state.epochs, list) else None
