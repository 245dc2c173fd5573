"""A checkpoint gives back exactly what was saved, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tlearn.training.checkpoint import Checkpoint, TrainingState, read_epoch
from tlearn.training.schedule import PlateauState


@pytest.fixture
def model(classifier: Callable[[float], keras.Model]) -> keras.Model:
    model = classifier(0.5)
    model.compile(keras.optimizers.Adam(), "categorical_crossentropy")
    model.train_on_batch(np.ones((4, 8), np.float32), np.eye(2, dtype=np.float32)[[0, 1, 0, 1]])
    return model


def test_model_optimizer_and_state_come_back(model: keras.Model, tmp_path: Path) -> None:
    state = TrainingState(
        epoch=3,
        step=2,
        sums=(1.5, 7.0),
        n_images=9,
        epochs=[{"epoch": 1, "val_loss": float("nan")}],
        plateau=PlateauState(factor=0.3, waited=2),
        start=[np.arange(3.0)],
    )
    checkpoint = Checkpoint(tmp_path / "checkpoints" / "last.npz")
    assert checkpoint.read() is None and read_epoch(checkpoint.path) is None
    checkpoint.save(model, state)
    saved = [np.array(value) for value in (*model.variables, *model.optimizer.variables)]
    model.train_on_batch(np.ones((4, 8), np.float32), np.eye(2, dtype=np.float32)[[1, 1, 1, 1]])
    read = checkpoint.read()
    assert read is not None and read.restore(model) and read_epoch(checkpoint.path) == 3
    restored = read.state
    assert (restored.epoch, restored.step, restored.sums) == (3, 2, (1.5, 7.0))
    assert restored.plateau == state.plateau and np.isnan(restored.epochs[0]["val_loss"])
    assert np.array_equal(restored.start[0], np.arange(3.0))
    for value, expected in zip((*model.variables, *model.optimizer.variables), saved, strict=True):
        assert np.array_equal(value, expected)


@pytest.mark.parametrize("damage", ["cut", "zeros", "bit", "empty"])
def test_a_damaged_checkpoint_is_none(model: keras.Model, tmp_path: Path, damage: str) -> None:
    checkpoint = Checkpoint(tmp_path / "last.npz")
    checkpoint.save(model, TrainingState(epoch=2))
    content = bytearray(checkpoint.path.read_bytes())
    if damage == "bit":
        for place in range(0, len(content), 50):
            content[place] ^= 16
    damaged = {"cut": content[:-100], "zeros": bytes(len(content)), "empty": b"", "bit": content}
    checkpoint.path.write_bytes(damaged[damage])
    before = [np.array(value) for value in model.variables]
    assert checkpoint.read() is None
    assert all(np.array_equal(a, b) for a, b in zip(before, model.variables, strict=True))


def test_the_checkpoint_of_another_network_is_none(model: keras.Model, tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "last.npz")
    checkpoint.save(model, TrainingState())
    inputs = keras.Input((5,))
    other = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    other.compile("sgd", "mse")
    read = checkpoint.read()
    assert read is not None and not read.restore(other)


@pytest.mark.parametrize("wrong", [{"epoch": -5}, {"epoch": "x"}, {"parts": 0}, {"epochs": None}])
def test_a_state_that_cannot_be_is_none(
    model: keras.Model, tmp_path: Path, wrong: dict[str, Any]
) -> None:
    checkpoint = Checkpoint(tmp_path / "last.npz")
    checkpoint.save(model, replace(TrainingState(epoch=2), **wrong))
    assert checkpoint.read() is None and read_epoch(checkpoint.path) is None
