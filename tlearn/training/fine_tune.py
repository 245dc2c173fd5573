"""Fine-tune a classifier by a plan: on stored features where a prefix is frozen, else on pixels."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import keras
import numpy as np

from tlearn.backend.parallel import Team
from tlearn.backend.precision import as_float32
from tlearn.confidence.novelty import count_axes
from tlearn.data.augmentation import augmentation
from tlearn.data.dataset import Dataset
from tlearn.data.targets import CLASSES, NUMBER, NumberScale
from tlearn.features.engine import EngineChoice
from tlearn.features.extractor import prefix_engines
from tlearn.features.head import LinearHead
from tlearn.features.store import FeatureStore, Views
from tlearn.models.backbone import Backbone, head_inputs, up_to
from tlearn.models.classifier import HEAD, build_classifier, set_head, set_trainable
from tlearn.models.cuts import find_cuts, split_at
from tlearn.models.known import with_known
from tlearn.models.known_weights import known_stages
from tlearn.models.stages import layers_of_stage
from tlearn.progress import EpochCallback, ProgressCallback, Timer
from tlearn.recipe.plan import Plan
from tlearn.training.batch_norm_folding import fold_frozen_norms
from tlearn.training.batch_norm_momentum import follow_batches
from tlearn.training.batches import (
    Batches,
    Examples,
    Prefix,
    Read,
    Variation,
    class_weight_rows,
    one_hot,
)
from tlearn.training.checkpoint import Checkpoint
from tlearn.training.loop import History, factors_by_variable, fit


@dataclass(frozen=True)
class TrainingContext:
    """What training needs beside the model.

    Attributes:
        plan: What is trained, for how long, at which rates.
        dataset: Pixels and split.
        cache: Folder where the outputs of the frozen stages are stored.
        engines: Chooses what runs the frozen stages.
        progress: Called with (step, done, total).
        timer: Times the steps.
        on_epoch: Called after every epoch.
        checkpoint: File in which the state of training is kept; None where it need not survive.
        deadline: When the command has to be finished, by `time.perf_counter`, or None.
        scale: Of a number, the unit in which it is learned.
        team: The processes that train together, and their devices.
    """

    plan: Plan
    dataset: Dataset
    cache: Path
    engines: EngineChoice
    progress: ProgressCallback
    timer: Timer
    on_epoch: EpochCallback | None = None
    checkpoint: Path | None = None
    deadline: float | None = None
    scale: NumberScale | None = None
    team: Team = field(default_factory=Team)


@dataclass(frozen=True)
class _Inputs:
    """Where the trained stages get their inputs from.

    Attributes:
        read: Keys of training views to inputs: pixels where `live`, otherwise stored outputs.
        read_val: Digests of validation images to inputs.
        views: Views of a training image.
        live: Whether images are augmented anew in every epoch.
        prefix: The frozen stages, where live pixels must pass through them first.
    """

    read: Read
    read_val: Read
    views: Views
    live: bool
    prefix: Prefix | None = None


def fine_tune(
    whole: Backbone, head: LinearHead | None, context: TrainingContext
) -> tuple[keras.Model, History]:
    """Build the classifier that the plan describes and train it.

    Args:
        whole: The backbone; what follows the last stage that the head reads is cut off.
        head: The solved head to start from, or None for a random one.
        context: Plan, data and callbacks.

    Returns:
        The classifier, in float32 whatever precision trained it, with an output `known` whose
        weights are still to be set, and what was done.

    Raises:
        TlearnError: The loss is no longer a number.
    """
    backbone = up_to(whole, context.plan.head.stages[-1])
    model = assemble(backbone, context.plan, head, context.scale)
    history = tune(model, backbone, context)
    if context.plan.task != CLASSES:
        return as_float32(model), history
    stages = known_stages(context.plan.head.stages)
    maps, parameters = head_inputs(backbone, stages), backbone.trunk.count_params()
    n_axes = count_axes(sum(tensor.shape[-1] for tensor in maps), parameters)
    return as_float32(with_known(model, maps, n_axes)), history


def assemble(
    backbone: Backbone, plan: Plan, head: LinearHead | None, scale: NumberScale | None = None
) -> keras.Model:
    """Return the classifier: backbone and head, with the weights of a solved head if there is one.

    Args:
        backbone: The network up to the last stage that the head reads.
        plan: What the head reads and how it is regularized.
        head: The solved head, or None for a random one.
        scale: Of a number, the unit in which it is learned.
    """
    model = build_classifier(
        backbone.trunk,
        len(plan.split.classes),
        features=head_inputs(backbone, plan.head.stages),
        dropout=plan.head.dropout,
        l1=plan.head.l1,
        l2=plan.head.trained_l2,
        max_norm=plan.head.max_norm,
        task=plan.task,
        scale=scale,
    )
    if head is not None and scale is not None:
        set_head(model, head.kernel / scale.sd, (head.bias - scale.mean) / scale.sd)
    elif head is not None:
        set_head(model, head.kernel, head.bias)
    return model


def tune(model: keras.Model, backbone: Backbone, context: TrainingContext) -> History:
    """Train the stages that the plan names, in place.

    The stages before them run once for every stored view, and epochs cost only the rest. Without
    stored views they run in every step.

    Args:
        model: The classifier, from `assemble`.
        backbone: The backbone inside it.
        context: Plan, data and callbacks.

    Raises:
        TlearnError: The loss is no longer a number.
    """
    plan, first = context.plan, context.plan.training.first_trained_stage
    set_trainable(backbone.trunk, backbone.stages, first, plan.training.batch_norm)
    if plan.task == NUMBER:  # its scale stays as it is
        model = keras.Model(model.inputs[0], model.get_layer(HEAD).output)
    if first == 0:
        trained = keras.Model(model.inputs[0], model.outputs[0])
        read = context.dataset.pixels.read
        inputs = _Inputs(read, read, Views(), live=True)
    else:
        cut = backbone.stages[-1 if first is None else first - 1].end_cut
        with context.timer.time("prefix"), context.team.first_alone():
            inputs = _frozen_inputs(model, backbone.fingerprint, cut, context)
        trained = split_at(model, cut)[1]
    context.progress("train", 0, plan.split.n_train * plan.training.epochs)
    following = follow_batches(backbone.trunk, plan.training.steps_per_epoch)
    with context.timer.time("train"), following:
        folded, team = fold_frozen_norms(trained), context.team
        train, val = _batches(inputs, context)
        layers = [*layers_of_stage(backbone.trunk, backbone.stages), [model.get_layer(HEAD)]]
        rates = [stage.learning_rate for stage in plan.stages]
        checkpoint = Checkpoint(context.checkpoint, not team.leads) if context.checkpoint else None
        with team.training(folded):
            return fit(
                folded,
                plan,
                train,
                val,
                factors_by_variable(layers, rates, plan.training.learning_rate),
                checkpoint=checkpoint,
                deadline=context.deadline,
                on_epoch=context.on_epoch,
                progress=partial(context.progress, "train"),
            )


def _frozen_inputs(
    model: keras.Model, fingerprint: str, cut: int, context: TrainingContext
) -> _Inputs:
    """Store the outputs of everything before `cut`, or return how to compute them in every step."""
    plan, dataset = context.plan, context.dataset
    shape = find_cuts(model)[cut].shape[1:]
    name = f"{fingerprint}-cut{cut}"
    store = FeatureStore(context.cache, name, dataset.pixels.rule, shape, "float16")

    def prefix() -> keras.Model:
        return split_at(as_float32(model), cut)[0]

    engines = prefix_engines(context.cache, fingerprint, cut, prefix)
    step = f"before stage {plan.training.first_trained_stage}"
    open_engine = partial(context.engines.open, step, engines)
    progress = partial(context.progress, "compute frozen stages")
    store.fill(dataset.pixels, dataset.digests("val"), open_engine, Views(), progress)
    if not plan.images.views:
        engine = open_engine(dataset.rows("train")[:32])

        def run(batch: np.ndarray) -> np.ndarray:
            return next(iter(engine.run([batch]))).reshape(-1, *shape)

        return _Inputs(dataset.pixels.read, store.table.read, Views(), live=True, prefix=run)
    policy = augmentation(plan.images.augmentation, plan.images.horizontal_flip)
    views = Views(plan.images.views, policy, plan.seed)
    store.fill(dataset.pixels, dataset.digests("train"), open_engine, views, progress)
    return _Inputs(store.table.read, store.table.read, views, live=False)


def _batches(inputs: _Inputs, context: TrainingContext) -> tuple[Batches, Batches | None]:
    """Return the batches of the train split, and of the validation split if there is one."""
    plan, dataset, views = context.plan, context.dataset, inputs.views
    n_classes = len(plan.split.classes)

    def targets(split: str) -> np.ndarray:
        given = dataset.targets(split)
        if plan.task == CLASSES:
            return one_hot(given, n_classes)
        standard = context.scale.standardized(given) if context.scale else given
        return standard.astype(np.float32)

    keys = [
        [views.key(digest, view) for view in range(views.count)]
        for digest in dataset.digests("train")
    ]
    weighted = plan.head.class_weights and plan.task == CLASSES
    weights = class_weight_rows(dataset.labels("train"), n_classes) if weighted else None
    examples = Examples(inputs.read, keys, targets("train"), weights, inputs.prefix)
    policy = augmentation(plan.images.augmentation, plan.images.horizontal_flip)
    train = Batches(examples, plan.training.batch_size, Variation(policy, inputs.live, plan.seed))
    if not plan.split.n_val:
        return train, None
    keys = [[digest] for digest in dataset.digests("val")]
    held_out = Examples(inputs.read_val, keys, targets("val"))
    return train, Batches(held_out, batch_size=32)
