"""Presets of KerasHub as backbones: flat networks, with the tokens of a transformer as maps.

A transformer passes on tokens (tokens, channels). Where a stage ends they are laid out as a map
(side, side, channels): the patches in their places and, behind them in every place, the class token
and the registers. The average of such a map is the mean of the patches beside the class token, and
whatever reads maps reads transformers. The next stage takes its tokens back from the map.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from tlearn.errors import BackboneError, quoted
from tlearn.models.catalog import INSTALL_HUB
from tlearn.models.cuts import find_cuts, nodes_in_order
from tlearn.models.fingerprint import PRESET_FILES

_STAGES = 5
"""Parts of a transformer whose blocks are all alike."""


def download_preset(preset: str) -> Path:
    """Return the folder in which KerasHub keeps a preset, downloaded the first time.

    Raises:
        BackboneError: There is no such preset, or it cannot be had.
    """
    _import_keras_hub()
    from keras_hub.src.utils.preset_utils import get_file

    try:
        paths = [Path(get_file(preset, name)) for name in PRESET_FILES]
        return paths[0].parent
    except (ValueError, OSError, ImportError) as error:
        raise BackboneError(
            f"the preset {quoted(preset)} cannot be had: {_first_line(error)}",
            "names are at https://keras.io/keras_hub/presets; without the internet, give the "
            "folder of one: --backbone hub:./FOLDER",
        ) from error


def load_preset(folder: Path, image_size: int) -> keras.Model:
    """Load a preset: `image` (batch, size, size, 3), 0-255 -> last map; its scaling is inside.

    Args:
        folder: Of the preset.
        image_size: Side of the input, in pixels.

    Raises:
        BackboneError: KerasHub cannot load it at this size, or it is no network for images.
    """
    keras_hub = _import_keras_hub()
    shape = (image_size, image_size, 3)
    try:
        network = _vision_part(keras_hub.models.Backbone.from_preset(str(folder)))
        if network.inputs[0].shape[1:] not in ((None, None, 3), shape):
            preset = keras_hub.models.Backbone.from_preset(str(folder), image_shape=shape)
            network = _vision_part(preset)
        converter = keras_hub.layers.ImageConverter.from_preset(str(folder))
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise BackboneError(
            f"KerasHub cannot load {quoted(folder)} for images of {image_size} x {image_size} "
            f"pixels: {_first_line(error)}",
            "leave out --image-size, or choose another preset: --backbone hub:PRESET",
        ) from error
    image = keras.Input(shape, name="image", dtype="float32")
    scale = 1.0 if converter.scale is None else converter.scale
    offset = 0.0 if converter.offset is None else converter.offset
    flat = _unroll(network, image, keras.layers.Rescaling(scale, offset, name="scaling")(image))
    trunk = _with_maps(flat, network) if len(flat.outputs[0].shape) == 3 else flat
    for layer in filter(_is_of_hub, trunk.layers):
        _serialize_arguments(layer)
    return trunk


def _import_keras_hub() -> Any:
    try:
        import keras_hub
    except ImportError as error:
        raise BackboneError(f"KerasHub cannot be imported: {error}", INSTALL_HUB) from error
    return keras_hub


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]


def _vision_part(preset: keras.Model) -> keras.Model:
    network = getattr(preset, "vision_encoder", preset)
    if len(network.inputs) != 1 or len(network.inputs[0].shape) != 4:
        raise ValueError("it takes no images")
    return network


def _is_of_hub(operation: Any) -> bool:
    return type(operation).__module__.startswith("keras_hub.")


def _unroll(
    network: keras.Model, image: keras.KerasTensor, scaled: keras.KerasTensor
) -> keras.Model:
    """Return a network of the blocks in its encoders, up to its last map or tokens."""

    def call(operation: Any, *args: Any, **kwargs: Any) -> Any:
        if type(operation).__name__ == "SigLIPVisionEmbedding":
            return _embed_as_siglip(operation, *args)
        if not _holds_blocks(operation):
            return operation(*args, **kwargs)
        for layer in operation._flatten_layers(include_self=False, recursive=False):
            layer.name = f"{operation.name}_{layer.name}"  # Swin has a "blocks_0" in each stage
        if "return_attention_scores" in inspect.signature(operation.call).parameters:
            kwargs["return_attention_scores"] = True  # without, DeiT's blocks return None as well
        return operation.call(*args, **kwargs)

    order = [id(tensor) for node in nodes_in_order(network) for tensor in node.outputs]
    ends = [order.index(id(tensor)) for tensor in network.outputs]
    outputs = keras.tree.flatten(network._run_through_graph([scaled], call_fn=call))
    whole = keras.Model(image, outputs[ends.index(max(ends))])
    last = [tensor for tensor in find_cuts(whole) if len(tensor.shape) > 2][-1]
    return keras.Model(image, last, name="own")


def _holds_blocks(operation: Any) -> bool:
    public = (value for name, value in vars(operation).items() if not name.startswith("_"))
    lists = (value for value in public if isinstance(value, list))
    return _is_of_hub(operation) and any(_is_of_hub(item) for items in lists for item in items)


def _embed_as_siglip(embedding: Any, image: keras.KerasTensor) -> keras.KerasTensor:
    """Embed patches as SigLIP does; KerasHub's layer states one token more than it returns."""
    from keras_hub.layers import PositionEmbedding

    shape = (embedding.num_positions, embedding.hidden_dim)
    patches = keras.layers.Reshape(shape, name="patches")(embedding.patch_embedding(image))
    positions = PositionEmbedding(embedding.num_positions, name="positions")
    tokens = keras.layers.Add(name="tokens")([patches, positions(patches)])
    positions.set_weights(embedding.position_embedding.get_weights())
    return tokens


