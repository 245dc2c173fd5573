"""What would people write without tlearn? A careful script and a tutorial's, in plain Keras.

    python -m benchmarks.plain_keras RUN/split.csv FOLDER WEIGHTS --script careful --size 224

Trains on the train split of a run of tlearn and prints one line of JSON: test accuracy after
training the head on the frozen network and after tuning, and seconds since the process started.
"""

from __future__ import annotations

import time

STARTED = time.perf_counter()

import argparse  # noqa: E402
import csv  # noqa: E402
import json  # noqa: E402
from pathlib import Path  # noqa: E402

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402


def dataset(rows: list[dict[str, str]], folder: Path, size: int, shuffle: bool) -> tf.data.Dataset:
    """Return batches of images and labels for rows of the split file."""

    def read(path: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        image = tf.io.decode_image(tf.io.read_file(path), channels=3, expand_animations=False)
        return tf.cast(tf.image.resize(image, (size, size), antialias=True), tf.uint8), label

    paths = [str(folder / row["name"]) for row in rows]
    labels = [int(row["label"]) for row in rows]
    data = tf.data.Dataset.from_tensor_slices((paths, labels))
    data = data.map(read, num_parallel_calls=tf.data.AUTOTUNE).cache()
    return (data.shuffle(len(rows)) if shuffle else data).batch(32).prefetch(tf.data.AUTOTUNE)


def network(
    weights: Path, size: int, classes: int, augment: bool
) -> tuple[keras.Model, keras.Model]:
    """Return a classifier on MobileNetV2, and the pretrained network inside it."""
    whole = keras.applications.MobileNetV2(weights=None)
    whole.load_weights(weights)
    base = keras.applications.MobileNetV2((size, size, 3), include_top=False, weights=None)
    base.set_weights(whole.get_weights()[: len(base.get_weights())])
    inputs = keras.Input((size, size, 3))
    x = inputs
    if augment:
        x = keras.layers.RandomRotation(0.2)(keras.layers.RandomFlip("horizontal")(x))
    x = base(keras.layers.Rescaling(1 / 127.5, -1)(x), training=False)
    x = keras.layers.GlobalAveragePooling2D()(x)
    if augment:
        x = keras.layers.Dropout(0.2)(x)
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x)), base


def fit(model: keras.Model, optimizer: keras.optimizers.Optimizer, data: tf.data.Dataset) -> None:
    """Train for ten epochs."""
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(data, epochs=10, verbose=0)


def main() -> None:
    """Parse the command line, train twice and print the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifest", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--script", choices=["careful", "tutorial"], default="careful")
    parser.add_argument("--size", type=int, default=224)
    arguments = parser.parse_args()
    careful = arguments.script == "careful"
    with arguments.manifest.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    classes = len({row["label"] for row in rows})
    splits = {
        split: [row for row in rows if row["split"] == split] for split in ("train", "val", "test")
    }
    train = dataset(splits["train"], arguments.folder, arguments.size, shuffle=True)
    test = dataset(splits["test"] or splits["val"], arguments.folder, arguments.size, shuffle=False)

    keras.utils.set_random_seed(0)
    model, base = network(arguments.weights, arguments.size, classes, augment=not careful)
    base.trainable = False
    fit(model, keras.optimizers.Adam(1e-3 if careful else 1e-4), train)
    frozen_seconds = time.perf_counter() - STARTED
    frozen = model.evaluate(test, verbose=0)[1]
    base.trainable = True
    for number, layer in enumerate(base.layers):
        if careful:
            layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)
        else:
            layer.trainable = number >= 100
    fit(model, keras.optimizers.Adam(1e-4) if careful else keras.optimizers.RMSprop(1e-5), train)
    tuned = model.evaluate(test, verbose=0)[1]
    seconds = time.perf_counter() - STARTED
    print(
        json.dumps(
            {
                "script": arguments.script,
                "frozen": round(frozen, 4),
                "frozen_seconds": round(frozen_seconds, 1),
                "tuned": round(tuned, 4),
                "seconds": round(seconds, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
