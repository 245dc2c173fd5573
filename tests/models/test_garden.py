"""One small member of each family: stages, cuts and the catalog's numbers hold for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from tlearn.models.backbone import Backbone, load_backbone, up_to
from tlearn.models.catalog import find_backbone
from tlearn.models.stages import find_cuts, layers_of_stage, split_at

STAGES = {
    "mobilenet_025": (16, 32, 64, 128, 256),
    "mobilenet_v2_035": (8, 8, 16, 32, 1280),
    "mobilenet_v3_small_075": (16, 16, 24, 40, 432),
    "mobilenet_v3_large_minimalistic": (16, 24, 40, 112, 960),
    "efficientnet_b0": (16, 24, 40, 112, 1280),
    "efficientnet_v2_b0": (16, 32, 48, 112, 1280),
    "resnet50": (64, 256, 512, 1024, 2048),
    "resnet50_v2": (64, 256, 512, 1024, 2048),
    "densenet121": (64, 128, 256, 512, 1024),
    "inception_v3": (64, 192, 288, 768, 2048),
    "inception_resnet_v2": (64, 192, 320, 1088, 1536),
    "xception": (64, 128, 256, 728, 2048),
    "vgg16": (64, 128, 256, 512, 512),
    "nasnet_mobile": (1056,),
    "convnext_tiny": (96, 192, 384, 768),
}


@pytest.fixture(scope="module", params=STAGES)
def backbone(request: pytest.FixtureRequest, randomize_statistics: Callable[..., None]) -> Backbone:
    keras.backend.clear_session()
    spec = find_backbone(request.param)
    loaded = load_backbone(spec, None, max(64, spec.min_image_size))
    randomize_statistics(loaded.trunk)
    return loaded


def test_catalog_has_the_numbers_of_the_built_trunk(backbone: Backbone) -> None:
    spec, trunk = backbone.spec, backbone.trunk
    assert trunk.count_params() == spec.parameters
    assert trunk.output_shape[-1] == spec.embedding_size
    assert len(trunk.output_shape) == 4
    assert trunk.inputs[0].name == "image"
    assert backbone.source is None


def test_stages_follow_the_architecture(backbone: Backbone) -> None:
    stages = backbone.stages
    assert tuple(stage.channels for stage in stages) == STAGES[backbone.spec.name]
    assert [stage.index for stage in stages] == list(range(len(stages)))
    sizes = [stage.size for stage in stages]
    assert sizes == sorted(set(sizes), reverse=True)
    cuts = find_cuts(backbone.trunk)
    assert stages[-1].end_cut == len(cuts) - 1
    for stage in stages:
        assert cuts[stage.end_cut].shape[1:] == (stage.size, stage.size, stage.channels)
        assert cuts[stage.head_cut].shape[1:] == (stage.size, stage.size, stage.width)


def test_what_is_cut_off_behind_a_head_is_counted(backbone: Backbone) -> None:
    for number in range(1, len(backbone.stages) + 1):
        short = up_to(backbone, number)
        counted = sum(stage.parameters for stage in short.stages)
        assert counted == short.trunk.count_params()
        whole = backbone.stages[:number]
        assert counted == sum(stage.parameters for stage in whole) + whole[-1].params_after_cut
        assert short.stages[-1].channels == short.trunk.output_shape[-1] == whole[-1].width


def test_every_layer_with_weights_is_in_one_stage(backbone: Backbone) -> None:
    groups = layers_of_stage(backbone.trunk, backbone.stages)
    listed = [id(layer) for group in groups for layer in group]
    assert sorted(listed) == sorted(id(x) for x in backbone.trunk.layers if x.weights)
    assert sum(stage.parameters for stage in backbone.stages) == backbone.spec.parameters
    assert [len(group) for group in groups] == [stage.layers for stage in backbone.stages]


def test_prefix_and_tail_are_the_whole(
    backbone: Backbone, pixels: Callable[..., np.ndarray]
) -> None:
    trunk = backbone.trunk
    cuts = find_cuts(trunk)
    image = pixels(trunk.input_shape[1])
    whole = np.asarray(trunk(image, training=False))
    assert np.std(whole) > 0
    depths = {len(cuts) // 4, len(cuts) // 2, 3 * len(cuts) // 4}
    for cut in sorted(depths | {stage.end_cut for stage in backbone.stages}):
        prefix, tail = split_at(trunk, cut)
        parts = np.asarray(tail(prefix(image, training=False), training=False))
        np.testing.assert_allclose(parts, whole, rtol=1e-4, atol=1e-5 * np.abs(whole).max())
        weights = [id(weight) for weight in [*prefix.weights, *tail.weights]]
        assert sorted(weights) == sorted(id(weight) for weight in trunk.weights)


# Those whose graphs hold layers or operations of Keras's own making, or statistics of pixels.
@pytest.mark.parametrize(
    "backbone",
    ["mobilenet_v3_small_075", "efficientnet_b0", "convnext_tiny"],
    indirect=True,
)
def test_a_saved_trunk_answers_as_before(
    backbone: Backbone, pixels: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    image = pixels(backbone.trunk.input_shape[1])
    backbone.trunk.save(tmp_path / "trunk.keras")
    loaded = keras.saving.load_model(tmp_path / "trunk.keras")
    before = np.asarray(backbone.trunk(image, training=False))
    after = np.asarray(loaded(image, training=False))
    np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-6 * np.abs(before).max())
