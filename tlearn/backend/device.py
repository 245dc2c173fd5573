"""Whether this machine has an accelerator, according to the system or to Keras."""

from __future__ import annotations

import os
from pathlib import Path

_DEVICE_FILES = ("/dev/nvidia0", "/dev/kfd", "/dev/accel0", "/dev/dxg")


def accelerator_visible() -> bool:
    """Return whether the system shows a GPU or a TPU; imports neither TensorFlow nor Keras."""
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    return not hidden and any(Path(node).exists() for node in _DEVICE_FILES)


def on_accelerator() -> bool:
    """Return whether Keras runs on a GPU or a TPU."""
    import keras

    return bool(keras.distribution.list_devices("gpu") or keras.distribution.list_devices("tpu"))
