"""A training phase: which weights are kept, when it stops, and what it reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tlearn.data.augmentation import augmentation
from tlearn.errors import HostError, TlearnError
from tlearn.recipe.plan import Plan
from tlearn.training.batches import Batches, Examples, Variation
from tlearn.training.checkpoint import Checkpoint
from tlearn.training.interpolation import DEFAULT_INTERPOLATION
from tlearn.training.loop import History, factors_by_variable, fit

N_TRAIN, N_VAL = 60, 200
Run = Callable[..., tuple[keras.Model, History]]


@pytest.fixture
def run(
    classifier: Callable[[float], keras.Model],
    examples: Callable[..., Examples],
    plan_for: Callable[..., Plan],
) -> Run:
    """Train a classifier that starts with `scale`, on labels that are all wrong if `flipped`."""

    def train(
        scale: float, *, flipped: bool = False, n_val: int = N_VAL, **keys: Any
    ) -> tuple[keras.Model, History]:
        callbacks = {
            name: keys.pop(name) for name in ("on_epoch", "progress", "checkpoint") if name in keys
        }
        keys = {"epochs": 4, "learning_rate": 0.2, "warmup_epochs": 0, "batch_size": 16} | keys
        plan, model = plan_for(N_TRAIN, n_val, **keys), classifier(scale)
        variation = Variation(augmentation("none"), live=False, seed=0)
        batches = Batches(examples(N_TRAIN, flipped=flipped), plan.training.batch_size, variation)
        val = Batches(examples(n_val, seed=1), 32) if n_val else None
        return model, fit(model, plan, batches, val, {}, **callbacks)

    return train


def kernel(model: keras.Model) -> np.ndarray:
    return np.asarray(model.get_layer("head").kernel)


def test_training_that_helps_is_kept(run: Run) -> None:
    # Before training all 200 validation images are wrong, afterwards none is.
    model, history = run(-1.0, learning_rate=1.0)
    assert history.epochs[0]["val_accuracy"] == 0.0 and history.epochs[-1]["val_accuracy"] == 1.0
    assert history.interpolation is not None and history.interpolation > 0.4
    assert history.final_score is not None and history.final_score.accuracy == 1.0
    assert (kernel(model)[:, 1] > 0).all()


def test_training_that_harms_leaves_the_weights_as_they_were(run: Run) -> None:
    # All training labels are wrong: already at a fifth of the way, all 200 validation images are.
    model, history = run(1.0, flipped=True, learning_rate=2.0)
    assert history.epochs[0]["val_accuracy"] == 1.0 and history.epochs[-1]["val_accuracy"] == 0.0
    assert history.interpolation == 0.0
    assert np.array_equal(np.abs(kernel(model)), np.ones((8, 2)))


def test_without_validation_the_weights_end_halfway(run: Run) -> None:
    model, history = run(0.0, n_val=0)
    assert history.interpolation == DEFAULT_INTERPOLATION and history.final_score is None
    assert history.best_epoch == 4
    assert [record["epoch"] for record in history.epochs] == [1, 2, 3, 4]
    assert np.abs(kernel(model)).min() > 0.05


def test_from_scratch_the_best_epoch_is_kept(run: Run) -> None:
    # All training labels are wrong, so that every epoch is worse than the one before.
    keys = {"policy": "from_scratch", "batch_norm": "trained", "learning_rate": 0.02}
    model, history = run(1.0, flipped=True, **keys)
    assert (history.best_epoch, history.interpolation, history.final_score) == (1, None, None)
    moved = np.abs(kernel(model) - np.sign(kernel(model)))
    assert 0 < moved.max() < 0.1  # one epoch of four steps


def test_random_weights_are_never_the_ones_to_keep(run: Run) -> None:
    model, history = run(1.0, flipped=True, policy="from_scratch", batch_norm="trained")
    assert history.epochs[0]["val_accuracy"] >= history.epochs[1]["val_accuracy"]
    assert history.best_epoch > 0
    assert not np.array_equal(np.abs(kernel(model)), np.ones((8, 2)))


def test_it_stops_when_validation_no_longer_improves(run: Run) -> None:
    _, history = run(1.0, flipped=True, patience=2, epochs=9)
    assert [record["epoch"] for record in history.epochs] == [0, 1, 2]


def test_a_loss_that_is_not_a_number_stops_with_a_hint(run: Run) -> None:
    with pytest.raises(TlearnError, match="training stopped in epoch 1: the loss is nan") as error:
        run(float("nan"), learning_rate=0.5)
    assert error.value.hint.endswith("--learning-rate 0.05")


def test_a_validation_loss_that_is_not_a_number_stops_too(
    classifier: Callable[[float], keras.Model],
    examples: Callable[..., Examples],
    plan_for: Callable[..., Plan],
) -> None:
    # Training would hardly notice: its loss in an epoch is from before the last step.
    plan = plan_for(N_TRAIN, N_VAL, epochs=1)
    train = Batches(examples(N_TRAIN), 64, Variation(augmentation("none"), live=False, seed=0))
    huge = replace(examples(N_VAL), read=lambda keys: np.full((len(keys), 8), 3e38, np.float32))
    with pytest.raises(TlearnError, match="in epoch 1: the validation loss is nan"):
        fit(classifier(1.0), plan, train, Batches(huge, 32), {})


def test_every_epoch_is_reported_and_the_model_before_training(run: Run) -> None:
    records: list[Mapping[str, Any]] = []
    _, history = run(0.0, epochs=2, on_epoch=records.append)
    assert records == history.epochs
    first, *others = records
    assert first.keys() == {"epoch", "epochs", "val_loss", "val_accuracy", "seconds"}
    assert all(record.keys() == first.keys() | {"loss", "accuracy"} for record in others)


def test_progress_counts_the_images_seen(run: Run) -> None:
    calls: list[tuple[int, int]] = []
    _, history = run(0.0, epochs=2, progress=lambda done, total: calls.append((done, total)))
    assert [done for done, _ in calls] == [16, 32, 48, 60, 76, 92, 108, 120]
    assert {total for _, total in calls} == {120}
    assert history.steps == 8


def test_every_variable_has_the_factor_of_its_stage() -> None:
    inputs = keras.Input((4,))
    stage, head = keras.layers.Dense(3, name="stage"), keras.layers.Dense(2, name="head")
    keras.Model(inputs, head(stage(inputs)))
    factors = factors_by_variable([[stage], [head]], [0.01, 0.1], 0.1)
    assert factors == pytest.approx(
        {"stage/kernel": 0.1, "stage/bias": 0.1, "head/kernel": 1.0, "head/bias": 1.0}
    )


class StoppedError(Exception):
    """What ends a training from outside."""


@pytest.mark.parametrize("policy", ["deep", "from_scratch"])
@pytest.mark.parametrize("stopped_at", [60, 92, 196])
def test_a_stopped_training_goes_on_to_the_same_weights(
    run: Run, tmp_path: Path, stopped_at: int, policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tlearn.training.checkpoint.SECONDS_BETWEEN", -1.0)
    keys = {"policy": policy, "schedule": "plateau", "optimizer": "adam"}
    undisturbed, expected = run(0.1, **keys)

    def stop(done: int, total: int) -> None:
        if done == stopped_at:
            raise StoppedError

    checkpoint = Checkpoint(tmp_path / "last.npz")
    with pytest.raises(StoppedError):
        run(0.1, **keys, checkpoint=checkpoint, progress=stop)
    calls: list[int] = []
    model, history = run(
        0.1, **keys, checkpoint=checkpoint, progress=lambda done, _: calls.append(done)
    )
    assert calls[0] > stopped_at - 60 and calls[-1] == 240
    assert np.array_equal(kernel(model), kernel(undisturbed))
    without_seconds = [
        [{key: value for key, value in record.items() if key != "seconds"} for record in epochs]
        for epochs in (history.epochs, expected.epochs)
    ]
    assert without_seconds[0] == without_seconds[1]
    assert history.interpolation == expected.interpolation


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_where_memory_is_short_a_batch_is_computed_in_parts_with_the_same_effect(
    run: Run, optimizer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    undisturbed, expected = run(0.1, optimizer=optimizer, learning_rate=0.01)
    train_on_batch = keras.Model.train_on_batch
    sizes: list[int] = []

    def short_of_memory(model: keras.Model, images: np.ndarray, *rest: Any, **options: Any) -> Any:
        if len(sizes) > 5 and len(images) > 4:
            raise MemoryError
        sizes.append(len(images))
        return train_on_batch(model, images, *rest, **options)

    monkeypatch.setattr(keras.Model, "train_on_batch", short_of_memory)
    model, history = run(0.1, optimizer=optimizer, learning_rate=0.01)
    assert history.parts == 4 and max(sizes[6:]) == 4
    assert history.steps == expected.steps
    np.testing.assert_allclose(kernel(model), kernel(undisturbed), rtol=0.02, atol=1e-4)
    losses = [[record.get("loss", 0.0) for record in h.epochs] for h in (history, expected)]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)


def test_not_even_one_image_fits(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_: Any, **__: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(keras.Model, "train_on_batch", no_memory)
    with pytest.raises(HostError, match="not enough memory") as error:
        run(0.1)
    assert "--image-size" in error.value.hint
