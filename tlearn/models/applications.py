"""Networks of keras.applications: built on 0-255 RGB pixels, filled from a file."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import keras
import numpy as np

from tlearn.errors import BackboneError
from tlearn.models.catalog import BackboneSpec
from tlearn.models.weights_file import WeightsInfo, extract_archived

_CAFFE_MEAN_RGB = (123.68, 116.779, 103.939)
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)


def build_network(
    spec: BackboneSpec, image: keras.KerasTensor, classes: int | None
) -> tuple[keras.Model, bool]:
    """The network of a backbone, and whether it has its classification layer.

    Args:
        spec: From `find_backbone`.
        image: Input (batch, side, side, 3), RGB, 0-255.
        classes: Of the classification layer; None to build it without.
    """
    # VGG's dense layers read the flattened map, so they fit one size only.
    fits = spec.family != "vgg" or image.shape[1] == spec.image_size
    top = {"include_top": True, "classes": classes} if classes and fits else {"include_top": False}
    builder = getattr(keras.applications, spec.builder)
    scaled = _scaling(spec.scaling)(image) if spec.scaling != "inside" else image
    network = builder(weights=None, input_tensor=scaled, **top, **spec.arguments)
    return network, bool(top["include_top"])


def _scaling(name: str) -> keras.layers.Layer:
    """Pixels 0-255 RGB to what the network was trained on: pixels * scale + offset."""
    if name == "symmetric":
        return keras.layers.Rescaling(1 / 127.5, -1.0, name="scaling")
    if name == "caffe":
        return keras.layers.Rescaling(1.0, [-mean for mean in _CAFFE_MEAN_RGB], name="scaling")
    return keras.layers.Rescaling(
        [1 / (255 * std) for std in _IMAGENET_STD],
        [-mean / std for mean, std in zip(_IMAGENET_MEAN, _IMAGENET_STD, strict=True)],
        name="scaling",
    )


def load_network(
    network: keras.Model, path: Path, facts: WeightsInfo, spec: BackboneSpec, has_top: bool
) -> None:
    """Load a file into the network of `build_network`, and make it read RGB.

    Raises:
        BackboneError: The file holds weights of something else.
    """
    if facts.classes is None or has_top:
        _fill(network, path, facts, spec)
    else:
        own = keras.Input((spec.image_size, spec.image_size, 3))
        whole, _ = build_network(spec, own, facts.classes)
        _fill(whole, path, facts, spec)
        for layer in network.layers:
            if layer.weights:
                layer.set_weights(whole.get_layer(layer.name).get_weights())
    _match_pixels(network, spec, facts)


def _fill(network: keras.Model, path: Path, facts: WeightsInfo, spec: BackboneSpec) -> None:
    # Keras itself reads what it needs of a larger file of the new layout and says nothing.
    if facts.layout != "legacy" and facts.parameters != network.count_params():
        raise _mismatch(path, facts, network, spec)
    with tempfile.TemporaryDirectory() as folder:
        file = _as_keras_expects(path, facts, Path(folder))
        try:
            network.load_weights(file)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, OSError) as error:
            raise _mismatch(path, facts, network, spec) from error


def _as_keras_expects(path: Path, facts: WeightsInfo, folder: Path) -> Path:
    """The file under a name that tells Keras its layout; Keras goes by the suffix alone."""
    if facts.layout == "archive":
        return extract_archived(path, folder)
    new = path.name.endswith(".weights.h5")
    if new if facts.layout == "keras" else path.suffix == ".h5" and not new:
        return path
    name = "network.weights.h5" if facts.layout == "keras" else "network.h5"
    return Path(shutil.copyfile(path, folder / name))


def _mismatch(
    path: Path, facts: WeightsInfo, network: keras.Model, spec: BackboneSpec
) -> BackboneError:
    layers = sum(1 for layer in network.layers if layer.weights)
    return BackboneError(
        f"{path} does not hold weights of {spec.name}: expected {network.count_params():,} "
        f"numbers in {layers} layers, found {facts.parameters:,} in {facts.layers}.",
        "Name the backbone the file belongs to, or give its own weights with --weights PATH.",
    )


def _match_pixels(network: keras.Model, spec: BackboneSpec, facts: WeightsInfo) -> None:
    """Make loaded weights read RGB pixels scaled as `_scaling` does."""
    # A network that tlearn saved begins with Rescaling and has been turned to RGB already.
    if spec.scaling == "caffe" and not facts.rescaled:
        first = next(x for x in network.layers if isinstance(x, keras.layers.Conv2D))
        kernel, *rest = first.get_weights()
        first.set_weights([kernel[:, :, ::-1], *rest])
    if spec.family == "efficientnet":
        _mend_variance(network)


def _mend_variance(network: keras.Model) -> None:
    """Put the variance where EfficientNet's ImageNet files hold the standard deviation.

    Keras divides by sqrt(std) once in Normalization, and a second time in a layer that it adds
    for `weights="imagenet"` only. Files of networks trained otherwise are left as they are.
    """
    layer = next(x for x in network.layers if isinstance(x, keras.layers.Normalization))
    mean, variance, *rest = layer.get_weights()
    if np.allclose(np.ravel(variance), _IMAGENET_STD, atol=1e-3):
        layer.set_weights([mean, variance * np.reshape(_IMAGENET_STD, variance.shape), *rest])
        layer.finalize_state()
