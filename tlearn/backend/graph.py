"""A Keras network as one TensorFlow graph without variables, which every converter starts from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tlearn.errors import BackboneError


def freeze_graph(model: Any, batch: int | None) -> Any:
    """Trace a model in inference mode and turn its variables into constants.

    Converters drop variables and cannot handle functions inside the graph. Keras compiles a
    grouped convolution into a function of its own; here it becomes a plain operator.

    Args:
        model: keras.Model with one input.
        batch: Size of the first axis; None for any size.

    Returns:
        A ConcreteFunction; its outputs are in the order of `model.output_names`.

    Raises:
        BackboneError: Keras runs on another backend than TensorFlow.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    function = tf.function(lambda tensor: tf.nest.flatten(model(tensor, training=False)))
    with _functions_inline():
        concrete = function.get_concrete_function(input_spec(model, batch))
    return convert_variables_to_constants_v2(concrete)


def input_spec(model: Any, batch: int | None) -> Any:
    """Return the tf.TensorSpec of a model's input, under the model's name for it.

    Args:
        model: keras.Model with one input.
        batch: Size of the first axis; None for any size.

    Raises:
        BackboneError: Keras runs on another backend than TensorFlow.
    """
    import keras
    import tensorflow as tf

    if keras.backend.backend() != "tensorflow":
        raise BackboneError(
            f"Keras runs on {keras.backend.backend()!r}, but exporting needs TensorFlow",
            "run the command again with the environment variable KERAS_BACKEND=tensorflow",
        )
    tensor = model.inputs[0]
    return tf.TensorSpec((batch, *tensor.shape[1:]), tensor.dtype, name=tensor.name)


def layer_of(node: str) -> str:
    """Return the name of the Keras layer that a node of the graph belongs to.

    `functional_1/gelu_1/Erfc` belongs to the layer `gelu`: Keras numbers repeated calls.
    """
    parts = node.split("/")
    return re.sub(r"_\d+$", "", parts[1]) if len(parts) > 1 else node


@contextmanager
def _functions_inline() -> Iterator[None]:
    """Inline every tf.function that is called while another one is traced."""
    import tensorflow as tf

    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)
