"""Tuning on stored and on live inputs: what moves, what stays, and that both are one model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tlearn.commands.session import Session
from tlearn.commands.train import solve
from tlearn.data.dataset import Dataset
from tlearn.errors import TlearnError
from tlearn.models.backbone import Backbone
from tlearn.models.stages import layers_of_stage
from tlearn.training.fine_tune import assemble, tune
from tlearn.training.loop import DEFAULT_INTERPOLATION, History, average_interpolation

NO_VAL = 6
"""So few pictures a class that no validation split is cut: the last weights are kept, for sure."""

Damage = Callable[[keras.Model], None]


@dataclass
class Tuned:
    dataset: Dataset
    backbone: Backbone
    model: keras.Model
    before: list[np.ndarray]
    history: History

    def moved(self, layer: keras.layers.Layer) -> list[bool]:
        """For every weight of a layer, whether tuning changed a single bit of it."""
        place = {id(weight): n for n, weight in enumerate(self.model.weights)}
        return [
            bool((np.asarray(weight) != self.before[place[id(weight)]]).any())
            for weight in layer.weights
        ]


@pytest.fixture
def tuned(image_folder: Callable[..., Path], small_weights: Path) -> Callable[..., Tuned]:
    def run(policy: str, damage: Damage | None = None, per_class: int = 20, **flags: Any) -> Tuned:
        asked = {"backbone": "mobilenet_025", "image_size": 32, "policy": policy, **flags}
        if policy != "from_scratch":
            asked["weights"] = str(small_weights)
        with Session(image_folder(per_class=per_class), None, asked) as session:
            workspace = session.open_workspace()
            plan = session.make_plan(workspace, session.asked)
            head = None if policy == "from_scratch" else solve(session, workspace, plan)
            backbone = session.load_backbone(workspace.backbone)
            keras.utils.set_random_seed(plan.seed)
            model = assemble(backbone, plan, head)
            if damage:
                damage(model)
            before = [np.array(weight) for weight in model.get_weights()]
            parts = (
                workspace.dataset,
                session.cache,
                session.engines,
                session.progress,
                session.timer,
            )
            history = tune(model, backbone, plan, *parts)
        return Tuned(workspace.dataset, backbone, model, before, history)

    return run


def batch_norms(model: keras.Model) -> list[keras.layers.Layer]:
    return [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]


def test_top_stages_moves_the_last_stages_and_not_a_bit_of_the_others(
    tuned: Callable[..., Tuned],
) -> None:
    result = tuned("top_stages", epochs=3, tuned_stages=2, learning_rate=0.01, per_class=NO_VAL)
    stages = layers_of_stage(result.model, result.backbone.stages)
    frozen = [layer for layers in stages[:-2] for layer in layers]
    assert not any(flag for layer in frozen for flag in result.moved(layer))
    kernels = [x for layers in stages[-2:] for x in layers if isinstance(x, keras.layers.Conv2D)]
    assert all(any(result.moved(layer)) for layer in kernels)


def test_the_joined_model_scores_what_the_trained_tail_scored(
    tuned: Callable[..., Tuned],
) -> None:
    result = tuned("top_stages", epochs=3, augmentation="medium", views=3, learning_rate=3e-3)
    kept = result.history.kept
    dataset = result.dataset
    answers = result.model.predict_on_batch(dataset.rows("val")[:].astype(np.float32))
    labels = dataset.labels("val")
    assert kept is not None
    assert (answers.argmax(1) == labels).mean() == pytest.approx(kept.accuracy)
    loss = -np.log(answers[np.arange(len(labels)), labels]).mean()
    assert loss == pytest.approx(kept.loss, rel=0.02, abs=2e-3)  # stored in float16


def test_without_stored_views_the_frozen_stages_run_in_the_loop(
    tuned: Callable[..., Tuned],
) -> None:
    result = tuned("top_stages", epochs=2, views=0, augmentation="medium", learning_rate=3e-3)
    kept = result.history.kept
    dataset = result.dataset
    answers = result.model.predict_on_batch(dataset.rows("val")[:].astype(np.float32))
    assert kept is not None
    assert (answers.argmax(1) == dataset.labels("val")).mean() == pytest.approx(kept.accuracy)
    (cut,) = (result.cache / "features").glob("*-cut*")
    assert (cut / "keys.bin").stat().st_size == 32 * len(dataset.digests("val"))


def test_deep_leaves_the_statistics_of_every_batch_normalisation(
    tuned: Callable[..., Tuned],
) -> None:
    result = tuned("deep", epochs=2, learning_rate=0.01, augmentation="none", per_class=NO_VAL)
    kernels = [x for x in result.model.layers if isinstance(x, keras.layers.Conv2D)]
    assert all(flag for layer in kernels for flag in result.moved(layer))
    assert not any(flag for layer in batch_norms(result.model) for flag in result.moved(layer))


def test_from_scratch_trains_them(tuned: Callable[..., Tuned]) -> None:
    result = tuned("from_scratch", epochs=2, per_class=NO_VAL)
    assert all(any(result.moved(layer)) for layer in batch_norms(result.model))


def test_a_head_with_dropout_is_trained_by_steps_on_stored_embeddings(
    tuned: Callable[..., Tuned],
) -> None:
    result = tuned("linear_head", head_dropout=0.5, epochs=2, learning_rate=0.1)
    stages = layers_of_stage(result.model, result.backbone.stages)
    assert not any(f for layers in stages for layer in layers for f in result.moved(layer))
    assert result.history.steps > 0


def test_tuning_that_harms_leaves_the_solved_head(tuned: Callable[..., Tuned]) -> None:
    result = tuned("deep", epochs=2, learning_rate=9.0, optimizer="sgd", patience=9)
    first, *_, last = (epoch["val_loss"] for epoch in result.history.epochs)
    assert first < last
    assert result.history.interpolation is not None and result.history.interpolation < 0.05
    assert result.history.kept is not None and result.history.kept.loss <= first


@pytest.mark.parametrize(
    ("errors", "share"),
    [
        ([3.0] * 6, DEFAULT_INTERPOLATION),  # nothing speaks for either
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 0.44),  # a few images hardly do
        ([90, 80, 70, 80, 90, 99], 0.4),  # hundreds do
        ([10, 30, 90, 400, 900, 1e9], 0.0),
    ],
)
def test_the_share_follows_validation_as_far_as_it_can_tell(
    errors: list[float], share: float
) -> None:
    assert average_interpolation(errors) == share


def test_a_loss_that_is_no_number_stops_with_a_hint(tuned: Callable[..., Tuned]) -> None:
    def damage(model: keras.Model) -> None:
        kernel, bias = model.get_layer("head").get_weights()
        model.get_layer("head").set_weights([np.full_like(kernel, np.nan), bias])

    with pytest.raises(TlearnError, match="loss is nan") as error:
        tuned("deep", damage, epochs=3)
    assert "--learning-rate" in error.value.hint


def test_the_same_seed_gives_the_same_weights(tuned: Callable[..., Tuned]) -> None:
    flags = {"epochs": 2, "augmentation": "strong", "views": 2}
    first, second = (tuned("top_stages", **flags) for _ in range(2))
    for left, right in zip(first.model.get_weights(), second.model.get_weights(), strict=True):
        np.testing.assert_allclose(left, right, atol=1e-6)


@pytest.mark.slow
def test_plateau_class_weights_and_every_regulariser_run(tuned: Callable[..., Tuned]) -> None:
    result = tuned(
        "top_stages",
        epochs=2,
        schedule="plateau",
        class_weights=True,
        label_smoothing=0.1,
        head_l1=1e-4,
        trained_head_l2=1e-4,
        head_max_norm=3.0,
        head_dropout=0.2,
        optimizer="adamw",
        weight_decay=0.01,
        clip_norm=1.0,
    )
    assert len(result.history.epochs) == 3
    assert np.isfinite(result.history.epochs[-1]["loss"])
