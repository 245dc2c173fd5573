"""Several backbones side by side as one, whose last stages one solved head reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras

from tlearn.models.backbone import Backbone, head_inputs, own_backbone, read_own_network, replay
from tlearn.models.catalog import JOINT, N_MULTI_STAGE, NO_CUT
from tlearn.models.classifier import pooled_maps
from tlearn.models.cuts import find_cuts, nodes_in_order
from tlearn.models.stages import Stage, find_stages


def join_backbones(parts: Sequence[Backbone], fingerprint: str) -> Backbone:
    """Return the last stages of several backbones as the stages of one.

    Its trunk has one input, and the map of each stage as an output: no cut lies behind more than
    one network. The first stage that is kept of a network counts the weights of those before it.

    Args:
        parts: Backbones for one image size. Their layers are renamed, and shared.
        fingerprint: From `joined_fingerprint`.
    """
    image = parts[0].trunk.inputs[0]
    maps: list[keras.KerasTensor] = []
    stages: list[Stage] = []
    for number, part in enumerate(parts, start=1):
        kept = _kept(part)
        own = head_inputs(part, [stage.index + 1 for stage in kept])
        network = keras.Model(part.trunk.inputs[0], own)
        for operation in network.operations:
            if not isinstance(operation, keras.layers.InputLayer):
                operation.name = f"net{number}_{operation.name}"
        shared = part.trunk.inputs[0] is image
        maps += own if shared else keras.tree.flatten(replay(network, image))
        stages += kept
    trunk = keras.Model(image, maps, name="joined")
    spec = replace(
        parts[0].spec,
        name=JOINT.join(part.spec.name for part in parts),
        family="joined",
        image_size=int(image.shape[1]),
        min_image_size=max(part.spec.min_image_size for part in parts),
        scaling="inside",
        embedding_size=sum(stage.width for stage in stages),
        parameters=trunk.count_params(),
        top1=None,
        license=", ".join(dict.fromkeys(part.spec.license for part in parts)),
        paper=", ".join(part.spec.paper for part in parts),
        weights_url="",
        package="",
        int8_note="unknown: measure int8",
    )
    numbered = [
        replace(s, index=n, name=f"stage {n + 1}", end_cut=NO_CUT) for n, s in enumerate(stages)
    ]
    return Backbone(spec, trunk, tuple(numbered), None, fingerprint)


def load_own_backbone(path: Path, image_size: int | None = None) -> Backbone:
    """Load a person's own Keras network as a backbone, up to its last feature map.

    A classifier on joined backbones is read as such.

    Args:
        path: A .keras file.
        image_size: Side of the input, in pixels; None for the one it was built for, or 224 if it
            takes any.

    Raises:
        BackboneError: The file cannot be loaded, or the network does not go from images to maps.
    """
    network = read_own_network(path, image_size)
    ends = last_maps(network)
    whole = own_backbone(network, path, ends[0] if ends else None)
    if len(ends) < 2:
        return whole
    parts = [whole, *(own_backbone(network, path, end) for end in ends[1:])]
    joined = join_backbones(parts, whole.fingerprint)
    return replace(
        joined, spec=replace(joined.spec, name=whole.spec.name), classifier=whole.classifier
    )


def last_maps(network: keras.Model) -> list[keras.KerasTensor]:
    """Return the maps that nothing but a head reads: one of each backbone side by side.

    Args:
        network: A flat network. Nothing is returned where no averages of maps stand side by side in
            it, as they do in a classifier that reads several stages.
    """
    nodes = [*nodes_in_order(network)]
    pooled, read_on = dict[int, keras.KerasTensor](), set[int]()
    for node in nodes:
        if isinstance(node.operation, keras.layers.GlobalAveragePooling2D):
            pooled[id(node.outputs[0])] = node.input_tensors[0]
        else:
            read_on.update(map(id, node.input_tensors))
    for node in nodes:
        read = [pooled.get(id(tensor)) for tensor in node.input_tensors]
        if isinstance(node.operation, keras.layers.Concatenate) and None not in read:
            return [end for end in read if id(end) not in read_on]
    return []


def classifier_stages(classifier: keras.Model) -> list[keras.KerasTensor]:
    """Return the map that a head reads of each stage; of networks side by side, the last ones.

    Args:
        classifier: From `build_classifier`, or a saved one read back.
    """
    ends = last_maps(classifier)
    if len(ends) < 2:
        return _stage_maps(classifier, pooled_maps(classifier)[-1])
    return [end for last in ends for end in _stage_maps(classifier, last)[-N_MULTI_STAGE:]]


def _stage_maps(classifier: keras.Model, last: keras.KerasTensor) -> list[keras.KerasTensor]:
    trunk = keras.Model(classifier.inputs[0], last)
    cuts = find_cuts(trunk)
    return [cuts[stage.head_cut] for stage in find_stages(trunk)]


def _kept(part: Backbone) -> list[Stage]:
    before, kept = part.stages[:-N_MULTI_STAGE], part.stages[-N_MULTI_STAGE:]
    first = replace(
        kept[0],
        parameters=sum(stage.parameters for stage in (*before, kept[0])),
        layers=sum(stage.layers for stage in (*before, kept[0])),
    )
    return [first, *kept[1:]]
