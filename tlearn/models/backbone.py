"""A backbone: a flat network from 0-255 RGB pixels to its last feature map."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from tlearn.confidence.answers import KNOWN, PROBABILITIES
from tlearn.errors import BackboneError, quoted
from tlearn.models.applications import build_network, load_network
from tlearn.models.catalog import DEFAULT_IMAGE_SIZE, BackboneSpec, check_image_size
from tlearn.models.cuts import find_cuts, last_feature_map
from tlearn.models.fingerprint import fingerprint, own_fingerprint
from tlearn.models.stages import Stage, end_at_head, find_stages
from tlearn.models.weights import WeightsFile
from tlearn.models.weights_file import read_weights_info


@dataclass(frozen=True)
class Backbone:
    """A loaded backbone.

    Attributes:
        spec: Its row of the catalog.
        trunk: Flat functional keras.Model: `image` (batch, size, size, 3), float32, RGB, 0-255
            -> feature map (batch, side, side, channels). Scaling is inside. Joined ones have an
            output for each stage.
        stages: Its stages from input to output.
        classifier: keras.Model from the same input to the probabilities of the source classes, on
            which it was trained; shares the trunk's layers. None when the weights have no
            classification layer.
        fingerprint: Equal for equal functions, in every process.
    """

    spec: BackboneSpec
    trunk: keras.Model
    stages: tuple[Stage, ...]
    classifier: keras.Model | None
    fingerprint: str

    @property
    def joined(self) -> bool:
        """Return whether it is several networks side by side."""
        return len(self.trunk.outputs) > 1


def load_backbone(
    spec: BackboneSpec, weights: WeightsFile | None, image_size: int, seed: int = 0
) -> Backbone:
    """Build a backbone of the catalog and load its weights.

    The file may have a classification layer of any width, or none; without one the backbone has no
    `classifier`.

    Args:
        spec: From `find_backbone`.
        weights: From `find_weights`; None for random initialization.
        image_size: Side of the input, in pixels.
        seed: Seed of the random initialization. Sets the global seeds of Python, NumPy and Keras,
            only when `weights` is None: Keras has no other way to seed a whole network.

    Raises:
        BackboneError: The image is too small, or the file does not fit the backbone.
    """
    check_image_size(spec, image_size)
    info = read_weights_info(weights.path, spec) if weights else None
    if weights is None:
        keras.utils.set_random_seed(seed)
    image = keras.Input((image_size, image_size, 3), name="image", dtype="float32")
    network, has_top = build_network(spec, image, info.classes if info else None)
    if weights and info:
        load_network(network, weights.path, info, spec, has_top)
    trunk = keras.Model(image, _feature_map(network, spec, has_top), name=spec.name)
    return Backbone(
        spec=spec,
        trunk=trunk,
        stages=find_stages(trunk),
        classifier=keras.Model(image, network.outputs[0], name="classifier") if has_top else None,
        fingerprint=fingerprint(spec, weights, image_size, seed),
    )


def read_own_network(path: Path, image_size: int | None = None) -> keras.Model:
    """Read a person's own Keras network.

    Networks nested in it become part of one flat graph. Its input must be RGB, 0-255, with the
    scaling inside, as in every network that tlearn saves. Code in the file is not run.

    Args:
        path: A .keras file.
        image_size: Side of the input, in pixels; None for the one it was built for, or 224 if it
            takes any.

    Raises:
        BackboneError: The file cannot be loaded, or the network takes no such images.
    """
    network = _load_own(path)
    built_for = network.inputs[0].shape[1]
    size = image_size or built_for or DEFAULT_IMAGE_SIZE
    image = keras.Input((size, size, 3), name="image", dtype="float32")
    try:
        return keras.Model(image, replay(network, image), name="own")
    except ValueError as error:
        raise BackboneError(
            f"the network in {quoted(path)} cannot take images of {size} x {size} pixels",
            f"leave out --image-size, or take the size it was built for: --image-size {built_for}"
            if built_for
            else "choose another size: --image-size PIXELS",
        ) from error


def own_backbone(
    network: keras.Model, path: Path, end: keras.KerasTensor | None = None
) -> Backbone:
    """Return a network from `read_own_network` as a backbone.

    Args:
        network: The network.
        path: Of its file.
        end: The feature map that ends it, by default the last one.

    Raises:
        BackboneError: The network does not go from images to maps.
    """
    image = network.inputs[0]
    trunk = keras.Model(image, last_feature_map(network) if end is None else end, name="own")
    size = int(image.shape[1])
    return Backbone(
        spec=_own_spec(path, trunk, size),
        trunk=trunk,
        stages=find_stages(trunk),
        classifier=network if _gives_probabilities(network) else None,
        fingerprint=own_fingerprint(path, size),
    )


def load_hub_backbone(name: str, folder: Path, image_size: int, fingerprint: str) -> Backbone:
    """Load a preset of KerasHub as a backbone; see `hub.load_preset`.

    Args:
        name: What a person wrote: "hub:PRESET".
        folder: Of the preset.
        image_size: Side of the input, in pixels.
        fingerprint: From `hub_fingerprint`.

    Raises:
        BackboneError: KerasHub is missing, or cannot load the preset.
    """
    from tlearn.models.hub import load_preset

    trunk = load_preset(folder, image_size)
    own = _own_spec(folder, trunk, image_size)
    return Backbone(
        spec=replace(own, name=name, family="hub", license="see the preset's card"),
        trunk=trunk,
        stages=find_stages(trunk),
        classifier=None,
        fingerprint=fingerprint,
    )


def up_to(backbone: Backbone, n_stages: int) -> Backbone:
    """Return the backbone up to the map that a head on stage `n_stages` reads.

    It shares its layers with the whole one. A head on joined ones reads all their stages.
    """
    if n_stages == len(backbone.stages):
        return backbone
    stages = backbone.stages[:n_stages]
    trunk = keras.Model(backbone.trunk.inputs[0], stage_maps(backbone)[n_stages - 1], name="trunk")
    return replace(backbone, trunk=trunk, stages=end_at_head(trunk, stages), classifier=None)


def head_inputs(backbone: Backbone, head_stages: Sequence[int]) -> list[keras.KerasTensor]:
    """Return the feature maps that a head on these stages reads, numbered from 1."""
    maps = stage_maps(backbone)
    return [maps[number - 1] for number in head_stages]


def stage_maps(backbone: Backbone) -> list[keras.KerasTensor]:
    """Return the feature map that a head reads of each stage."""
    if backbone.joined:
        return list(backbone.trunk.outputs)
    cuts = find_cuts(backbone.trunk)
    return [cuts[stage.head_cut] for stage in backbone.stages]


def _load_own(path: Path) -> keras.Model:
    if not path.is_file() or not zipfile.is_zipfile(path):
        raise BackboneError(
            f"{quoted(path)} is not a .keras file"
            if path.exists()
            else f"there is no file {quoted(path)}",
            "save the network with Keras: model.save('NAME.keras')",
        )
    try:
        network = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (ValueError, TypeError, KeyError, AttributeError, OSError, ImportError) as error:
        raise BackboneError(
            f"{quoted(path)} cannot be loaded: {str(error).strip().splitlines()[0]}",
            "save the network without Lambda layers and without layers of your own classes, or "
            "choose one of the catalog: tlearn models",
        ) from error
    network = getattr(network, "_functional", None) or network
    if getattr(network, "output_names", None) == [PROBABILITIES, KNOWN]:
        network = keras.Model(network.inputs[0], network.outputs[0])
    shapes = [tensor.shape for tensor in getattr(network, "inputs", None) or ()]
    single = len(shapes) == 1 and len(network.outputs) == 1
    if not single or len(shapes[0]) != 4 or shapes[0][-1] != 3:
        raise BackboneError(
            f"the network in {quoted(path)} takes {shapes or 'an unknown input'}; expected one "
            "input (None, side, side, 3) and one output, of a functional or sequential model",
            "save the part of it that goes from the image to the feature map: "
            "keras.Model(image, feature_map).save('NAME.keras')",
        )
    return network


def replay(network: keras.Model, tensor: keras.KerasTensor) -> Any:
    """Run the layers of a network on another input, those of nested networks one by one."""

    def call(operation: Any, *args: Any, **kwargs: Any) -> Any:
        inner = getattr(operation, "_functional", None) or operation
        if isinstance(inner, keras.Model) and len(inner.inputs) == len(inner.outputs) == 1:
            return replay(inner, args[0])
        return operation(*args, **kwargs)

    outputs = keras.tree.flatten(network._run_through_graph([tensor], call_fn=call))
    return outputs if len(outputs) > 1 else outputs[0]


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


def _feature_map(network: keras.Model, spec: BackboneSpec, has_top: bool) -> keras.KerasTensor:
    """Return the last feature map, which the classification layer averages over space.

    ConvNeXt normalizes the average; its trunk without top normalizes each position of the map,
    as Keras builds it, so that the embedding is on the scale the head was trained on.
    """
    feature_map = last_feature_map(network) if has_top else network.outputs[0]
    if spec.family != "convnext" or not has_top:
        return feature_map
    trained = next(
        layer for layer in reversed(network.layers) if layer.name.endswith("_head_layernorm")
    )
    norm = keras.layers.LayerNormalization(epsilon=trained.epsilon, name="final_norm")
    normalized = norm(feature_map)
    norm.set_weights(trained.get_weights())
    return normalized
