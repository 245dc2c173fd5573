"""A saved classifier on an untouched backbone, written without TensorFlow.

Such classifiers differ in their head alone. The *template* is one that Keras has saved, with
`_CLASSES` classes; a run's file is its copy with another head and another number of classes.
"""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlearn.storage.atomic import CACHE_HINT, write_atomic

if TYPE_CHECKING:
    import h5py
    import keras

    from tlearn.models.backbone import Backbone

_CLASSES = 211
"""A prime, so that no layer of a backbone has this width by design: it marks the head."""

_CONFIG, _METADATA, _WEIGHTS = "config.json", "metadata.json", "model.weights.h5"


def make_template(backbone: Backbone, head_stages: Sequence[int]) -> bytes:
    """The template of a backbone and the stages that its head reads; imports Keras."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "template.keras")
        classifier_on(backbone, head_stages, _CLASSES).save(path)
        return path.read_bytes()


def classifier_on(backbone: Backbone, head_stages: Sequence[int], classes: int) -> keras.Model:
    """A classifier whose head reads these stages; what comes after them is cut off."""
    from tlearn.models.backbone import maps_read, up_to
    from tlearn.models.classifier import build_classifier

    short = up_to(backbone, head_stages[-1])
    return build_classifier(short.trunk, classes, features=maps_read(short, head_stages))


def open_template(cache: Path, fingerprint: str) -> bytes | None:
    """The template kept for this fingerprint and this Keras, or None."""
    path = _path(cache, fingerprint)
    return path.read_bytes() if path.exists() else None


def keep_template(cache: Path, fingerprint: str, template: bytes) -> None:
    """Keep a template that has proved itself: a file made of it was read back by Keras.

    Raises:
        HostError: The cache cannot be written.
    """
    write_atomic(_path(cache, fingerprint), template, CACHE_HINT)


def with_head(template: bytes, kernel: np.ndarray, bias: np.ndarray) -> bytes:
    """A .keras file: the template with another head.

    Args:
        template: From `make_template`.
        kernel: (embedding, classes).
        bias: (classes,).
    """
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(template)) as old, zipfile.ZipFile(content, "w") as new:
        metadata = json.loads(old.read(_METADATA))
        metadata["date_saved"] = datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
        config = json.loads(old.read(_CONFIG))
        layers = config["config"]["layers"]
        layers[-2:] = [_resized(layer, len(bias)) for layer in layers[-2:]]
        new.writestr(_METADATA, json.dumps(metadata))
        new.writestr(_CONFIG, json.dumps(config))
        new.writestr(_WEIGHTS, _weights_with_head(old.read(_WEIGHTS), kernel, bias))
    return content.getvalue()


def read_head(path: Path, template: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Kernel and bias in a file that `with_head` made.

    Raises:
        ValueError: The file differs from the template in more than its head.
    """
    import h5py

    with zipfile.ZipFile(path) as file, zipfile.ZipFile(io.BytesIO(template)) as meant:
        here = h5py.File(io.BytesIO(file.read(_WEIGHTS)))
        there = h5py.File(io.BytesIO(meant.read(_WEIGHTS)))
    with here, there:
        head = []
        for name, expected in _arrays(there):
            if _is_head(expected):
                head.append(here[name][()])
            elif name not in here or not np.array_equal(here[name], expected, equal_nan=True):
                raise ValueError(f"{name} in {path} is not what was written")
    bias, kernel = sorted(head, key=np.ndim)
    return kernel, bias


def _weights_with_head(weights: bytes, kernel: np.ndarray, bias: np.ndarray) -> bytes:
    import h5py

    content = io.BytesIO()
    with h5py.File(io.BytesIO(weights)) as old, h5py.File(content, "w") as new:

        def copy(name: str, item: Any) -> None:
            if not isinstance(item, h5py.Dataset):
                made = new.create_group(name)
            elif _is_head(item):
                made = new.create_dataset(name, data=kernel if item.ndim == 2 else bias)
            else:
                made = new.create_dataset(name, data=item[()])
            made.attrs.update(item.attrs)

        old.visititems(copy)
    return content.getvalue()


def _arrays(file: h5py.File) -> Iterator[tuple[str, Any]]:
    import h5py

    names: list[str] = []
    file.visit(names.append)
    return ((name, file[name]) for name in names if isinstance(file[name], h5py.Dataset))


def _is_head(array: Any) -> bool:
    return bool(array.ndim and array.shape[-1] == _CLASSES)


def _resized(layer: Any, n_classes: int) -> Any:
    """A layer's configuration with another number of classes wherever it stands."""
    if isinstance(layer, dict):
        return {key: _resized(value, n_classes) for key, value in layer.items()}
    if isinstance(layer, list):
        return [_resized(value, n_classes) for value in layer]
    return n_classes if type(layer) is int and layer == _CLASSES else layer


def _path(cache: Path, fingerprint: str) -> Path:
    return cache / "probes" / f"{fingerprint}-keras{version('keras')}.keras"
