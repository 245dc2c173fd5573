"""A classifier as a SavedModel: for TensorFlow Serving and other TensorFlow programs."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tlearn.artifacts.metadata import LABELS_FILE, ensure_labels_fit, labels_text
from tlearn.backend.graph import input_spec
from tlearn.backend.precision import as_float32
from tlearn.backend.silence import silence_output
from tlearn.errors import BackboneError, ExportError
from tlearn.storage.atomic import write_atomic_directory


def write_saved_model(model: Any, directory: Path, labels: Sequence[str]) -> None:
    """Write a classifier for TensorFlow; it loads without Keras and without tlearn.

    Signature `serving_default`: `image` float32 (batch, height, width, 3) RGB, 0 to 255 ->
    `probabilities` float32 (batch, classes) and, where the model has them, `known` (batch, 1) and
    `map`. `assets/labels.txt` has one label a line.

    Args:
        model: keras.Model, `image` -> `probabilities`; any precision.
        directory: Replaced with all it holds when it exists.
        labels: Class names in the order of the output.

    Raises:
        ExportError: Keras does not run on TensorFlow, or labels do not fit.
        HostError: The directory cannot be written.
    """
    ensure_labels_fit(labels, model.outputs[0].shape[-1])
    with silence_output(), tempfile.TemporaryDirectory() as folder:
        labels_path = Path(folder, LABELS_FILE)
        labels_path.write_bytes(labels_text(labels))
        try:
            module, serve = _servable(as_float32(model), labels_path)
        except BackboneError as error:
            raise ExportError(error.message, error.hint) from error
        write_atomic_directory(directory, lambda path: _save(module, serve, path))


def _servable(model: Any, labels_path: Path) -> tuple[Any, Any]:
    """Build a plain module with the model's variables, and the function that reads them.

    Keras's own export takes three times as long. What a module does not hold is not saved.
    """
    import tensorflow as tf

    spec = input_spec(model, batch=None)
    names = model.output_names
    module = tf.Module()
    module.state = [variable.value for variable in model.variables]
    module.labels = tf.saved_model.Asset(str(labels_path))
    serve = tf.function(
        lambda tensor: dict(zip(names, tf.nest.flatten(model(tensor, training=False)), strict=True))
    )
    return module, serve.get_concrete_function(spec)


def _save(module: Any, serve: Any, directory: Path) -> None:
    import tensorflow as tf

    # The gradient of swish captures what cannot be saved; nothing is trained from here on.
    options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
    signatures = {"serving_default": serve}
    try:
        tf.saved_model.save(module, str(directory), signatures=signatures, options=options)
    except tf.errors.ResourceExhaustedError as error:
        # TensorFlow has errors of its own; the machine's are known to everyone else by number.
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
    except tf.errors.OutOfRangeError as error:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG)) from error
