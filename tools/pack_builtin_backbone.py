"""From a student's weights to the files that come with tlearn.

    tlearn distill PICTURES --teacher mobilenet_v2 --teacher-size 160 --views 4 \
        --student mobilenet_v2_050 --image-size 128 --for 60m --out student
    python tools/pack_builtin_backbone.py student PICTURES
    python tools/pack_builtin_backbone.py --probe        (the probe alone, when its form has changed)

Three steps make the files small without making them differ from each other. Source classes that
the student hardly ever names on PICTURES are left out. Each normalisation is folded into its
convolution, but for a power of two, so that every kernel is rounded to float16 once. The LiteRT
probe, written in float16, then computes with the very numbers that Keras reads.
"""

from __future__ import annotations

import argparse
import shutil
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
from tlearn.models.resolve import resolve_backbone
from tlearn.models.source_classes import source_names
from tlearn.models.stages import nodes_in_order
from tlearn.models.weights_file import read_facts
from tlearn.storage.cache import cache_folder

SOURCE_CLASSES = 300
IMAGES = 4_000
SPEC = find_backbone(BUILTIN)


def read_student(folder: Path) -> keras.Model:
    path = folder / "student.weights.h5"
    classes = read_facts(path, SPEC).classes
    network = build(classes)
    network.load_weights(path)
    return network


def build(classes: int | None) -> keras.Model:
    image = keras.Input((SPEC.image_size, SPEC.image_size, 3), name="image", dtype="float32")
    return build_network(SPEC, image, classes)[0]


def named_most(network: keras.Model, pixels: np.ndarray) -> np.ndarray:
    """Places of the source classes with the largest mean probability."""
    mean = network.predict(pixels, batch_size=64, verbose=0).mean(axis=0)
    return np.sort(np.argsort(-mean)[:SOURCE_CLASSES])


def with_classes(network: keras.Model, kept: np.ndarray) -> keras.Model:
    smaller = build(len(kept))
    for mine, theirs in zip(smaller.layers[:-1], network.layers[:-1], strict=True):
        mine.set_weights(theirs.get_weights())
    smaller.layers[-1].set_weights([v[..., kept] for v in network.layers[-1].get_weights()])
    return smaller


def halve(network: keras.Model) -> None:
    """Fold norms into convolutions, and round all to float16."""
    nodes = list(nodes_in_order(network))
    made_by = {id(node.outputs[0]): node.operation for node in nodes}
    for node in nodes:
        if isinstance(node.operation, keras.layers.BatchNormalization):
            fold(made_by[id(node.input_tensors[0])], node.operation)
    last = network.layers[-1]
    last.set_weights([half(value) for value in last.get_weights()])


def fold(convolution: Any, norm: Any) -> None:
    gamma, beta, mean, variance = norm.get_weights()
    scale = gamma / np.sqrt(variance + norm.epsilon)
    power = 2.0 ** np.round(np.log2(np.maximum(np.abs(scale), 1e-6)))
    (kernel,) = convolution.get_weights()
    axis = (..., None) if isinstance(convolution, keras.layers.DepthwiseConv2D) else (...,)
    convolution.set_weights([half(kernel * (scale / power)[axis])])
    one = np.full_like(variance, 1 - norm.epsilon)
    norm.set_weights([power, half(beta - mean * scale), np.zeros_like(mean), one])


def half(values: np.ndarray) -> np.ndarray:
    return values.astype(np.float16).astype(np.float32)


def write_half(network: keras.Model, path: Path) -> None:
    """Keras's own file, arrays in float16 where nothing is lost."""
    import h5py

    wide = path.with_name("wide.weights.h5")
    network.save_weights(wide)
    with h5py.File(wide) as old, h5py.File(path, "w") as new:

        def copy(name: str, item: Any) -> None:
            if not isinstance(item, h5py.Dataset):
                made = new.create_group(name)
            else:
                values = item[()]
                exact = values.dtype == np.float32 and np.array_equal(values, half(values))
                made = new.create_dataset(name, data=values.astype("f2") if exact else values)
            made.attrs.update(item.attrs)

        new.attrs.update(old.attrs)
        old.visititems(copy)
    wide.unlink()


def write_features() -> None:
    """Write the LiteRT file that computes the features of the shipped weights."""
    made = make_extractor(SHIPPED, resolve_backbone(BUILTIN, None, None).load(), "float16").path
    shipped = SHIPPED / SHIPPED_FEATURES
    for suffix in (".tflite", ".json"):
        made.with_suffix(suffix).replace(shipped.with_suffix(suffix))
    made.parent.rmdir()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("student", type=Path, nargs="?")
    parser.add_argument("images", type=Path, nargs="*")
    parser.add_argument("--features", action="store_true")
    chosen = parser.parse_args()
    if chosen.features:
        return write_features()
    cache = cache_folder()
    paths = list_images(unpack_archives(chosen.images, cache))[:IMAGES]
    store = store_pixels(paths, SPEC.image_size, "squash", cache)
    pixels = store.read([info.sha256 for info in store.infos]).astype(np.float32)

    student = read_student(chosen.student)
    kept = named_most(student, pixels)
    packed = with_classes(student, kept)
    before = packed.predict(pixels, batch_size=64, verbose=0)
    halve(packed)
    after = packed.predict(pixels, batch_size=64, verbose=0)
    write_half(packed, SHIPPED / "builtin.weights.h5")
    write_features()
    shutil.copyfile(chosen.student / "distill.json", SHIPPED / "builtin.json")
    names = source_names(None, student.output_shape[-1])
    assert names is not None, "the student has ImageNet's classes"
    labels = "".join(f"{names[n]}\n" for n in kept)
    (SHIPPED / "builtin.labels.txt").write_text(labels, "utf-8")
    print(f"rounding: {(before.argmax(1) == after.argmax(1)).mean():.1%} named alike,")
    print(f"largest difference of a probability {abs(before - after).max():.4f}")
    for file in sorted(SHIPPED.iterdir()):
        print(f"{file.stat().st_size:>10,} {file.name}")


if __name__ == "__main__":
    main()
