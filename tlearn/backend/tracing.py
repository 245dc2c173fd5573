"""Trace a network once for batches of every size; tracing MobileNetV2 takes a second or two."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from tlearn.backend.parallel import trace_on_devices

if TYPE_CHECKING:
    import keras


def trace_once(model: keras.Model) -> keras.Model:
    """Have `train_on_batch` and `predict_on_batch` run one traced function for every batch size.

    Keras traces another one for the second size, such as that of a last, smaller batch.

    Args:
        model: Once it is compiled, if it is trained.

    Returns:
        The model itself. Nothing changes in it where XLA compiles for each size anyway, which it
        does on JAX; where there are several devices, it is traced for all of them.
    """
    import keras

    distribution = keras.distribution.distribution()
    if distribution is not None:
        trace_on_devices(model, distribution)
    elif keras.backend.backend() == "tensorflow" and not model.jit_compile:
        model.train_function = _of_any_size(model.train_step)
        model.predict_function = _of_any_size(model.predict_step)
    return model


def _of_any_size(step: Callable[[Any], Any]) -> Callable[[Iterable[Sequence[Any]]], Any]:
    """Return what Keras calls with an iterable of one batch: its arrays, and None for the rest."""
    import tensorflow as tf

    @cache
    def traced(*specs: Any) -> Any:
        return tf.function(step, input_signature=[specs], autograph=False)

    def run(batches: Iterable[Sequence[Any]]) -> Any:
        arrays = tuple(np.asarray(array) for array in next(iter(batches)) if array is not None)
        specs = (tf.TensorSpec((None, *array.shape[1:]), array.dtype) for array in arrays)
        return traced(*specs)(arrays)

    return run
