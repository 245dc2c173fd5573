"""A network is traced once, whatever the sizes of its batches."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.backend.tracing import trace_once


def test_batches_of_any_size_run_one_traced_function() -> None:
    import keras

    traced = []

    class Counted(keras.layers.Dense):
        def call(self, inputs: object) -> object:
            traced.append(inputs)
            return super().call(inputs)

    image = keras.Input((4,))
    model = keras.Model(image, Counted(2)(image))
    model.compile("sgd", "mse", jit_compile=False)
    rows = np.arange(28, dtype=np.float32).reshape(7, 4)
    expected = model.predict_on_batch(rows)
    trace_once(model)
    traced.clear()
    answers = [model.predict_on_batch(rows[start : start + 3]) for start in range(0, 7, 3)]
    assert len(traced) == 1
    assert np.concatenate(answers) == pytest.approx(expected, rel=1e-6)

    before, weights = model.evaluate(rows, np.zeros((7, 2)), verbose=0), np.ones(7)
    model.optimizer.learning_rate = 1e-4
    traced.clear()
    for count in (4, 3, 2):
        model.train_on_batch(rows[:count], np.zeros((count, 2)), weights[:count])
    assert len(traced) == 1
    assert model.evaluate(rows, np.zeros((7, 2)), verbose=0) < before
