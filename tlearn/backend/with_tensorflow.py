"""Work that needs TensorFlow, where Keras runs on another backend: it is done in a child process.

A process has one Keras backend. Training may run on JAX, but files for devices are written by
TensorFlow's converters; the model goes to the child as a file, and what it makes comes back.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from tlearn.errors import BackboneError, TlearnError

TENSORFLOW = "tensorflow"
_ENVIRONMENT = {"KERAS_BACKEND": TENSORFLOW, "CUDA_VISIBLE_DEVICES": "-1"}
"""Of the child, which leaves GPUs alone: JAX has taken their memory."""

_MODEL, _TASK, _RESULT = "model.keras", "task.pickle", "result.pickle"


def keras_runs_elsewhere() -> bool:
    """Return whether Keras runs on another backend than TensorFlow."""
    import keras

    return bool(keras.backend.backend() != TENSORFLOW)


def prefer_tensorflow() -> None:
    """Have Keras run on TensorFlow in this process, unless it has been imported already."""
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = TENSORFLOW


def call_with_tensorflow(function: str, model: Any, **arguments: Any) -> Any:
    """Return what a function makes of a model where Keras runs on TensorFlow.

    Args:
        function: As in "tlearn.backend.litert:convert"; it takes the model first.
        model: keras.Model of layers that Keras itself can load.
        arguments: By name; anything that can be pickled, as the result can.

    Raises:
        TlearnError: What the function raised.
        BackboneError: The child process ended otherwise.
    """
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder, _MODEL))
        Path(folder, _TASK).write_bytes(pickle.dumps((function, arguments)))
        # Without -P, and with "", files of the folder one is in would be taken for modules.
        path = os.pathsep.join(filter(None, sys.path))
        child = subprocess.run(
            [sys.executable, "-P", "-m", __name__, folder],
            env=os.environ | _ENVIRONMENT | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
            errors="replace",
        )
        if not Path(folder, _RESULT).exists():
            raise BackboneError(
                f"TensorFlow could not be used beside Keras on another backend: "
                f"{child.stderr.strip()[-300:]}",
                "run the command again with the environment variable KERAS_BACKEND=tensorflow",
            )
        result = pickle.loads(Path(folder, _RESULT).read_bytes())
    if isinstance(result, TlearnError):
        raise result
    return result


def _main(folder: Path) -> None:
    """Do what another process asked for."""
    import keras

    function, arguments = pickle.loads((folder / _TASK).read_bytes())
    module, _, name = function.partition(":")
    model = keras.saving.load_model(folder / _MODEL, compile=False)
    try:
        result = getattr(import_module(module), name)(model, **arguments)
    except TlearnError as error:
        result = error
    (folder / _RESULT).write_bytes(pickle.dumps(result))


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