def _with_maps(flat: keras.Model, network: keras.Model) -> keras.Model:
    """Return a transformer whose tokens pass through a map at the end of each stage."""
    nodes = [node for node in nodes_in_order(flat) if _is_block(node)]
    counts = [node.outputs[0].shape[1] for node in nodes]
    patches = flat.input.shape[1] // keras.tree.flatten(network.patch_size)[0]
    extra = counts[0] - patches**2
    ends = [id(nodes[index].operation) for index in _stage_ends(counts)[:-1]]
    rope, angles = getattr(network, "rope_embedding", None), None
    if rope is not None:  # that of a map reads its size as if each of its places were a patch
        config = rope.get_config() | {"patch_size": 1, "name": "rope_of_map"}
        rope = type(rope).from_config(config)

    def call(operation: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal angles
        if angles is not None and "position_embeddings" in kwargs:
            kwargs["position_embeddings"] = angles
        output = operation(*args, **kwargs)
        if id(operation) not in ends:
            return output
        tokens, *rest = output if isinstance(output, tuple | list) else (output,)
        name = f"stage_{ends.index(id(operation)) + 1}"
        feature_map = _as_map(tokens, extra, extra, name)
        angles = rope and rope(feature_map)
        return [_as_tokens(feature_map, extra, name), *rest]

    (tokens,) = keras.tree.flatten(flat._run_through_graph([flat.input], call_fn=call))
    last = _as_map(tokens, extra, min(extra, 1), "last")
    return keras.Model(flat.input, last, name="own")


def _is_block(node: Any) -> bool:
    shape = node.input_tensors[0].shape
    return _is_of_hub(node.operation) and len(shape) == 3 and shape == node.outputs[0].shape


def _stage_ends(counts: Sequence[int]) -> list[int]:
    """Return the last block of each stage: where the number of tokens changes, or evenly spaced."""
    last = len(counts) - 1
    changes = [index for index in range(last) if counts[index + 1] != counts[index]]
    if changes:
        return [*changes, last]
    stages = min(_STAGES, len(counts))
    return [round(len(counts) * stage / stages) - 1 for stage in range(1, stages + 1)]


def _as_map(tokens: keras.KerasTensor, extra: int, kept: int, name: str) -> keras.KerasTensor:
    """Lay out tokens: patches in their places, and in every place the first `kept` others.

    Args:
        tokens: (tokens, channels), `extra` of which come before the patches.
        extra: Class token and registers.
        kept: How many of those are kept.
        name: Start of the layers' names.
    """
    layers, (length, channels) = keras.layers, tokens.shape[1:]
    side = math.isqrt(length - extra)
    if kept:
        parts = [layers.Cropping1D((extra, 0), name=f"{name}_patches")(tokens)]
        for index in range(kept):
            crop = layers.Cropping1D((index, length - index - 1), name=f"{name}_token_{index}")
            repeat = layers.UpSampling1D(side**2, name=f"{name}_everywhere_{index}")
            parts.append(repeat(crop(tokens)))
        tokens = layers.Concatenate(name=f"{name}_joined")(parts)
    return layers.Reshape((side, side, (1 + kept) * channels), name=f"{name}_map")(tokens)


def _as_tokens(feature_map: keras.KerasTensor, extra: int, name: str) -> keras.KerasTensor:
    """Return the tokens that `_as_map` has laid out, all of which were kept."""
    layers, (side, _, width) = keras.layers, feature_map.shape[1:]
    tokens = layers.Reshape((side**2, width), name=f"{name}_tokens")(feature_map)
    if not extra:
        return tokens
    patches, *others = keras.ops.split(tokens, 1 + extra, axis=-1)
    first = [
        layers.Cropping1D((0, side**2 - 1), name=f"{name}_first_{index}")(other)
        for index, other in enumerate(others)
    ]
    return layers.Concatenate(axis=1, name=f"{name}_sequence")([*first, patches])


def _serialize_arguments(layer: keras.layers.Layer) -> None:
    """Have a layer's configuration hold what its class takes; KerasHub's own may not load again."""
    classes = {name: value for name, value in vars(layer).items() if isinstance(value, type)}
    for name in classes:  # Keras cannot write a class, but reads one as it reads a function
        setattr(layer, name, None)
    given = layer.get_config()
    for name, value in classes.items():
        setattr(layer, name, value)
    taken = {*inspect.signature(type(layer)).parameters, "name", "trainable", "dtype"}
    config = {name: value for name, value in given.items() if name in taken}
    for name in taken - {*given}:
        if isinstance(plain := getattr(layer, name, None), str | int | float):
            config[name] = plain
    config |= {name: _reference(value) for name, value in classes.items() if name in taken}
    layer.get_config = lambda: config
    layer.get_build_config = lambda: None  # built when called: Swin's embedding has no `build`


def _reference(value: type) -> dict[str, str]:
    built_in = value.__module__.startswith("keras.")
    module, name = "keras.layers" if built_in else value.__module__, value.__name__
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}
