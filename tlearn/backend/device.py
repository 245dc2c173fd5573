"""What there is to compute with: cores, and whether there is an accelerator."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

_NVIDIA = ("/dev/nvidiactl", "/dev/dxg")
"""The first is there whatever the number of the card; the second is that of WSL2."""

_DEVICE_FILES = (*_NVIDIA, "/dev/kfd", "/dev/accel0")
_PACKAGES = {"tensorflow": "tlearn[gpu]", "jax": "jax[cuda12]"}


def usable_cores() -> int:
    """Return the cores that this process may use, which in a job of a cluster are not all."""
    cores = os.cpu_count() or 1
    return min(cores, len(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else cores


def accelerator_visible(device_files: Iterable[str | Path] = _DEVICE_FILES) -> bool:
    """Return whether the system shows a GPU or a TPU; imports neither TensorFlow nor Keras.

    Args:
        device_files: Files of which one exists where there is an accelerator.
    """
    return not gpus_hidden() and any(Path(node).exists() for node in device_files)


def gpus_hidden() -> bool:
    """Return whether the environment keeps programs from the GPUs."""
    return os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")


def accelerators() -> list[str]:
    """Return the GPUs and TPUs that Keras sees: "gpu:0"."""
    import keras

    return [name for name in keras.distribution.list_devices() if not name.startswith("cpu")]


def on_accelerator() -> bool:
    """Return whether Keras runs on a GPU or a TPU."""
    return bool(accelerators())


def unused_gpu(device_files: Iterable[str | Path] = _NVIDIA) -> tuple[str, ...]:
    """Return a sentence for a person whose GPU Keras cannot use as it is installed, else nothing.

    Args:
        device_files: Files of which one exists where there is an NVIDIA GPU.
    """
    import keras

    if not accelerator_visible(device_files) or on_accelerator():
        return ()
    package = _PACKAGES.get(keras.backend.backend(), "keras")
    return (
        "This machine has a GPU, and training ran on the processor: what it takes to use the GPU is"
        f" not installed (pip install '{package}').",
    )
