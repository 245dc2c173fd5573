"""A backbone as a flat network from 0-255 RGB pixels to its last feature map."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from tlearn.errors import BackboneError
from tlearn.models.applications import build_network, load_network
from tlearn.models.catalog import USUAL_SIZE, BackboneSpec
from tlearn.models.fingerprint import fingerprint, own_fingerprint
from tlearn.models.stages import Stage, find_cuts, find_stages, last_feature_map, read_last
from tlearn.models.weights import WeightsFile
from tlearn.models.weights_file import read_facts

# What an own network takes where it leaves the size open.


@dataclass(frozen=True)
class Backbone:
    """A loaded backbone.

    Attributes:
        spec: What the catalog says of it.
        trunk: Flat functional keras.Model: `image` (batch, size, size, 3), float32, RGB, 0-255
            -> feature map (batch, side, side, channels). Scaling is inside.
        stages: Its stages from input to output.
        source: keras.Model from the same input to the probabilities of the classes it was
            trained on; shares the trunk's layers. None when the weights have no such layer.
        fingerprint: Equal for equal functions, in every process.
    """

    spec: BackboneSpec
    trunk: keras.Model
    stages: tuple[Stage, ...]
    source: keras.Model | None
    fingerprint: str


def load_backbone(
    spec: BackboneSpec, weights: WeightsFile | None, image_size: int, seed: int = 0
) -> Backbone:
    """Build a backbone of the catalog and load its weights.

    The file may have a classification layer of any width, or none; it decides on `source`.

    Args:
        spec: From `find_backbone`.
        weights: From `find_weights`; None for random initialisation.
        image_size: Side of the input, in pixels.
        seed: Of the random initialisation. Sets the global seeds of Python, NumPy and Keras,
            only when `weights` is None: Keras has no other way to seed a whole network.

    Raises:
        BackboneError: The image is too small, or the file does not fit the backbone.
    """
    if image_size < spec.min_image_size:
        raise BackboneError(
            f"{spec.name} needs pictures of at least {spec.min_image_size} x "
            f"{spec.min_image_size} pixels; received {image_size}.",
            f"Set --image-size to {spec.min_image_size} or more ({spec.image_size} is its own).",
        )
    facts = read_facts(weights.path, spec) if weights else None
    if weights is None:
        keras.utils.set_random_seed(seed)
    image = keras.Input((image_size, image_size, 3), name="image", dtype="float32")
    network, has_top = build_network(spec, image, facts.classes if facts else None)
    if weights and facts:
        load_network(network, weights.path, facts, spec, has_top)
    trunk = keras.Model(image, _features(network, spec, has_top), name=spec.name)
    return Backbone(
        spec=spec,
        trunk=trunk,
        stages=find_stages(trunk),
        source=keras.Model(image, network.outputs[0], name="source") if has_top else None,
        fingerprint=fingerprint(spec, weights, image_size, seed),
    )


def load_own_backbone(path: Path, image_size: int | None = None) -> Backbone:
    """Take a person's own Keras network as a backbone, up to its last feature map.

    Networks nested in it become part of one flat graph. Its input must be RGB, 0-255, with the
    scaling inside, as in every network that tlearn saves. Code in the file is not run.

    Args:
        path: A .keras file.
        image_size: Side of the input; None for the one it was built for (224 where it takes any).

    Raises:
        BackboneError: The file cannot be loaded, or the network is not one from pictures to maps.
    """
    own = _load_own(path)
    side = own.inputs[0].shape[1]
    size = image_size or side or USUAL_SIZE
    image = keras.Input((size, size, 3), name="image", dtype="float32")
    try:
        flat = keras.Model(image, _replay(own, image), name="own")
    except ValueError as error:
        raise BackboneError(
            f"The network in {path} cannot take pictures of {size} x {size} pixels.",
            f"Leave --image-size out: it was built for {side or 'another size'}.",
        ) from error
    trunk = keras.Model(image, last_feature_map(flat), name="own")
    spec = _own_spec(path, trunk, size)
    return Backbone(
        spec=spec,
        trunk=trunk,
        stages=find_stages(trunk),
        source=flat if _gives_probabilities(flat) else None,
        fingerprint=own_fingerprint(path, size),
    )


def up_to(backbone: Backbone, n_stages: int) -> Backbone:
    """A backbone that ends where a head reads stage `n_stages`; it shares the layers."""
    if n_stages == len(backbone.stages):
        return backbone
    stages = backbone.stages[:n_stages]
    end = find_cuts(backbone.trunk)[stages[-1].head_cut]
    trunk = keras.Model(backbone.trunk.inputs[0], end, name="trunk")
    return replace(backbone, trunk=trunk, stages=read_last(trunk, stages), source=None)


def maps_read(backbone: Backbone, head_stages: Sequence[int]) -> list[keras.KerasTensor]:
    """The maps that a head on these stages reads, numbered from 1."""
    cuts = find_cuts(backbone.trunk)
    return [cuts[backbone.stages[number - 1].head_cut] for number in head_stages]


def _load_own(path: Path) -> keras.Model:
    if not path.is_file() or not zipfile.is_zipfile(path):
        raise BackboneError(
            f"{path} is not a .keras file." if path.exists() else f"There is no file {path}.",
            "Save the network with `model.save('NAME.keras')`.",
        )
    try:
        own = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, KeyError, AttributeError, OSError, ImportError) as error:
        raise BackboneError(
            f"{path} cannot be loaded: {str(error).strip().splitlines()[0]}",
            "A network with layers of its own making, or with Lambda layers, cannot be taken.",
        ) from error
    own = getattr(own, "_functional", None) or own
    shapes = [tensor.shape for tensor in getattr(own, "inputs", None) or ()]
    single = len(shapes) == 1 and len(own.outputs) == 1
    if not single or len(shapes[0]) != 4 or shapes[0][-1] != 3:
        raise BackboneError(
            f"The network in {path} takes {shapes or 'an unknown input'}; expected one input "
            "(None, side, side, 3) and one output, of a functional or sequential model.",
            "Save the part of it that goes from the picture to the feature map.",
        )
    return own


def _replay(network: keras.Model, tensor: keras.KerasTensor) -> Any:
    """Run the layers of a network on another input, those of nested networks one by one."""

    def call(operation: Any, *args: Any, **kwargs: Any) -> Any:
        inner = getattr(operation, "_functional", None) or operation
        if isinstance(inner, keras.Model) and len(inner.inputs) == len(inner.outputs) == 1:
            return _replay(inner, args[0])
        return operation(*args, **kwargs)

    (output,) = keras.tree.flatten(network._run_through_graph([tensor], call_fn=call))
    return output


def _gives_probabilities(network: keras.Model) -> bool:
    output = network.outputs[0]
    last = output._keras_history.operation
    softmax = getattr(last, "activation", None) is keras.activations.softmax
    return len(output.shape) == 2 and (softmax or isinstance(last, keras.layers.Softmax))


def _own_spec(path: Path, trunk: keras.Model, image_size: int) -> BackboneSpec:
    return BackboneSpec(
        name=path.stem,
        family="own",
        builder="",
        arguments={},
        image_size=image_size,
        min_image_size=1,
        scaling="inside",
        embedding_size=trunk.output_shape[-1],
        parameters=trunk.count_params(),
        top1=None,
        license="",
        paper="",
        weights_url="",
        weights_md5=None,
        int8_note="unknown: measure int8",
    )


def _features(network: keras.Model, spec: BackboneSpec, has_top: bool) -> keras.KerasTensor:
    """The last feature map, which the classifier averages over space.

    ConvNeXt normalises the average; its trunk without top normalises each position of the map,
    as Keras builds it, so that the embedding is on the scale the head was trained on.
    """
    features = last_feature_map(network) if has_top else network.outputs[0]
    if spec.family != "convnext" or not has_top:
        return features
    trained = next(
        layer for layer in reversed(network.layers) if layer.name.endswith("_head_layernorm")
    )
    norm = keras.layers.LayerNormalization(epsilon=trained.epsilon, name="final_norm")
    normalized = norm(features)
    norm.set_weights(trained.get_weights())
    return normalized
