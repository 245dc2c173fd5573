"""Pack the weights of a distilled student into the files that come with tlearn.

    tlearn distill IMAGES --teacher mobilenet_v2 --teacher-size 160 --views 4 \
        --student mobilenet_v2_050 --image-size 128 --for 60m --out student
    python tools/pack_builtin_backbone.py student IMAGES
    python tools/pack_builtin_backbone.py --features    (the feature extractor alone)

Three steps make the files small, and equal in what they compute. Source classes that the student
hardly ever names on IMAGES are left out. Each batch normalization is folded into its convolution,
but for a power of two, so that every kernel is rounded to float16 once. The feature extractor for
LiteRT, written in float16, then computes with the same numbers that Keras reads.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tlearn.data.archives import unpack_archives
from tlearn.data.image_folder import list_images
from tlearn.data.pixel_store import store_pixels
from tlearn.features.extractor import make_extractor
from tlearn.models.applications import build_network
from tlearn.models.catalog import BUILTIN, SHIPPED, SHIPPED_FEATURES, find_backbone
from tlearn.models.cuts import nodes_in_order
from tlearn.models.resolve import resolve_backbone
from tlearn.models.source_classes import source_names
from tlearn.models.weights_file import read_weights_info
from tlearn.storage.cache import cache_folder

SOURCE_CLASSES = 300
IMAGES = 4_000
SPEC = find_backbone(BUILTIN)


def read_student(folder: Path) -> keras.Model:
    """Build the student and load the weights that `tlearn distill` has written."""
    path = folder / "student.weights.h5"
    network = build(read_weights_info(path, SPEC).classes)
    network.load_weights(path)
    return network


def build(classes: int | None) -> keras.Model:
    """Build the network of the built-in backbone."""
    image = keras.Input((SPEC.image_size, SPEC.image_size, 3), name="image", dtype="float32")
    return build_network(SPEC, image, classes)[0]


def most_probable_classes(network: keras.Model, pixels: np.ndarray) -> np.ndarray:
    """Return the indices of the source classes with the largest mean probability."""
    mean = network.predict(pixels, batch_size=64, verbose=0).mean(axis=0)
    return np.sort(np.argsort(-mean)[:SOURCE_CLASSES])


def with_classes(network: keras.Model, classes: np.ndarray) -> keras.Model:
    """Copy a network with some of its source classes only."""
    smaller = build(len(classes))
    for copy, layer in zip(smaller.layers[:-1], network.layers[:-1], strict=True):
        copy.set_weights(layer.get_weights())
    smaller.layers[-1].set_weights([v[..., classes] for v in network.layers[-1].get_weights()])
    return smaller


def round_weights(network: keras.Model) -> None:
    """Fold batch normalizations into convolutions, and round all weights to float16."""
    nodes = list(nodes_in_order(network))
    producers = {id(node.outputs[0]): node.operation for node in nodes}
    for node in nodes:
        if isinstance(node.operation, keras.layers.BatchNormalization):
            fold(producers[id(node.input_tensors[0])], node.operation)
    last = network.layers[-1]
    last.set_weights([rounded(value) for value in last.get_weights()])


def fold(convolution: Any, norm: Any) -> None:
    """Fold a batch normalization into the convolution before it, but for a power of two."""
    gamma, beta, mean, variance = norm.get_weights()
    scale = gamma / np.sqrt(variance + norm.epsilon)
    power = 2.0 ** np.round(np.log2(np.maximum(np.abs(scale), 1e-6)))
    (kernel,) = convolution.get_weights()
    axis = (..., None) if isinstance(convolution, keras.layers.DepthwiseConv2D) else (...,)
    convolution.set_weights([rounded(kernel * (scale / power)[axis])])
    unit_variance = np.full_like(variance, 1 - norm.epsilon)
    norm.set_weights([power, rounded(beta - mean * scale), np.zeros_like(mean), unit_variance])


def rounded(values: np.ndarray) -> np.ndarray:
    """Round values to float16; the result is float32."""
    return values.astype(np.float16).astype(np.float32)


def write_float16(network: keras.Model, path: Path) -> None:
    """Write Keras's own file of weights, with arrays in float16 where nothing is lost."""
    import h5py

    wide = path.with_name("wide.weights.h5")
    network.save_weights(wide)
    with h5py.File(wide) as old, h5py.File(path, "w") as new:

        def copy(name: str, item: Any) -> None:
            if not isinstance(item, h5py.Dataset):
                target = new.create_group(name)
            else:
                values = item[()]
                exact = values.dtype == np.float32 and np.array_equal(values, rounded(values))
                target = new.create_dataset(name, data=values.astype("f2") if exact else values)
            target.attrs.update(item.attrs)

        new.attrs.update(old.attrs)
        old.visititems(copy)
    wide.unlink()


def write_features() -> None:
    """Write the LiteRT file that computes the features of the shipped weights."""
    backbone = resolve_backbone(BUILTIN, None, None).load()
    with tempfile.TemporaryDirectory() as folder:
        path = make_extractor(Path(folder), backbone, "float16").path
        for suffix in (".tflite", ".json"):
            target = (SHIPPED / SHIPPED_FEATURES).with_suffix(suffix)
            shutil.copyfile(path.with_suffix(suffix), target)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("student", type=Path, nargs="?")
    parser.add_argument("images", type=Path, nargs="*")
    parser.add_argument("--features", action="store_true")
    options = parser.parse_args()
    if options.features:
        return write_features()
    cache = cache_folder()
    paths = list_images(unpack_archives(options.images, cache))[:IMAGES]
    store = store_pixels(paths, SPEC.image_size, "squash", cache)
    pixels = store.read([info.sha256 for info in store.infos]).astype(np.float32)

    student = read_student(options.student)
    classes = most_probable_classes(student, pixels)
    packed = with_classes(student, classes)
    before = packed.predict(pixels, batch_size=64, verbose=0)
    round_weights(packed)
    after = packed.predict(pixels, batch_size=64, verbose=0)
    write_float16(packed, SHIPPED / "builtin.weights.h5")
    write_features()
    shutil.copyfile(options.student / "distill.json", SHIPPED / "builtin.json")
    names = source_names(None, student.output_shape[-1])
    assert names is not None, "the student has ImageNet's classes"
    labels = "".join(f"{names[n]}\n" for n in classes)
    (SHIPPED / "builtin.labels.txt").write_text(labels, "utf-8")
    print(f"after rounding: {(before.argmax(1) == after.argmax(1)).mean():.1%} predicted alike,")
    print(f"largest difference of a probability {abs(before - after).max():.4f}")
    for file in sorted(SHIPPED.iterdir()):
        print(f"{file.stat().st_size:>10,} {file.name}")


if __name__ == "__main__":
    main()
