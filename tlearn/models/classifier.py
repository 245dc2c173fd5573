"""A network on a trunk: pooling, dropout, linear head; and which of its layers are trained."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import keras
import numpy as np

from tlearn.backend.precision import as_float32
from tlearn.confidence.answers import EMBEDDING, PROBABILITIES, VALUE
from tlearn.data.targets import CLASSES, LABELS, NUMBER, NumberScale
from tlearn.models.stages import Stage, layers_of_stage

HEAD = "head"
BATCH_NORM = ("frozen", "trained")


def build_classifier(
    trunk: keras.Model,
    classes: int,
    *,
    features: Sequence[keras.KerasTensor] = (),
    dropout: float = 0.0,
    l1: float = 0.0,
    l2: float = 0.0,
    max_norm: float = 0.0,
    task: str = CLASSES,
    scale: NumberScale | None = None,
) -> keras.Model:
    """Build a flat functional classifier: trunk, global average pooling, dropout, linear head.

    probabilities = softmax(embedding @ kernel + bias)

    Of several labels it is the sigmoid; of a number, `scale.restored` of the head's output. A head
    that reads several maps gets their averages side by side as its embedding.

    Args:
        trunk: Network `image` -> feature map (side, side, channels); its layers are shared.
        classes: Number of classes.
        features: Feature maps of the trunk that the head reads; the last one by default.
        dropout: Share of the embedding that is dropped in training.
        l1: Factor of the penalty on |kernel| of the head, added to the loss.
        l2: Factor of the penalty on kernel**2 of the head, added to the loss.
        max_norm: Upper bound of the norm of each class's column of the kernel; 0 for none.
        task: What it answers, one of `targets.Task`.
        scale: Of a number, the unit that its head answers in.

    Returns:
        keras.Model: input `image`, output `probabilities` (batch, classes) or, of a number, `value`
            (batch, 1), float32.
    """
    maps = list(features) or trunk.outputs
    names = [EMBEDDING] if len(maps) == 1 else [f"pooled_{n}" for n, _ in enumerate(maps)]
    pooled = [
        keras.layers.GlobalAveragePooling2D(name=name)(feature_map)
        for name, feature_map in zip(names, maps, strict=True)
    ]
    embedding = pooled[0] if len(maps) == 1 else keras.layers.Concatenate(name=EMBEDDING)(pooled)
    if dropout:
        embedding = keras.layers.Dropout(dropout, name="dropout")(embedding)
    logits = keras.layers.Dense(
        classes,
        kernel_regularizer=keras.regularizers.L1L2(l1, l2) if l1 or l2 else None,
        kernel_constraint=keras.constraints.MaxNorm(max_norm) if max_norm else None,
        dtype="float32",
        name=HEAD,
    )(embedding)
    return keras.Model(trunk.inputs[0], _answers(logits, task, scale), name="classifier")


def _answers(logits: keras.KerasTensor, task: str, scale: NumberScale | None) -> keras.KerasTensor:
    """Return the output of the network, on that of the head."""
    activation = partial(keras.layers.Activation, dtype="float32")
    if task != NUMBER:
        name = "sigmoid" if task == LABELS else "softmax"
        return activation(name, name=PROBABILITIES)(logits)
    assert scale is not None
    rescaling = partial(keras.layers.Rescaling, scale.sd, scale.mean, dtype="float32")
    if scale.log:
        return activation("exponential", name=VALUE)(rescaling(name="scale")(logits))
    return rescaling(name=VALUE)(logits)


def set_head(model: keras.Model, kernel: np.ndarray, bias: np.ndarray) -> None:
    """Set the weights of the head.

    Args:
        model: From `build_classifier`.
        kernel: (embedding, classes).
        bias: (classes,).
    """
    model.get_layer(HEAD).set_weights([np.asarray(kernel), np.asarray(bias)])


def with_embedding(model: keras.Model) -> keras.Model:
    """Return a float32 classifier with one more output, `embedding` (batch, d), read by its head.

    Args:
        model: From `build_classifier`, with other outputs or without; its layers are shared.
    """
    model = as_float32(model)
    embedding = model.get_layer(EMBEDDING).output
    return keras.Model(model.inputs[0], [*model.outputs, embedding], name=model.name)


def pooled_maps(model: keras.Model) -> list[keras.KerasTensor]:
    """Return the feature maps whose averages are the embedding, in its order.

    Args:
        model: From `build_classifier`, or a saved one read back.
    """
    embedding = model.get_layer(EMBEDDING)
    if isinstance(embedding, keras.layers.GlobalAveragePooling2D):
        return [embedding.input]
    return [tensor._keras_history.operation.input for tensor in embedding.input]


def set_trainable(
    model: keras.Model,
    stages: Sequence[Stage],
    first_trained_stage: int | None,
    batch_norm: str = "frozen",
) -> None:
    """Set which layers are trained; compile the model afterwards.

    The head always is. Flags are set on the layers themselves: `training=False` in a call does not
    hold inside `fit`, and only `trainable=False` keeps a batch normalization on its moving
    statistics.

    Args:
        model: From `build_classifier`.
        stages: Stages of its trunk.
        first_trained_stage: Index of the first stage that is trained; None for the head alone.
        batch_norm: "frozen" keeps every batch normalization as it is; "trained" trains those of
            the trained stages, which then follow the statistics of the batches.

    Raises:
        ValueError: `batch_norm` is neither.
    """
    if batch_norm not in BATCH_NORM:
        raise ValueError(f"batch_norm: expected one of {BATCH_NORM}, received {batch_norm!r}")
    first = len(stages) if first_trained_stage is None else first_trained_stage
    model.trainable = True
    for stage, layers in zip(stages, layers_of_stage(model, stages), strict=True):
        for layer in layers:
            layer.trainable = stage.index >= first
            if batch_norm == "frozen":
                _freeze_batch_norm(layer)


def _freeze_batch_norm(layer: keras.layers.Layer) -> None:
    for leaf in layer._flatten_layers():
        if isinstance(leaf, keras.layers.BatchNormalization):
            leaf.trainable = False
