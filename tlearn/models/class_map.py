"""The output `map` of an exported classifier: where its answer comes from.

The head is linear on averages of feature maps, so that what its kernel says at each position has
the logit for its average (Zhou et al. 2016, arXiv 1512.04150):

    map_c(x, y)  =  features(x, y) . kernel_c  +  bias_c,        logit_c  =  mean of map_c

Maps of other stages are brought to the size of the finest one. Bilinear resizing keeps an average
where sizes are multiples of each other.
"""

from __future__ import annotations

import keras
import numpy as np

from tlearn.backend.precision import as_float32
from tlearn.confidence.answers import MAP
from tlearn.models.classifier import HEAD, pooled_maps


def with_map(model: keras.Model) -> keras.Model:
    """Return a float32 classifier with one more output, `map` (batch, height, width).

    It is the map of the most probable class. The other outputs keep their numbers, in int8 too:
    nothing is computed on the way to them that was not before.

    Args:
        model: From `build_classifier`, with `known` or without; its layers are shared.
    """
    layers, model = keras.layers, as_float32(model)
    kernel, bias = model.get_layer(HEAD).get_weights()
    maps = pooled_maps(model)
    finest, classes = max(features.shape[1:3] for features in maps), len(bias)
    stages = np.split(kernel, np.cumsum([features.shape[-1] for features in maps])[:-1])
    parts = []
    for number, (features, rows) in enumerate(zip(maps, stages, strict=True)):
        # A convolution for each stage: concatenated, all would share one scale in an int8 file.
        scores = layers.Conv2D(classes, 1, use_bias=not number, name=f"map_scores_{number}")
        part = layers.Lambda(_of_most_probable, name=f"map_of_class_{number}")(
            [scores(features), model.outputs[0]]
        )
        scores.set_weights([rows[np.newaxis, np.newaxis], *([] if number else [bias])])
        resize = layers.Resizing(*finest, name=f"map_resized_{number}")
        parts.append(part if part.shape[1:3] == finest else resize(part))
    whole = layers.Add(name="map_sum")(parts) if len(parts) > 1 else parts[0]
    flat = layers.Reshape(finest, name=MAP)(whole)
    return keras.Model(model.inputs[0], [*model.outputs, flat], name=model.name)


def _of_most_probable(tensors: tuple[keras.KerasTensor, keras.KerasTensor]) -> keras.KerasTensor:
    """Return one channel (batch, h, w, 1) of scores (batch, h, w, classes).

    By operators of TensorFlow that every format has, in int8 too; Keras makes others of its own.
    """
    import tensorflow as tf

    scores, probabilities = tensors
    best = tf.argmax(probabilities, axis=-1, output_type=tf.int32)
    _, height, width, classes = scores.shape
    flat = tf.reshape(scores, (-1, height * width, classes))  # OpenVINO moves no axis beyond it
    return tf.reshape(tf.gather(flat, best, axis=2, batch_dims=1), (-1, height, width, 1))
