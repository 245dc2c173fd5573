"""Where time decides: training ends in time, with the learning rate at the end of its schedule."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import keras
import pytest

from tlearn.data.augmentation import augmentation
from tlearn.recipe.plan import Plan
from tlearn.training import phase
from tlearn.training.batches import Batches, Examples, Variation
from tlearn.training.checkpoint import TrainingState


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock on which every look at it takes a second."""
    clock = itertools.count()
    monkeypatch.setattr("time.perf_counter", lambda: float(next(clock)))


@pytest.fixture
def timed(
    classifier: Callable[[float], keras.Model],
    examples: Callable[..., Examples],
    plan_for: Callable[..., Plan],
    seconds: None,
) -> Callable[..., phase.Phase]:
    """Train until a deadline: `timed(deadline, epochs=...)`, with 4 steps an epoch."""

    def run(deadline: float, epochs: int = 3, state: TrainingState | None = None) -> phase.Phase:
        plan = plan_for(60, 20, epochs=epochs, batch_size=16, patience=1, warmup_epochs=0)
        model = classifier(0.0)
        model.compile(keras.optimizers.SGD(0.1), "categorical_crossentropy", metrics=["accuracy"])
        train = Batches(examples(60), 16, Variation(augmentation("none"), live=False, seed=0))
        val = Batches(examples(20, seed=1), 16)
        done = phase.Phase(
            model, plan, train, val, state or TrainingState(), lambda parts: None, deadline=deadline
        )
        done.run()
        return done

    return run


def test_training_ends_in_time_and_not_before(timed: Callable[..., phase.Phase]) -> None:
    done = timed(300.0, epochs=3)
    assert 250 < done.state.seconds < 300
    assert done.state.epoch > 3  # more than planned, whatever patience says: the clock was fast
    assert float(done.model.optimizer.learning_rate) < 0.01


def test_a_machine_slower_than_forecast_stops_within_an_epoch(
    timed: Callable[..., phase.Phase],
) -> None:
    done = timed(45.0, epochs=50)
    assert 1 <= done.state.epoch < 50
    assert done.state.seconds < 45
    assert done.state.epochs[-1]["epoch"] == done.state.epoch


def test_time_that_is_over_leaves_one_epoch(timed: Callable[..., phase.Phase]) -> None:
    assert timed(0.0).state.epoch == 1


def test_a_phase_that_goes_on_has_the_time_that_was_left(
    timed: Callable[..., phase.Phase],
) -> None:
    state = TrainingState(
        epoch=2, epochs=[{"epoch": 0}, {"epoch": 1}, {"epoch": 2}], seconds=80.0, budget=100.0
    )
    done = timed(10_000.0, state=state)
    assert done.state.epoch == 3 and done.state.seconds < 130
