"""A Keras network as one TensorFlow graph without variables, which every converter starts from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tlearn.errors import BackboneError


def freeze_graph(model: Any, batch: int | None, *, shift_first: bool = False) -> Any:
    """Trace a model in inference mode and turn its variables into constants.

    Converters drop variables and cannot handle functions inside the graph. Keras compiles a
    grouped convolution into a function of its own; here it becomes a plain operator.

    Args:
        model: keras.Model with one input.
        batch: Size of the first axis; None for any size.
        shift_first: Whether pixels are shifted before they are scaled; see `_shifting_first`.

    Returns:
        A ConcreteFunction; its outputs are in the order of `model.output_names`.

    Raises:
        BackboneError: Keras runs on another backend than TensorFlow.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    network = (shift_first and _shifting_first(model)) or model
    function = tf.function(lambda tensor: tf.nest.flatten(network(tensor, training=False)))
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


def _shifting_first(model: Any) -> Callable[..., Any] | None:
    """Return the network with pixels scaled as (x + offset / scale) * scale, where it begins so.

    That is x * scale + offset. A converter can have the convolution behind it do the factor; the
    other way round the offset stands between, which only a convolution without padding can do.

    Args:
        model: keras.Model with one input.

    Returns:
        A callable as the model is; None where it does not begin with one scale and one offset.
    """
    import keras

    scaling = model.layers[1] if len(model.layers) > 1 else None
    if not isinstance(scaling, keras.layers.Rescaling) or scaling.input is not model.inputs[0]:
        return None
    if np.ndim(scaling.scale) or np.ndim(scaling.offset) or not scaling.offset:
        return None
    try:
        rest = keras.Model(scaling.output, model.outputs, name=model.name)
    except ValueError:  # the image goes elsewhere too
        return None
    shift, scale = scaling.offset / scaling.scale, scaling.scale
    return lambda image, training: rest((image + shift) * scale, training=training)


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
