"""A saved classifier on an untouched backbone, written without TensorFlow.

Such classifiers differ in their head alone. The *template* of a backbone is a classifier that Keras
has saved once; the file of a run is the template with another head. Loading TensorFlow and the
backbone to save it would make a linear-head run three times as long.
"""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlearn.errors import quoted
from tlearn.models.keras_file import CONFIG, WEIGHTS, pack_model, save_model
from tlearn.storage.cache import NETWORKS
from tlearn.storage.digest import matches_digest, write_with_digest

if TYPE_CHECKING:
    import h5py
    import keras

    from tlearn.models.backbone import Backbone

_HEAD, _PROBABILITIES = "head", "probabilities"
"""Layers of `build_classifier` whose width is the number of classes."""

_TEMPLATE_CLASSES = 2

_VERSION = 2
"""Raised when templates of before cannot be used any more."""


def make_template(backbone: Backbone, head_stages: Sequence[int]) -> bytes:
    """Return the template of a backbone and the stages that its head reads; imports Keras."""
    from tlearn.models.classifier import set_head

    model = classifier_on(backbone, head_stages, _TEMPLATE_CLASSES)
    width = model.get_layer(_HEAD).input.shape[-1]
    set_head(model, np.zeros((width, _TEMPLATE_CLASSES)), np.zeros(_TEMPLATE_CLASSES))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "template.keras")
        save_model(model, path)
        return path.read_bytes()


def classifier_on(backbone: Backbone, head_stages: Sequence[int], classes: int) -> keras.Model:
    """Build a classifier whose head reads these stages; what comes after them is cut off.

    Args:
        backbone: From `load_backbone`.
        head_stages: Numbers of stages, from 1, in ascending order.
        classes: Number of classes.
    """
    from tlearn.models.backbone import head_inputs, up_to
    from tlearn.models.classifier import build_classifier

    short = up_to(backbone, head_stages[-1])
    return build_classifier(short.trunk, classes, features=head_inputs(short, head_stages))


def open_template(cache: Path, fingerprint: str) -> bytes | None:
    """Return the template stored for this fingerprint and this version of Keras.

    Returns:
        The template; None if there is none, or if it was changed since it was stored.
    """
    path = _path(cache, fingerprint)
    return path.read_bytes() if matches_digest(path) else None


def keep_template(cache: Path, fingerprint: str, template: bytes) -> None:
    """Store a template once a file made from it has been loaded successfully.

    Raises:
        HostError: The cache cannot be written.
    """
    write_with_digest(_path(cache, fingerprint), template)


def with_head(template: bytes, kernel: np.ndarray, bias: np.ndarray) -> bytes:
    """Return a .keras file: the template with another head.

    Args:
        template: From `make_template`.
        kernel: (embedding, classes).
        bias: (classes,).
    """
    with zipfile.ZipFile(io.BytesIO(template)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members[CONFIG] = _config_with_classes(members[CONFIG], len(bias))
    members[WEIGHTS] = _weights_with_head(members[WEIGHTS], kernel, bias)
    return pack_model(members)


def read_head(path: Path, template: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Return kernel and bias in a file from `with_head`, having compared all else.

    Args:
        path: The file.
        template: The template that it was made from.

    Raises:
        ValueError: The file differs from the template in more than its head.
    """
    with _open_weights(path) as saved, _open_weights(io.BytesIO(template)) as expected:
        head = _head_group(expected).name
        for name, values in _arrays(expected):
            unchanged = name in saved and np.array_equal(saved[name], values, equal_nan=True)
            if not unchanged and not name.startswith(head):
                raise ValueError(f"{name} in {quoted(path)} is not what was written")
        return saved[head]["0"][()], saved[head]["1"][()]


def read_saved_head(path: Path, width: int, n_classes: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return kernel and bias of the head in a .keras file, without Keras.

    Args:
        path: The file.
        width: Number of features that the head reads.
        n_classes: Number of classes.

    Returns:
        Kernel (width, n_classes) and bias (n_classes,); None where there is no such head.
    """
    try:
        with _open_weights(path) as saved:
            head = _head_group(saved)
            kernel, bias = head["0"], head["1"]
            if (kernel.shape, bias.shape) != ((width, n_classes), (n_classes,)):
                return None
            return kernel[()], bias[()]
    except (OSError, KeyError, StopIteration, zipfile.BadZipFile):
        return None


def _config_with_classes(config: bytes, n_classes: int) -> bytes:
    model = json.loads(config)
    layers = {layer["config"]["name"]: layer for layer in model["config"]["layers"]}
    layers[_HEAD]["config"]["units"] = n_classes
    (logits,) = layers[_PROBABILITIES]["inbound_nodes"][0]["args"]
    logits["config"]["shape"][-1] = n_classes
    return json.dumps(model).encode()


def _weights_with_head(weights: bytes, kernel: np.ndarray, bias: np.ndarray) -> bytes:
    import h5py

    content = io.BytesIO(weights)
    with h5py.File(content, "r+") as file:
        group = _head_group(file)
        for name, values in (("0", kernel), ("1", bias)):
            del group[name]
            group[name] = values
    return content.getvalue()


def _open_weights(archive: Path | io.BytesIO) -> h5py.File:
    import h5py

    with zipfile.ZipFile(archive) as file:
        return h5py.File(io.BytesIO(file.read(WEIGHTS)))


def _head_group(file: h5py.File) -> h5py.Group:
    """Return the variables of the head, in the order in which Keras numbers them: kernel, bias."""
    groups = (layer["vars"] for layer in file["layers"].values() if "vars" in layer)
    return next(group for group in groups if group.attrs["name"] == _HEAD)


def _arrays(file: h5py.File) -> Iterator[tuple[str, Any]]:
    import h5py

    names: list[str] = []
    file.visit(names.append)
    return ((f"/{name}", file[name]) for name in names if isinstance(file[name], h5py.Dataset))


def _path(cache: Path, fingerprint: str) -> Path:
    return cache / NETWORKS / f"{fingerprint}-v{_VERSION}-keras{version('keras')}.keras"
