"""Which families of KerasHub can tlearn use? Small random presets, trained, saved and exported.

    python -m benchmarks.hub [FAMILY ...]

Each is saved as a preset, loaded by `hub:FOLDER`, and a linear head is solved on it for the images
of `tlearn demo`. "yes" for a format: `tlearn export` has written the file and found that it gives
the run's own answers; the gates of int8 compare its accuracy. Weights are random: this shows what
converts, not how good a family is.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tlearn import api
from tlearn.commands.demo import write_digits
from tlearn.errors import TlearnError
from tlearn.models.hub import load_preset
from tlearn.models.stages import find_stages

SIZE = 64
SHAPE = (SIZE, SIZE, 3)
FORMATS = {"LiteRT": ("tflite", "none"), "int8": ("tflite", "int8"), "ONNX": ("onnx", "none")}


def families() -> dict[str, Callable[[], Any]]:
    """Return what builds a small network of each family."""
    from keras_hub import models as hub

    resnet: dict[str, Any] = {
        "input_conv_filters": [16, 16, 64],
        "input_conv_kernel_sizes": [3, 3, 3],
        "stackwise_num_filters": [64, 64, 64, 128],
        "stackwise_num_blocks": [1, 1, 1, 1],
        "stackwise_num_strides": [1, 2, 2, 2],
        "image_shape": SHAPE,
    }
    vit: dict[str, Any] = {"patch_size": 16, "num_layers": 6, "hidden_dim": 32, "num_heads": 2}
    vit |= {"image_shape": SHAPE}
    dino = vit | {"intermediate_dim": 64}
    siglip = {"vocabulary_size": 50, "embedding_dim": 32, "hidden_dim": 32, "num_layers": 1}
    siglip |= {"num_heads": 2, "intermediate_dim": 32, "max_sequence_length": 8}
    return {
        "ResNet-D": lambda: hub.ResNetBackbone(**resnet, block_type="bottleneck_block"),
        "ResNet-vd": lambda: hub.ResNetBackbone(**resnet, block_type="basic_block_vd"),
        "CSPNet": _cspnet,
        "HGNetV2": _hgnet,
        "EfficientNet-Lite": _efficientnet_lite,
        "MobileNetV3": _mobilenet_v3,
        "MobileNetV5": _mobilenet_v5,
        "ViT": lambda: hub.ViTBackbone(**vit, mlp_dim=64),
        "DeiT": lambda: hub.DeiTBackbone(**dino),
        "Swin": lambda: hub.SwinTransformerBackbone(SHAPE, 16, (2, 2, 2, 2), (1, 2, 2, 4), 2),
        "SigLIP": lambda: hub.SigLIPBackbone(
            hub.SigLIPVisionEncoder(**dino), hub.SigLIPTextEncoder(**siglip)
        ),
        "DINOv2": lambda: hub.DINOV2Backbone(**dino, position_embedding_shape=SHAPE),
        "DINOv2, registers": lambda: hub.DINOV2Backbone(
            **dino, position_embedding_shape=SHAPE, num_register_tokens=4
        ),
        "DINOv3": lambda: hub.DINOV3Backbone(**dino),
    }


def _cspnet() -> Any:
    from keras_hub.models import CSPNetBackbone

    return CSPNetBackbone(
        stem_filters=16,
        stem_kernel_size=3,
        stem_strides=1,
        stackwise_depth=[1, 2, 2, 1],
        stackwise_strides=[2, 2, 2, 2],
        stackwise_num_filters=[32, 32, 64, 64],
        block_type="dark_block",
        stage_type="csp",
        bottle_ratio=(0.5, 1.0),
        block_ratio=(1.0, 0.5),
        expand_ratio=(2.0, 1.0),
        stem_padding="same",
        down_growth=True,
    )


def _hgnet() -> Any:
    from keras_hub.models import HGNetV2Backbone

    return HGNetV2Backbone(
        depths=[1, 1, 2],
        embedding_size=16,
        hidden_sizes=[32, 64, 64],
        stem_channels=[3, 8, 16],
        hidden_act="relu",
        use_learnable_affine_block=True,
        stackwise_stage_filters=[
            (16, 16, 32, 1, 2, 3),
            (32, 32, 64, 1, 2, 3),
            (64, 32, 64, 2, 2, 3),
        ],
        apply_downsample=[False, True, True],
        use_lightweight_conv_block=[False, False, True],
    )


def _efficientnet_lite() -> Any:
    from keras_hub.models import EfficientNetBackbone

    return EfficientNetBackbone(
        stackwise_width_coefficients=[0.25] * 7,
        stackwise_depth_coefficients=[0.5] * 7,
        stackwise_kernel_sizes=[3, 3, 5, 3, 5, 5, 3],
        stackwise_num_repeats=[1, 2, 2, 3, 3, 4, 1],
        stackwise_input_filters=[32, 16, 24, 40, 80, 112, 192],
        stackwise_output_filters=[16, 24, 40, 80, 112, 192, 320],
        stackwise_expansion_ratios=[1, 6, 6, 6, 6, 6, 6],
        stackwise_squeeze_and_excite_ratios=[0] * 7,
        stackwise_strides=[1, 2, 2, 2, 1, 2, 1],
        stackwise_block_types=["v1"] * 7,
        activation="relu6",
    )


def _mobilenet_v3() -> Any:
    from keras_hub.models import MobileNetBackbone

    return MobileNetBackbone(
        stackwise_expansion=[[40, 56], [64, 144], [72], [144, 288]],
        stackwise_num_blocks=[2, 2, 1, 2],
        stackwise_num_filters=[[16, 16], [24, 24], [24], [48, 48]],
        stackwise_kernel_size=[[3, 3], [5, 5], [5], [5, 5]],
        stackwise_num_strides=[[2, 1], [2, 1], [1], [2, 1]],
        stackwise_se_ratio=[[None, None], [0.25, 0.25], [0.25], [0.25, 0.25]],
        stackwise_activation=[["relu"] * 2, ["hard_swish"] * 2, ["hard_swish"], ["hard_swish"] * 2],
        stackwise_padding=[[1, 1], [2, 2], [2], [2, 2]],
        output_num_filters=288,
        input_num_filters=16,
        depthwise_filters=8,
        depthwise_stride=2,
        depthwise_residual=False,
        squeeze_and_excite=0.5,
        last_layer_filter=288,
    )


def _mobilenet_v5() -> Any:
    from keras_hub.models import MobileNetV5Backbone

    def each(first: Any, second: Any, third: Any, last: Any) -> list[list[Any]]:
        return [[first], [second, second], [third, last]]

    names = ("dw_start_kernel_sizes", "dw_end_kernel_sizes", "se_ratios", "use_cpe")
    return MobileNetV5Backbone(
        stackwise_block_types=each("er", "uir", "uir", "mqa"),
        stackwise_num_blocks=[1, 2, 2],
        stackwise_num_filters=each(24, 48, 64, 64),
        stackwise_strides=[[2], [2, 1], [2, 1]],
        stackwise_act_layers=each("relu", "relu", "relu", "relu"),
        stackwise_exp_ratios=each(4.0, 6.0, 4.0, 4.0),
        stackwise_dw_kernel_sizes=each(0, 5, 5, 5),
        stackwise_exp_kernel_sizes=each(3, 0, 0, 0),
        stackwise_pw_kernel_sizes=each(1, 0, 0, 0),
        stackwise_num_heads=each(0, 0, 0, 2),
        stackwise_key_dims=each(0, 0, 0, 16),
        stackwise_value_dims=each(0, 0, 0, 16),
        stackwise_kv_strides=each(0, 0, 0, 1),
        use_msfa=False,
        **{f"stackwise_{name}": each(0, 0, 0, 0) for name in names},
    )


def save_preset(family: str, folder: Path) -> None:
    """Save a small random network of a family as a preset, with an image converter."""
    import keras
    from keras_hub import layers

    keras.utils.set_random_seed(0)
    network = families()[family]()
    noise = np.random.default_rng(0)
    for weight in network.trainable_weights:  # class tokens and biases start at 0
        weight.assign_add(noise.normal(0, 0.05, weight.shape))
    norms = [x for x in network._flatten_layers() if isinstance(x, keras.layers.BatchNormalization)]
    for layer in norms:
        layer.momentum = 0.0
    if norms:  # without statistics the features of all images are nearly the same
        network(noise.normal(size=(8, *SHAPE)), training=True)
    network.save_to_preset(str(folder))
    kinds = (kind for kind in vars(layers).values() if isinstance(kind, type))
    kind = next(k for k in kinds if getattr(k, "backbone_cls", None) is type(network))
    converter = kind(image_size=SHAPE[:2], scale=[0.02, 0.017, 0.014], offset=[-2.0, -2.1, -1.9])
    converter.save_to_preset(str(folder))


def try_family(family: str, images: Path, folder: Path) -> list[str]:
    """Return a row of the table."""
    save_preset(family, folder / "preset")
    flags = {"backbone": f"hub:{folder / 'preset'}", "policy": "linear_head"}
    api.finetune(images, flags=flags, out=folder / "run")
    cells = [family, str(len(find_stages(load_preset(folder / "preset", SIZE))))]
    for kind in FORMATS.values():
        try:
            api.export(folder / "run", [kind])
            cells.append("yes")
        except TlearnError as error:
            cells.append(f"no: {error.message}")
    return cells


def main() -> None:
    """Print the table."""
    print("| family | stages | " + " | ".join(FORMATS) + " |")
    print("|---|---" + "|---" * len(FORMATS) + "|")
    for family in sys.argv[1:] or families():
        with tempfile.TemporaryDirectory() as folder:
            images, _ = write_digits(Path(folder, "images"), per_class=12)
            print("| " + " | ".join(try_family(family, images, Path(folder))) + " |", flush=True)


if __name__ == "__main__":
    main()
