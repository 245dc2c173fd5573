"""Tune a classifier by a plan: stored features where a prefix is frozen, live pixels where not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import keras
import numpy as np

from tlearn.backend.precision import as_float32
from tlearn.data.augmentation import augmentation
from tlearn.data.dataset import Dataset
from tlearn.features.engine import EngineChoice
from tlearn.features.extractor import prefix_engines
from tlearn.features.linear_head import LinearHead
from tlearn.features.store import FeatureStore, Views
from tlearn.models.backbone import Backbone, head_inputs
from tlearn.models.classifier import HEAD, build_classifier, set_head, set_trainable
from tlearn.models.stages import find_cuts, layers_of_stage, split_at
from tlearn.progress import ProgressCallback, Timer
from tlearn.recipe.plan import Plan
from tlearn.training.batch_norm_folding import fold_frozen_norms
from tlearn.training.batches import Batches, Prefix, Read, class_weight_rows
from tlearn.training.loop import History, Report, factors_by_stage, fit_tail


@dataclass(frozen=True)
class _Inputs:
    """Where the trained part of the network gets its inputs from.

    Attributes:
        read: Keys of training views to inputs: pixels where `live`, stored outputs where not.
        views: Gives the keys.
        live: Whether every epoch augments anew.
        held_out: Digests of validation pictures to inputs.
        prefix: The frozen stages, where live pixels must go through them first.
    """

    read: Read
    views: Views
    live: bool
    held_out: Read
    prefix: Prefix | None = None


def assemble(backbone: Backbone, plan: Plan, head: LinearHead | None) -> keras.Model:
    """The whole classifier, with the solved head in place where there is one."""
    model = build_classifier(
        backbone.trunk,
        len(plan.split.classes),
        features=head_inputs(backbone, plan.head.stages),
        dropout=plan.head.dropout,
        l1=plan.head.l1,
        l2=plan.head.trained_l2,
        max_norm=plan.head.max_norm,
    )
    if head is not None:
        set_head(model, head.kernel, head.bias)
    return model


def tune(
    model: keras.Model,
    backbone: Backbone,
    plan: Plan,
    dataset: Dataset,
    cache: Path,
    engines: EngineChoice,
    progress: ProgressCallback,
    timer: Timer,
    report: Report | None = None,
) -> History:
    """Train the stages that the plan names, in place.

    Layers before the first trained stage run once for each stored view, and epochs cost the rest;
    with no stored view they run in the loop.

    Args:
        model: The classifier from `assemble`.
        backbone: The backbone under it.
        plan: What is trained, how long, at which rates.
        dataset: Pixels and split.
        cache: Where the outputs of the frozen prefix are kept.
        engines: Runs the frozen prefix.
        progress: Called with (step, done, total).
        timer: Times the steps.
        report: Told after every epoch.
    """
    set_trainable(
        backbone.trunk, backbone.stages, plan.training.first_trained_stage, plan.training.batch_norm
    )
    first = (
        len(backbone.stages)
        if plan.training.first_trained_stage is None
        else plan.training.first_trained_stage
    )
    if first == 0:
        training_model = keras.Model(model.inputs[0], model.outputs[0], name="learner")
        read = dataset.pixels.read
        inputs = _Inputs(read, Views(), live=True, held_out=read)
    else:
        cut = backbone.stages[first - 1].end_cut
        with timer.time("prefix"):
            inputs = _frozen(model, backbone, plan, dataset, cut, cache, engines, progress)
        training_model = split_at(model, cut)[1]
    step_progress = partial(progress, "train")
    step_progress(0, plan.split.n_train * plan.training.epochs)
    with timer.time("train"):
        train, val = _batches(plan, dataset, inputs)
        groups = [*layers_of_stage(backbone.trunk, backbone.stages), [model.get_layer(HEAD)]]
        rates = [stage.learning_rate for stage in plan.stages]
        factors = factors_by_stage(groups, rates, plan.training.learning_rate)
        training_model = fold_frozen_norms(training_model)
        return fit_tail(training_model, plan, train, val, factors, report, step_progress)


def _frozen(
    model: keras.Model,
    backbone: Backbone,
    plan: Plan,
    dataset: Dataset,
    cut: int,
    cache: Path,
    engines: EngineChoice,
    progress: ProgressCallback,
) -> _Inputs:
    """Fill the store with the outputs of everything before `cut`, for all views."""
    shape = find_cuts(model)[cut].shape[1:]
    name = f"{backbone.fingerprint}-cut{cut}"
    store = FeatureStore(cache, name, plan.images.resize, shape, "float16")
    read = store.table.read

    def prefix() -> keras.Model:
        return split_at(as_float32(model), cut)[0]

    makers = prefix_engines(cache, backbone.fingerprint, cut, prefix)
    opener = partial(engines.open, f"before stage {plan.training.first_trained_stage}", makers)
    step_progress = partial(progress, "compute frozen stages")
    store.fill(dataset.pixels, dataset.digests("val"), opener, Views(), step_progress)
    if not plan.images.views:
        engine = opener(dataset.rows("train")[:32])

        def run(batch: np.ndarray) -> np.ndarray:
            return next(iter(engine.run([batch]))).reshape(-1, *shape)

        return _Inputs(dataset.pixels.read, Views(), True, read, run)
    views = Views(
        plan.images.views,
        augmentation(plan.images.augmentation, plan.images.horizontal_flip),
        plan.seed,
    )
    store.fill(dataset.pixels, dataset.digests("train"), opener, views, step_progress)
    return _Inputs(read, views, live=False, held_out=read)


def _batches(plan: Plan, dataset: Dataset, inputs: _Inputs) -> tuple[Batches, Batches | None]:
    classes, views = len(plan.split.classes), inputs.views
    labels = dataset.labels("train")
    train = Batches(
        inputs.read,
        [[views.key(d, view) for view in range(views.count)] for d in dataset.digests("train")],
        labels,
        classes,
        plan.training.batch_size,
        policy=augmentation(plan.images.augmentation, plan.images.horizontal_flip),
        live=inputs.live,
        prefix=inputs.prefix,
        weights=class_weight_rows(labels, classes) if plan.head.class_weights else None,
        seed=plan.seed,
    )
    if not plan.split.n_val:
        return train, None
    keys = [[digest] for digest in dataset.digests("val")]
    return train, Batches(inputs.held_out, keys, dataset.labels("val"), classes, 32)
