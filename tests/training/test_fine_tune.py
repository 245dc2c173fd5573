"""Fine-tuning on stored and on live inputs: what is trained, what stays, and what is reported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tlearn.commands.heads import head_problem, solve
from tlearn.commands.session import Session
from tlearn.data.dataset import Dataset
from tlearn.models.backbone import Backbone, up_to
from tlearn.models.stages import layers_of_stage
from tlearn.storage.key_log import RECORD_BYTES
from tlearn.training.fine_tune import TrainingContext, assemble, tune
from tlearn.training.loop import History

NO_VAL = 6
"""Images per class too few for a validation split: weights are kept without choosing by it."""


@dataclass
class Tuned:
    """A fine-tuned model, with its weights before.

    Attributes:
        dataset: The data it was trained on.
        backbone: The backbone inside it.
        model: The model.
        before: Its weights before.
        history: What was reported.
    """

    dataset: Dataset
    backbone: Backbone
    model: keras.Model
    before: list[np.ndarray]
    history: History

    def changed(self, layer: keras.layers.Layer) -> list[bool]:
        """Return for every weight of a layer whether tuning changed a single bit of it."""
        index = {id(weight): n for n, weight in enumerate(self.model.weights)}
        return [
            bool((np.asarray(weight) != self.before[index[id(weight)]]).any())
            for weight in layer.weights
        ]

    def score_validation(self) -> tuple[float, float]:
        """Return the loss and the accuracy of the whole model on the validation images."""
        dataset = self.dataset
        labels = dataset.labels("val")
        pixels = dataset.rows("val")[:].astype(np.float32)
        probabilities = self.model.predict_on_batch(pixels)
        loss = -np.log(probabilities[np.arange(len(labels)), labels]).mean()
        return float(loss), float((probabilities.argmax(1) == labels).mean())


@pytest.fixture
def tuned(
    image_folder: Callable[..., Path], tiny_backbone_flags: dict[str, Any], converted: None
) -> Callable[..., Tuned]:
    """Fine-tune on generated images: `tuned(policy, per_class=20, **recipe_keys)`."""

    def run(policy: str, per_class: int = 20, **keys: Any) -> Tuned:
        flags = tiny_backbone_flags | {"policy": policy} | keys
        folder = image_folder(per_class=per_class)
        with Session(folder, None, flags) as session:
            workspace = session.extract_features(session.open_workspace())
            plan = session.make_plan(workspace, session.requested)
            head = None
            if workspace.features is not None:
                problem, folds = head_problem(session, workspace, plan)
                head = solve(session, workspace.features, problem, folds, plan.head.solved_l2)
            backbone = up_to(session.load_backbone(workspace.backbone), plan.head.stages[-1])
            keras.utils.set_random_seed(plan.seed)
            model = assemble(backbone, plan, head)
            before = [np.array(weight) for weight in model.get_weights()]
            context = TrainingContext(
                plan,
                workspace.dataset,
                session.cache,
                session.engines,
                session.progress,
                session.timer,
            )
            history = tune(model, backbone, context)
        return Tuned(workspace.dataset, backbone, model, before, history)

    return run


def batch_norms(model: keras.Model) -> list[keras.layers.Layer]:
    return [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]


def test_top_stages_changes_the_last_stages_and_not_a_bit_of_the_others(
    tuned: Callable[..., Tuned],
) -> None:
    result = tuned("top_stages", epochs=3, tuned_stages=2, learning_rate=0.01, per_class=NO_VAL)
    stages = layers_of_stage(result.model, result.backbone.stages)
    frozen = [layer for layers in stages[:-2] for layer in layers]
    assert not any(flag for layer in frozen for flag in result.changed(layer))
    kernels = [x for layers in stages[-2:] for x in layers if isinstance(x, keras.layers.Conv2D)]
    assert all(any(result.changed(layer)) for layer in kernels)


def assert_scores_agree(result: Tuned) -> None:
    """Check that the whole model scores what was reported of the trained stages alone.

    They differ by the float16 of stored features, which may turn the answer of one image.
    """
    reported = result.history.final_score
    assert reported is not None
    loss, accuracy = result.score_validation()
    assert loss == pytest.approx(reported.loss, rel=0.05, abs=5e-3)
    assert accuracy == pytest.approx(reported.accuracy, abs=1.5 / reported.n)


def test_the_whole_model_scores_what_the_trained_stages_scored(
    tuned: Callable[..., Tuned],
) -> None:
    assert_scores_agree(
        tuned("top_stages", epochs=3, augmentation="medium", views=3, learning_rate=3e-3)
    )


def test_without_stored_views_the_frozen_stages_run_in_every_step(
    tuned: Callable[..., Tuned], own_cache: Path
) -> None:
    result = tuned("top_stages", epochs=2, views=0, augmentation="medium", learning_rate=3e-3)
    assert_scores_agree(result)
    (cut,) = (own_cache / "features").glob("[!.]*-cut*")
    assert (cut / "index.bin").stat().st_size == RECORD_BYTES * len(result.dataset.digests("val"))


def test_deep_tuning_leaves_the_statistics_of_every_batch_normalization(
    tuned: Callable[..., Tuned],
) -> None:
    result = tuned("deep", epochs=2, learning_rate=0.01, augmentation="none", per_class=NO_VAL)
    kernels = [x for x in result.model.layers if isinstance(x, keras.layers.Conv2D)]
    assert all(flag for layer in kernels for flag in result.changed(layer))
    assert not any(flag for layer in batch_norms(result.model) for flag in result.changed(layer))


def test_training_from_scratch_trains_batch_normalization(tuned: Callable[..., Tuned]) -> None:
    first_stages = {"backbone": "mobilenet_025", "image_size": 32, "head_stages": "2"}
    result = tuned("from_scratch", epochs=2, per_class=NO_VAL, **first_stages)
    assert all(any(result.changed(layer)) for layer in batch_norms(result.model))


def test_in_a_few_steps_from_scratch_the_moving_statistics_reach_those_of_the_images(
    tuned: Callable[..., Tuned],
) -> None:
    first_stages = {"backbone": "mobilenet_025", "image_size": 32, "head_stages": "2"}
    keys = {"epochs": 2, "learning_rate": 1e-4, "augmentation": "none"}
    result = tuned("from_scratch", per_class=NO_VAL, **keys, **first_stages)
    norm = batch_norms(result.model)[0]
    before = keras.Model(result.model.inputs, norm.input)
    pixels = result.dataset.rows("train")[:].astype(np.float32)
    variance = before.predict_on_batch(pixels).var(axis=(0, 1, 2))
    np.testing.assert_allclose(norm.moving_variance, variance, rtol=0.2, atol=0.02)


def test_a_head_with_dropout_is_trained_by_gradient_on_stored_embeddings(
    tuned: Callable[..., Tuned],
) -> None:
    result = tuned("linear_head", head_dropout=0.5, epochs=2, learning_rate=0.1)
    stages = layers_of_stage(result.model, result.backbone.stages)
    assert not any(f for layers in stages for layer in layers for f in result.changed(layer))
    assert result.history.steps > 0


def test_the_same_seed_gives_the_same_weights(tuned: Callable[..., Tuned]) -> None:
    keys = {"epochs": 2, "augmentation": "strong", "views": 2}
    first, second = (tuned("top_stages", **keys) for _ in range(2))
    for left, right in zip(first.model.get_weights(), second.model.get_weights(), strict=True):
        np.testing.assert_allclose(left, right, atol=1e-5)


@pytest.mark.slow
def test_plateau_class_weights_and_every_regularizer_run(tuned: Callable[..., Tuned]) -> None:
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
