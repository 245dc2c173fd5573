"""Float32 copies of models for export, whatever precision they were trained in."""

from __future__ import annotations

from typing import Any


def as_float32(model: Any) -> Any:
    """Return the same network with every layer computing in float32.

    Args:
        model: keras.Model; returned itself if every layer computes in float32 already.

    Returns:
        keras.Model with equal weights, names and shapes.
    """
    import keras

    if all(layer.compute_dtype == "float32" for layer in model.layers):
        return model

    def rebuild(layer: Any) -> Any:
        config = layer.get_config()
        if isinstance(layer, keras.layers.Layer):  # a bare operation (x + y) has no dtype
            config["dtype"] = "float32"
        return type(layer).from_config(config)

    plain = keras.models.clone_model(model, clone_function=rebuild, recursive=True)
    plain.set_weights(model.get_weights())
    return plain


def use_deterministic_operations() -> None:
    """Have TensorFlow use only operations that give the same bits every time, from here on."""
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
