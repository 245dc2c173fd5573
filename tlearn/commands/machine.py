"""`tlearn doctor --machine`: what a machine has, what of it tlearn uses, and how fast that is."""

from __future__ import annotations

import platform
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from tlearn.backend.device import accelerators, gpus_hidden, unused_gpu, usable_cores
from tlearn.backend.hardware import in_wsl, list_gpus, memory_bytes
from tlearn.backend.parallel import Team, train_on_batch
from tlearn.backend.silence import import_keras
from tlearn.features.engine import EngineChoice
from tlearn.features.extractor import extractor_engines, open_extractor
from tlearn.models.catalog import BUILTIN
from tlearn.models.resolve import resolve_backbone
from tlearn.models.weights import available_offline
from tlearn.progress import ProgressCallback, no_progress
from tlearn.recipe.auto import FULL_BATCH
from tlearn.runs.provenance import installed_versions, processor_name
from tlearn.storage.cache import cache_folder, folder_bytes, limit_bytes

if TYPE_CHECKING:
    from tlearn.models.backbone import Backbone

_CLASSES = 5
_SECONDS = 2.0
"""How long each speed is measured; the processes of a machine disturb it less in more."""


@dataclass(frozen=True)
class Machine:
    """What there is, found without a framework.

    Attributes:
        system: Operating system and its version.
        wsl: Whether that is Linux inside of Windows.
        processor: Its model.
        cores: How many of its cores this process may use.
        memory_bytes: Memory that it may use; None where the system does not say.
        gpus: Names of the GPUs, whether or not anything can use them.
        versions: Python and packages to version; None where one is not installed.
        weights: Backbones whose weights are here, to their files.
        cache: The cache folder, with `bytes`, `limit_bytes` and `free_bytes` on its disk.
    """

    system: str
    wsl: bool
    processor: str
    cores: int
    memory_bytes: int | None
    gpus: tuple[str, ...]
    versions: dict[str, str | None]
    weights: dict[str, str]
    cache: dict[str, Any]


@dataclass(frozen=True)
class Speed:
    """What computes a part of the work, and how fast.

    Attributes:
        name: "litert", "keras", or the backend that Keras trains with.
        devices: What it computes on: "gpu:0", or "cpu".
        images_per_second: Measured on the built-in backbone.
    """

    name: str
    devices: tuple[str, ...]
    images_per_second: float


@dataclass(frozen=True)
class Speeds:
    """How fast a machine is with the built-in backbone.

    Attributes:
        backbone: Its name.
        image_size: Side of its images, in pixels.
        frozen: The frozen network, which computes features.
        training: Steps that train the whole network.
        batch_size: Images in such a step.
        engines: Engine to images per second, where two were compared to choose one for `frozen`.
        advice: Sentences that say how to use what lies idle.
    """

    backbone: str
    image_size: int
    frozen: Speed
    training: Speed
    batch_size: int
    engines: dict[str, float]
    advice: tuple[str, ...] = ()


def look_at_machine() -> Machine:
    """Find out what there is; imports neither TensorFlow nor Keras.

    Raises:
        HostError: The cache folder cannot be read.
    """
    folder = cache_folder()
    disk = next(path for path in (folder, *folder.parents) if path.exists())
    return Machine(
        platform.platform(),
        in_wsl(),
        processor_name(),
        usable_cores(),
        memory_bytes(),
        list_gpus(),
        {"python": platform.python_version(), **installed_versions()},
        {spec.name: str(path) for spec, path in available_offline()},
        {
            "folder": str(folder),
            "bytes": folder_bytes(folder),
            "limit_bytes": limit_bytes(),
            "free_bytes": shutil.disk_usage(disk).free,
        },
    )


def measure_machine(machine: Machine, progress: ProgressCallback = no_progress) -> Speeds:
    """Measure for some seconds how fast features are computed and networks are trained.

    Args:
        machine: From `look_at_machine`.
        progress: Called with (step, done, total).

    Raises:
        HostError: TLEARN_ENGINE names no engine.
    """
    found = resolve_backbone(BUILTIN, None, None)
    rng = np.random.default_rng(0)
    shape = (FULL_BATCH, found.image_size, found.image_size, 3)
    images = rng.integers(0, 256, shape, dtype=np.uint8)

    @cache
    def load() -> Backbone:
        progress("load TensorFlow", 0, 0)
        import_keras()
        return found.load()

    extractor = open_extractor(cache_folder(), found.fingerprint)
    assert extractor is not None  # it comes with tlearn
    choice = EngineChoice()
    engine = choice.open(BUILTIN, extractor_engines(extractor, load), images)
    frozen_progress, training_progress = (
        partial(progress, f"measure {part}") for part in ("the frozen part", "training")
    )
    frozen = _images_per_second(lambda: list(engine.run([images])), frozen_progress)
    trained = _training_speed(load(), images, training_progress)
    name = choice.used[BUILTIN]
    return Speeds(
        found.name,
        found.image_size,
        Speed(name, ("cpu",) if name == "litert" else trained.devices[:1], frozen),
        trained,
        FULL_BATCH,
        choice.rates.get(BUILTIN, {}),
        _advice(machine, trained),
    )


def _training_speed(
    network: Backbone, images: np.ndarray, progress: Callable[[int, int], None]
) -> Speed:
    """Measure steps of the policy deep, which trains the whole network."""
    progress(0, 0)
    import keras

    from tlearn.models.classifier import build_classifier, set_trainable
    from tlearn.training.batch_norm_folding import fold_frozen_norms
    from tlearn.training.loop import compile_to_train
    from tlearn.training.optimizer import make_optimizer

    model = build_classifier(network.trunk, _CLASSES)
    set_trainable(network.trunk, network.stages, 0)
    model = fold_frozen_norms(model)
    batch = images, np.eye(_CLASSES, dtype=np.float32)[np.arange(len(images)) % _CLASSES]
    with Team().training(model):
        compile_to_train(model, make_optimizer("sgd", 1e-4, {}), "classes")
        rate = _images_per_second(lambda: train_on_batch(model, batch), progress)
    backend, devices = keras.backend.backend(), accelerators()
    used = devices if backend == "jax" else devices[:1]
    return Speed(backend, tuple(used or ["cpu"]), rate)


def _images_per_second(step: Callable[[], object], progress: Callable[[int, int], None]) -> float:
    """Return the images per second of a step on a batch, once it is warm."""
    step()
    began, done = time.perf_counter(), 0
    while (spent := time.perf_counter() - began) < _SECONDS:
        step()
        done += FULL_BATCH
        progress(done, 0)
    return round(done / spent, 1)


def _advice(machine: Machine, training: Speed) -> tuple[str, ...]:
    """Return how to have a GPU used that is there and is not used."""
    if not machine.gpus or training.devices != ("cpu",):
        return ()
    if gpus_hidden():
        return ("CUDA_VISIBLE_DEVICES hides the GPU; to use it: unset CUDA_VISIBLE_DEVICES",)
    if sys.platform == "win32":
        return ("TensorFlow uses GPUs on Linux alone; to have that in Windows: wsl --install",)
    return unused_gpu()
