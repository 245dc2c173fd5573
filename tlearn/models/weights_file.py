"""What a file of weights holds, read without building a network."""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlearn.errors import BackboneError, quoted
from tlearn.models.catalog import BackboneSpec
from tlearn.models.pytorch_file import is_pytorch, read_layers

_ARCHIVED = "model.weights.h5"
_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
# Families whose classification layer is a 1x1 convolution with a bias.
_CONVOLUTIONAL_TOP = ("mobilenet", "mobilenet_v3")


@dataclass(frozen=True)
class WeightsInfo:
    """What a file of weights holds.

    Attributes:
        layout: "keras" (.weights.h5 of Keras 3), "legacy" (.h5 of Keras 2), "archive" (.keras) or
            "pytorch" (.pth).
        classes: Width of the classification layer; None if there is none.
        layers: Number of layers that have weights.
        parameters: Number of weights in all layers.
        rescaled: Whether the network it was saved from began with a Rescaling layer.
    """

    layout: str
    classes: int | None
    layers: int
    parameters: int
    rescaled: bool


def read_weights_info(path: Path, spec: BackboneSpec) -> WeightsInfo:
    """Read what a file of weights holds, without loading them.

    Args:
        path: A .weights.h5, .h5, .keras or .pth file.
        spec: The backbone that the weights should be of.

    Raises:
        BackboneError: The file holds no weights.
    """
    if is_pytorch(path):
        return _read_pytorch_info(path, spec)
    layout, content = _open(path)
    with content as file:
        if layout == "legacy":
            shapes = _legacy_shapes(file)
            top = list(shapes.values())[-1] if shapes else []
        else:
            shapes = _keras_shapes(file)
            top = _last_numbered(shapes, "dense") or _last_numbered(shapes, "conv2d")
        if not shapes:
            raise _unusable(path, "an HDF5 file without layers")
        return WeightsInfo(
            layout=layout,
            classes=_classes(top, spec),
            layers=len(shapes),
            parameters=_count(shapes),
            rescaled="rescaling" in file.get("layers", {}),
        )


def _read_pytorch_info(path: Path, spec: BackboneSpec) -> WeightsInfo:
    try:
        layers = read_layers(path)
    except ValueError as error:
        raise _unusable(path, str(error)) from error
    shapes = {name: [x.shape[::-1] for x in parts.values()] for name, parts in layers.items()}
    return WeightsInfo(
        layout="pytorch",
        classes=_classes(shapes.get("_fc"), spec),
        layers=len(shapes),
        parameters=_count(shapes),
        rescaled=False,
    )


def extract_archived(path: Path, folder: Path) -> Path:
    """Extract the weights of a .keras archive into `folder`, and return their path."""
    with zipfile.ZipFile(path) as archive:
        return Path(archive.extract(_ARCHIVED, folder))


def is_hdf5(path: Path) -> bool:
    """Return whether the file is a complete HDF5 file."""
    import h5py

    try:
        with h5py.File(path, "r"):
            return True
    except OSError:
        return False


def _open(path: Path) -> tuple[str, Any]:
    import h5py

    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return "archive", h5py.File(io.BytesIO(archive.read(_ARCHIVED)), "r")
        file = h5py.File(path, "r")
    except KeyError:
        raise _unusable(path, f"a zip archive without {_ARCHIVED}") from None
    except (OSError, zipfile.BadZipFile):
        raise _unusable(path, _describe(path)) from None
    legacy = "layer_names" in file.attrs or "model_weights" in file
    return ("legacy" if legacy else "keras"), file


def _count(shapes: Mapping[str, list[tuple[int, ...]]]) -> int:
    return sum(math.prod(shape) for layer in shapes.values() for shape in layer)


def _legacy_shapes(file: Any) -> dict[str, list[tuple[int, ...]]]:
    root = file.get("model_weights", file)
    shapes = {}
    for layer in _names(root.attrs, "layer_names"):
        weights = _names(root[layer].attrs, "weight_names")
        if weights:
            shapes[layer] = [tuple(root[layer][name].shape) for name in weights]
    return shapes


def _names(attributes: Mapping[str, Any], name: str) -> list[str]:
    # Lists too long for one HDF5 attribute are stored in numbered chunks: layer_names0, ...
    values = list(attributes[name]) if name in attributes else []
    chunk = 0
    while f"{name}{chunk}" in attributes:
        values.extend(attributes[f"{name}{chunk}"])
        chunk += 1
    return [value.decode() if isinstance(value, bytes) else str(value) for value in values]


def _keras_shapes(file: Any) -> dict[str, list[tuple[int, ...]]]:
    shapes: dict[str, list[tuple[int, ...]]] = {}

    def visit(name: str, item: Any) -> None:
        if hasattr(item, "shape") and "/vars/" in name:
            shapes.setdefault(name.split("/vars/")[0], []).append(tuple(item.shape))

    if "layers" in file:
        file["layers"].visititems(visit)
    return shapes


def _last_numbered(shapes: Mapping[str, list[tuple[int, ...]]], kind: str) -> Any:
    """Return shapes of the last layer of a kind, which Keras numbers conv2d, conv2d_1, ..."""
    numbers = [-1]
    for name in shapes:
        stem, _, number = name.partition(f"{kind}_")
        if name == kind:
            numbers.append(0)
        elif not stem and number.isdigit():
            numbers.append(int(number))
    last = max(numbers)
    return shapes.get(kind if last == 0 else f"{kind}_{last}")


def _classes(layer: list[tuple[int, ...]] | None, spec: BackboneSpec) -> int | None:
    if not layer:
        return None
    kernel = layer[0]
    if len(kernel) == 2:
        # ConvNeXt's blocks hold dense layers too; only the last one reads the embedding.
        inner = spec.family == "convnext" and kernel[0] != spec.embedding_size
        return None if inner else kernel[1]
    pointwise = len(kernel) == 4 and kernel[:2] == (1, 1) and len(layer) == 2
    return kernel[3] if pointwise and spec.family in _CONVOLUTIONAL_TOP else None


def _describe(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(512)
    if not start:
        return "an empty file"
    if start.startswith(_HDF5_SIGNATURE):
        return "a damaged or incomplete HDF5 file"
    if start.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer (get the file itself: git lfs pull)"
    if start.lstrip().lower().startswith((b"<!doctype", b"<html")):
        return "an HTML page, as proxies and login pages send it"
    if all(byte in b"\t\n\r\f\x1b" or byte >= 32 for byte in start) and start.isascii():
        return "a text file"
    return "not an HDF5 file"


def _unusable(path: Path, description: str) -> BackboneError:
    return BackboneError(
        f"{quoted(path)} holds no weights: it is {description}",
        "give another .weights.h5, .h5, .keras or (EfficientNet-Lite) .pth file: --weights PATH",
    )
