"""Stages: small networks for one rule each, then one real network of each family."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import layers

from tests.models.keras_networks import chain, names_of_cuts
from tlearn.models.backbone import Backbone, load_backbone, up_to
from tlearn.models.catalog import find_backbone
from tlearn.models.cuts import find_cuts, split_at
from tlearn.models.stages import find_stages, layers_of_stage

CHANNELS_OF_STAGES = {
    "mobilenet_025": (16, 32, 64, 128, 256),
    "mobilenet_v2_035": (8, 8, 16, 32, 1280),
    "mobilenet_v3_small_075": (16, 16, 24, 40, 432),
    "mobilenet_v3_large_minimalistic": (16, 24, 40, 112, 960),
    "efficientnet_b0": (16, 24, 40, 112, 1280),
    "efficientnet_lite0": (16, 24, 40, 112, 1280),
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


SLOW = {"mobilenet_v3_large_minimalistic", "efficientnet_v2_b0", "resnet50_v2", "xception"}
SLOW |= {"inception_resnet_v2"}
"""Built by the rules of another: these make the test run longer, and no rule is theirs alone."""


def ends(trunk: keras.Model) -> list[str]:
    cuts = names_of_cuts(trunk)
    return [cuts[stage.end_cut] for stage in find_stages(trunk)]


def test_a_stage_ends_before_padding_and_downsampling() -> None:
    trunk = chain(
        layers.Conv2D(4, 3, padding="same", strides=2, name="a"),
        layers.ReLU(name="a_relu"),
        layers.ZeroPadding2D(1, name="pad"),
        layers.Conv2D(8, 3, strides=2, name="b"),
    )
    assert ends(trunk) == ["a_relu", "b"]


def test_unpadded_convolutions_stay_in_their_stage() -> None:
    trunk = chain(
        layers.Conv2D(4, 3, strides=2, name="a"),
        layers.Conv2D(4, 3, name="b"),
        layers.Conv2D(4, 3, strides=2, name="c"),
    )
    assert ends(trunk) == ["b", "c"]


@pytest.mark.parametrize(("channels", "end"), [(24, "narrow"), (17, "narrow"), (16, "wide_relu")])
def test_expansion_before_downsampling_belongs_to_the_next_stage(channels: int, end: str) -> None:
    trunk = chain(
        layers.Conv2D(8, 3, strides=2, padding="same", name="narrow"),
        layers.Conv2D(channels, 1, name="wide"),
        layers.ReLU(name="wide_relu"),
        layers.DepthwiseConv2D(3, strides=2, padding="same", name="down"),
        layers.Conv2D(16, 1, name="project"),
    )
    assert ends(trunk) == [end, "project"]
    # A head reads the expansion in either case: it has this size and more channels.
    head_cuts = [names_of_cuts(trunk)[stage.head_cut] for stage in find_stages(trunk)]
    assert head_cuts == ["wide_relu", "project"]
    first = find_stages(trunk)[0]
    assert first.width == channels
    assert first.params_after_cut == (9 * channels if end == "narrow" else 0)


def test_layers_without_weights_join_a_neighboring_stage() -> None:
    trunk = chain(
        layers.Rescaling(1 / 255),
        layers.MaxPooling2D(),
        layers.Conv2D(4, 3, padding="same", name="a"),
        layers.MaxPooling2D(name="pool"),
        layers.Conv2D(8, 3, padding="same", name="b"),
        layers.MaxPooling2D(name="last_pool"),
    )
    stages = find_stages(trunk)
    assert ends(trunk) == ["a", "last_pool"]
    assert [(stage.size, stage.layers) for stage in stages] == [(16, 1), (4, 1)]
    assert [stage.name for stage in stages] == ["stage 1", "stage 2"]
    assert [stage.parameters for stage in stages] == [112, 296]


def test_a_network_with_nearly_all_weights_between_two_cuts_is_one_stage() -> None:
    trunk = chain(
        layers.Conv2D(1, 1, strides=2), layers.Conv2D(400, 3, strides=2, name="nearly_all")
    )
    assert ends(trunk) == ["nearly_all"]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in CHANNELS_OF_STAGES
    ],
)
def backbone(request: pytest.FixtureRequest, randomize_statistics: Callable[..., None]) -> Backbone:
    keras.backend.clear_session()
    spec = find_backbone(request.param)
    loaded = load_backbone(spec, None, max(64, spec.min_image_size))
    randomize_statistics(loaded.trunk)
    return loaded


def test_the_catalog_has_the_numbers_of_the_built_trunk(backbone: Backbone) -> None:
    spec, trunk = backbone.spec, backbone.trunk
    assert trunk.count_params() == spec.parameters
    assert trunk.output_shape[-1] == spec.embedding_size
    assert len(trunk.output_shape) == 4
    assert trunk.inputs[0].name == "image"
    assert backbone.classifier is None


def test_stages_follow_the_architecture(backbone: Backbone) -> None:
    stages = backbone.stages
    assert tuple(stage.channels for stage in stages) == CHANNELS_OF_STAGES[backbone.spec.name]
    assert [stage.index for stage in stages] == list(range(len(stages)))
    sizes = [stage.size for stage in stages]
    assert sizes == sorted(set(sizes), reverse=True)
    cuts = find_cuts(backbone.trunk)
    assert stages[-1].end_cut == len(cuts) - 1
    for stage in stages:
        assert cuts[stage.end_cut].shape[1:] == (stage.size, stage.size, stage.channels)
        assert cuts[stage.head_cut].shape[1:] == (stage.size, stage.size, stage.width)


def test_weights_up_to_a_head_are_counted(backbone: Backbone) -> None:
    for number in range(1, len(backbone.stages) + 1):
        short = up_to(backbone, number)
        total = sum(stage.parameters for stage in short.stages)
        assert total == short.trunk.count_params()
        whole = backbone.stages[:number]
        assert total == sum(stage.parameters for stage in whole) + whole[-1].params_after_cut
        assert short.stages[-1].channels == short.trunk.output_shape[-1] == whole[-1].width


def test_every_layer_with_weights_is_in_one_stage(backbone: Backbone) -> None:
    groups = layers_of_stage(backbone.trunk, backbone.stages)
    listed = [id(layer) for group in groups for layer in group]
    assert sorted(listed) == sorted(id(x) for x in backbone.trunk.layers if x.weights)
    assert sum(stage.parameters for stage in backbone.stages) == backbone.spec.parameters
    assert [len(group) for group in groups] == [stage.layers for stage in backbone.stages]


def test_prefix_and_tail_have_all_weights_between_them(backbone: Backbone) -> None:
    trunk = backbone.trunk
    for stage in backbone.stages:
        prefix, tail = split_at(trunk, stage.end_cut)
        weights = [id(weight) for weight in [*prefix.weights, *tail.weights]]
        assert sorted(weights) == sorted(id(weight) for weight in trunk.weights)


def test_prefix_and_tail_compute_what_the_whole_network_does(
    backbone: Backbone, pixels: Callable[..., np.ndarray]
) -> None:
    trunk = backbone.trunk
    n_cuts = len(find_cuts(trunk))
    image = pixels(trunk.input_shape[1])
    whole = np.asarray(trunk(image, training=False))
    assert np.std(whole) > 0
    for cut in (n_cuts // 3, 2 * n_cuts // 3):
        prefix, tail = split_at(trunk, cut)
        divided = np.asarray(tail(prefix(image, training=False), training=False))
        np.testing.assert_allclose(divided, whole, rtol=1e-4, atol=1e-5 * np.abs(whole).max())
