"""A Keras network becomes a graph of plain operators and constants."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.backend.graph import freeze_graph, input_spec, layer_of
from tlearn.backend.silence import silence_output
from tlearn.errors import BackboneError


@pytest.mark.parametrize("batch", [None, 1])
def test_a_grouped_convolution_is_a_plain_operator(batch: int | None) -> None:
    import keras
    import tensorflow as tf

    image = keras.Input((8, 8, 4), name="image")
    model = keras.Model(image, keras.layers.Conv2D(8, 3, groups=2, name="grouped")(image))
    with silence_output():
        frozen = freeze_graph(model, batch)
    operators = {node.op for node in frozen.graph.as_graph_def().node}
    assert "Conv2D" in operators
    assert not operators & {"StatefulPartitionedCall", "PartitionedCall", "ReadVariableOp"}
    assert frozen.inputs[0].name == "image:0"
    assert frozen.inputs[0].shape.as_list() == [batch, 8, 8, 4]
    assert not tf.config.functions_run_eagerly()


def test_a_frozen_graph_does_not_follow_the_model() -> None:
    import keras
    import tensorflow as tf

    image = keras.Input((4, 4, 3), name="image")
    model = keras.Model(image, keras.layers.Conv2D(2, 1, kernel_initializer="ones")(image))
    frozen = freeze_graph(model, None)
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    (answer,) = frozen(tf.ones((1, 4, 4, 3)))
    assert np.asarray(answer).max() == pytest.approx(3)


def test_the_input_has_the_name_that_the_model_gives_it() -> None:
    import keras

    image = keras.Input((4, 4, 3), name="image")
    spec = input_spec(keras.Model(image, keras.layers.Flatten()(image)), batch=2)
    assert (spec.name, spec.shape.as_list(), spec.dtype.name) == ("image", [2, 4, 4, 3], "float32")


@pytest.mark.parametrize(
    ("node", "layer"),
    [
        ("functional_1/gelu_1/Erfc", "gelu"),
        ("functional_5_1/stage_0_block_0_gelu_1/Gelu/Erfc", "stage_0_block_0_gelu"),
        ("functional/conv/Conv2D", "conv"),
        ("Identity", "Identity"),
    ],
)
def test_a_node_belongs_to_a_layer_of_keras(node: str, layer: str) -> None:
    assert layer_of(node) == layer


def test_another_backend_than_tensorflow_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    image = keras.Input((4, 4, 3), name="image")
    model = keras.Model(image, keras.layers.Flatten()(image))
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(BackboneError, match="Keras runs on 'jax'") as error:
        freeze_graph(model, None)
    assert error.value.hint.endswith("KERAS_BACKEND=tensorflow")
