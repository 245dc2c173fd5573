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
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlearn.errors import quoted
from tlearn.models.keras_file import CONFIG, WEIGHTS, pack_model, save_model
from tlearn.models.known_weights import known_stages
from tlearn.storage.cache import NETWORKS
from tlearn.storage.digest import matches_digest, write_with_digest

if TYPE_CHECKING:
    import h5py
    import keras

    from tlearn.models.backbone import Backbone

LayerWeights = Mapping[str, Sequence[np.ndarray]]
"""Names of layers to their weights, in the order of Keras."""

HEAD = "head"
_ON_LOGITS = ("probabilities", "known_positive", "known_logits")
"""Layers whose input is as wide as there are classes."""

_TEMPLATE_CLASSES = 2

_VERSION = 5
"""Raised when templates of before cannot be used any more."""


def make_template(backbone: Backbone, head_stages: Sequence[int], n_axes: int) -> bytes:
    """Return the template of a backbone and the stages that its head reads; imports Keras.

    Args:
        backbone: From `load_backbone`.
        head_stages: Numbers of stages, from 1, in ascending order.
        n_axes: Of the output `known`.
    """
    from tlearn.models.backbone import head_inputs, up_to
    from tlearn.models.classifier import set_head
    from tlearn.models.known import with_known

    model = classifier_on(backbone, head_stages, _TEMPLATE_CLASSES)
    width = model.get_layer(HEAD).input.shape[-1]
    set_head(model, np.zeros((width, _TEMPLATE_CLASSES)), np.zeros(_TEMPLATE_CLASSES))
    maps = head_inputs(up_to(backbone, head_stages[-1]), known_stages(head_stages))
    model = with_known(model, maps, n_axes)
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


def with_weights(template: bytes, layers: LayerWeights) -> bytes:
    """Return a .keras file: the template with other weights in some layers.

    Args:
        template: From `make_template`.
        layers: From `head_weights`, `known.known_weights` or both.
    """
    with zipfile.ZipFile(io.BytesIO(template)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    n_classes = len(layers[HEAD][1])
    members[CONFIG] = _config_with_classes(members[CONFIG], n_classes)
    members[WEIGHTS] = _replaced(members[WEIGHTS], layers)
    return pack_model(members)


def head_weights(kernel: np.ndarray, bias: np.ndarray) -> LayerWeights:
    """Return the weights of the head by the name of its layer.

    Args:
        kernel: (embedding, classes).
        bias: (classes,).
    """
    return {HEAD: [kernel, bias]}


def read_weights(path: Path, template: bytes, names: Collection[str]) -> LayerWeights:
    """Return the weights of layers in a file from `with_weights`, having compared all else.

    Args:
        path: The file.
        template: The template that it was made from.
        names: Of the layers.

    Raises:
        ValueError: The file differs from the template in more than these layers.
    """
    with _open_weights(path) as saved, _open_weights(io.BytesIO(template)) as expected:
        groups = {name: _group(expected, name).name for name in names}
        for name, values in _arrays(expected):
            unchanged = name in saved and np.array_equal(saved[name], values, equal_nan=True)
            if not unchanged and not name.startswith(tuple(groups.values())):
                raise ValueError(f"{name} in {quoted(path)} is not what was written")
        return {name: _numbered(saved[group]) for name, group in groups.items()}


def read_saved(path: Path, names: Collection[str]) -> dict[str, list[np.ndarray]]:
    """Return the weights of some layers of a .keras file, without Keras.

    Args:
        path: The file.
        names: Of the layers; those that the file lacks are left out.
    """
    found: dict[str, list[np.ndarray]] = {}
    with suppress(OSError, KeyError, zipfile.BadZipFile), _open_weights(path) as saved:
        for name in names:
            with suppress(StopIteration):
                found[name] = _numbered(_group(saved, name))
    return found


def _numbered(group: h5py.Group) -> list[np.ndarray]:
    return [group[key][()] for key in sorted(group)]


def _config_with_classes(config: bytes, n_classes: int) -> bytes:
    model = json.loads(config)
    layers = {layer["config"]["name"]: layer for layer in model["config"]["layers"]}
    layers[HEAD]["config"]["units"] = n_classes
    for name in _ON_LOGITS:
        (logits,) = layers[name]["inbound_nodes"][0]["args"]
        logits["config"]["shape"][-1] = n_classes
    return json.dumps(model).encode()


def _replaced(weights: bytes, layers: LayerWeights) -> bytes:
    import h5py

    content = io.BytesIO(weights)
    with h5py.File(content, "r+") as file:
        for layer, arrays in layers.items():
            group = _group(file, layer)
            for number, values in enumerate(arrays):
                del group[str(number)]
                group[str(number)] = values
    return content.getvalue()


def _open_weights(archive: Path | io.BytesIO) -> h5py.File:
    import h5py

    with zipfile.ZipFile(archive) as file:
        return h5py.File(io.BytesIO(file.read(WEIGHTS)))


def _group(file: h5py.File, layer: str) -> h5py.Group:
    """Return the variables of a layer under the numbers that Keras gives them."""
    groups = (layer["vars"] for layer in file["layers"].values() if "vars" in layer)
    return next(group for group in groups if group.attrs["name"] == layer)


def _arrays(file: h5py.File) -> Iterator[tuple[str, Any]]:
    import h5py

    names: list[str] = []
    file.visit(names.append)
    return ((f"/{name}", file[name]) for name in names if isinstance(file[name], h5py.Dataset))


def _path(cache: Path, fingerprint: str) -> Path:
    return cache / NETWORKS / f"{fingerprint}-v{_VERSION}-keras{version('keras')}.keras"
