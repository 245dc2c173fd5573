"""Networks of the catalog that read 0-255 RGB pixels, and their weights."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import keras
import numpy as np

from tlearn.errors import BackboneError, quoted
from tlearn.models.catalog import BackboneSpec
from tlearn.models.classics import BUILDERS, build_classic
from tlearn.models.efficientnet_lite import build_efficientnet_lite, fill_from_pytorch
from tlearn.models.pytorch_file import read_layers
from tlearn.models.weights_file import WeightsInfo, extract_archived

_CAFFE_MEAN_RGB = (123.68, 116.779, 103.939)
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)


def build_network(
    spec: BackboneSpec, image: keras.KerasTensor, classes: int | None
) -> tuple[keras.Model, bool]:
    """Build the network of a backbone with random weights.

    Args:
        spec: From `find_backbone`.
        image: Input (batch, side, side, 3), RGB, 0-255.
        classes: Width of the classification layer; None to build the network without one.

    Returns:
        The network, and whether it has its classification layer.
    """
    if spec.family == "efficientnet_lite":
        network = build_efficientnet_lite(image, classes, **spec.arguments)
        _number_unnamed(network)
        return network, bool(classes)
    scaled = _scaling(spec.scaling)(image) if spec.scaling != "inside" else image
    if spec.builder in BUILDERS:
        network = build_classic(spec.builder, image, scaled, classes, **spec.arguments)
        _number_unnamed(network)
        return network, bool(classes)
    # VGG's dense layers read the flattened map, so they fit one size only.
    fits = spec.family != "vgg" or image.shape[1] == spec.image_size
    top = {"include_top": True, "classes": classes} if classes and fits else {"include_top": False}
    builder = getattr(keras.applications, spec.builder)
    network = builder(weights=None, input_tensor=scaled, **top, **spec.arguments)
    _number_unnamed(network)
    return network, bool(top["include_top"])


def _scaling(name: str) -> keras.layers.Layer:
    """Return the layer from 0-255 RGB to what the network expects: pixels * scale + offset."""
    if name == "symmetric":
        return keras.layers.Rescaling(1 / 127.5, -1.0, name="scaling")
    if name == "caffe":
        return keras.layers.Rescaling(1.0, [-mean for mean in _CAFFE_MEAN_RGB], name="scaling")
    return keras.layers.Rescaling(
        [1 / (255 * std) for std in _IMAGENET_STD],
        [-mean / std for mean, std in zip(_IMAGENET_MEAN, _IMAGENET_STD, strict=True)],
        name="scaling",
    )


def _number_unnamed(network: keras.Model) -> None:
    """Renumber unnamed layers and operations within the network, nested ones included.

    Keras numbers them by all that the process has built before (`add_36`), so the same network
    would be saved under other names after another one.
    """
    numbers: Counter[str] = Counter()
    named = {id(x): x for x in (*network.operations, *network._flatten_layers())}
    for operation in named.values():
        kind = re.sub(r"_\d+$", "", operation.name)
        if kind.replace("_", "") == type(operation).__name__.lower():
            operation.name = f"{kind}_{numbers[kind]}" if numbers[kind] else kind
            numbers[kind] += 1


def load_network(
    network: keras.Model, path: Path, info: WeightsInfo, spec: BackboneSpec, has_top: bool
) -> None:
    """Load a file into a network from `build_network`, and make it read RGB.

    Args:
        network: From `build_network`.
        path: The file.
        info: What it holds, from `read_weights_info`.
        spec: The backbone of both.
        has_top: Whether the network has its classification layer.

    Raises:
        BackboneError: The file holds weights of another network.
    """
    if info.classes is None or has_top:
        _fill(network, path, info, spec)
    else:
        image = keras.Input((spec.image_size, spec.image_size, 3))
        complete, _ = build_network(spec, image, info.classes)
        _fill(complete, path, info, spec)
        for layer in network.layers:
            if layer.weights:
                layer.set_weights(complete.get_layer(layer.name).get_weights())
    _match_pixels(network, spec, info)


def _fill(network: keras.Model, path: Path, info: WeightsInfo, spec: BackboneSpec) -> None:
    # From a larger file of the new layout Keras would read what it needs, without a warning.
    if info.layout != "legacy" and info.parameters != network.count_params():
        raise _mismatch(path, info, network, spec)
    with tempfile.TemporaryDirectory() as folder:
        file = path if info.layout == "pytorch" else _as_keras_expects(path, info, Path(folder))
        try:
            if info.layout == "pytorch":
                fill_from_pytorch(network, read_layers(file))
            else:
                network.load_weights(file)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, OSError) as error:
            raise _mismatch(path, info, network, spec) from error


def _as_keras_expects(path: Path, info: WeightsInfo, folder: Path) -> Path:
    """Return the file under a name with the suffix by which Keras knows its layout."""
    if info.layout == "archive":
        return extract_archived(path, folder)
    new = path.name.endswith(".weights.h5")
    if new if info.layout == "keras" else path.suffix == ".h5" and not new:
        return path
    name = "network.weights.h5" if info.layout == "keras" else "network.h5"
    return Path(shutil.copyfile(path, folder / name))


def _mismatch(
    path: Path, info: WeightsInfo, network: keras.Model, spec: BackboneSpec
) -> BackboneError:
    layers = sum(1 for layer in network.layers if layer.weights)
    return BackboneError(
        f"{quoted(path)} does not hold weights of {spec.name}: expected "
        f"{network.count_params():,} numbers in {layers} layers, received {info.parameters:,} in "
        f"{info.layers}",
        "name the backbone that the file belongs to with --backbone NAME, or give other weights: "
        "--weights PATH",
    )


def _match_pixels(network: keras.Model, spec: BackboneSpec, info: WeightsInfo) -> None:
    """Make loaded weights read RGB pixels scaled as `_scaling` does."""
    # A network that tlearn saved begins with Rescaling and has been turned to RGB already.
    if spec.scaling == "caffe" and not info.rescaled:
        first = next(x for x in network.layers if isinstance(x, keras.layers.Conv2D))
        kernel, *rest = first.get_weights()
        first.set_weights([kernel[:, :, ::-1], *rest])
    if spec.family == "efficientnet":
        _correct_variance(network)


def _correct_variance(network: keras.Model) -> None:
    """Put the variance where EfficientNet's ImageNet files hold the standard deviation.

    Keras divides by sqrt(std) once in Normalization, and a second time in a layer that it adds
    for `weights="imagenet"` only. Files of networks trained otherwise are left as they are.
    """
    layer = next(x for x in network.layers if isinstance(x, keras.layers.Normalization))
    mean, variance, *rest = layer.get_weights()
    if np.allclose(np.ravel(variance), _IMAGENET_STD, atol=1e-3):
        layer.set_weights([mean, variance * np.reshape(_IMAGENET_STD, variance.shape), *rest])
        layer.finalize_state()
