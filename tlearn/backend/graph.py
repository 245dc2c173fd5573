"""A Keras network as one TensorFlow graph without variables: what every converter starts from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tlearn.errors import BackboneError


def freeze_graph(model: Any, batch: int | None) -> Any:
    """Trace a model in inference mode and turn its variables into constants.

    Converters lose what is not constant, and know nothing of functions inside the graph: Keras
    runs a convolution in groups as one, compiled for itself. Here it becomes a plain operator.

    Args:
        model: keras.Model with one input.
        batch: Size of the first axis, or None for any size.

    Returns:
        A ConcreteFunction; its outputs are in the order of `model.output_names`.

    Raises:
        BackboneError: Keras runs on another backend than TensorFlow.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    live = tf.function(lambda tensor: tf.nest.flatten(model(tensor, training=False)))
    with _functions_inline():
        traced = live.get_concrete_function(input_spec(model, batch))
    return convert_variables_to_constants_v2(traced)


def input_spec(model: Any, batch: int | None) -> Any:
    """The tf.TensorSpec of a model's one input, under the model's name for it.

    Raises:
        BackboneError: Keras runs on another backend than TensorFlow.
    """
    import keras
    import tensorflow as tf

    if keras.backend.backend() != "tensorflow":
        raise BackboneError(
            f"Keras runs on {keras.backend.backend()!r}, but TensorFlow writes the files.",
            "Set KERAS_BACKEND=tensorflow for this command.",
        )
    given = model.inputs[0]
    return tf.TensorSpec((batch, *given.shape[1:]), given.dtype, name=given.name)


def layer_of(node: str) -> str:
    """`functional_1/gelu_1/Erfc` is of the layer `gelu`: Keras numbers what it calls again."""
    parts = node.split("/")
    return re.sub(r"_\d+$", "", parts[1]) if len(parts) > 1 else node


@contextmanager
def _functions_inline() -> Iterator[None]:
    """A tf.function that is called while another is traced leaves its operators there."""
    import tensorflow as tf

    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)
