"""Teach the built-in backbone by two teachers at once, on a GPU.

    export KERAS_BACKEND=jax
    python tools/distill_builtin_backbone.py IMAGES --mobilenet mobilenet_v2.weights.h5 \
        --lite0 efficientnet_lite0.pth --out student
    python tools/pack_builtin_backbone.py student IMAGES

IMAGES are folders or archives of photographs without labels, 40,000 or more. The files hold the
teachers' ImageNet weights with their 1,000 classes. It needs JAX beside tlearn, 4 GB of memory for
the images, and a GPU: without one it can only be tried.

`tlearn distill` asks one teacher about a few stored views. Here both see every view, and no view
comes twice: a random crop or the whole image, mirrored, turned, in other colors, noisy, and two in
five blended with another (mixup). The student starts from the weights that tlearn ships. It learns

    the standardized embeddings of both teachers, of the whole view and of its quadrants,
    the mean of their class probabilities, and
    MobileNetV2's features after two of its stages, pooled, as hints.

Depthwise convolutions are computed as sums of shifted images, because XLA's are slow on GPUs.

The weights that tlearn ships were made by the first form of this script, which differed in that its
learning rate followed the clock (455 seconds, 12,638 steps on one GPU) and that images were stored
as WebP. It started from the weights that `tlearn distill` had made from MobileNetV2 alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from builtin_networks import (
    SIDE,
    TEACHER_SIDE,
    build_student,
    build_teachers,
    shifted_depthwise,
)

from tlearn.data.archives import unpack_archives
from tlearn.data.image_folder import list_images
from tlearn.data.pixel_store import store_pixels
from tlearn.storage.cache import cache_folder
from tlearn.storage.text import write_json

STORED_SIDE, HELD_OUT = 160, 512
MEASURES = ("loss", "embedding_error", "divergence", "hint_error", "agreement")


def resampling(start: Any, length: Any, side: int, stored: int) -> Any:
    """Return the matrices (batch, side, stored) that resample parts of an axis, antialiased."""
    places = start[:, None] + (jnp.arange(side) + 0.5) * length[:, None] / side - 0.5
    reach = jnp.maximum(length / side, 1.0)[:, None, None]
    weights = jax.nn.relu(1 - abs(jnp.arange(stored) - places[:, :, None]) / reach)
    return weights / weights.sum(-1, keepdims=True)


def resize(images: Any, side: int, left: Any, top: Any, width: Any, height: Any) -> Any:
    """Cut boxes, given as fractions of the sides, out of square images and resize them."""
    stored = images.shape[1]
    down = resampling(top * stored, height * stored, side, stored)
    across = resampling(left * stored, width * stored, side, stored)
    images = jnp.einsum("bhy,byxc->bhxc", down, images.astype(jnp.float32))
    return jnp.einsum("bwx,bhxc->bhwc", across, images)


def resize_whole(images: Any, side: int) -> Any:
    """Resize square images."""
    zeros, ones = jnp.zeros(len(images)), jnp.ones(len(images))
    return resize(images, side, zeros, zeros, ones, ones)


def draw_views(key: Any, images: Any, aspect: Any) -> Any:
    """Draw a random view of each image, (batch, TEACHER_SIDE, TEACHER_SIDE, 3), 0-255."""
    keys = iter(jax.random.split(key, 32))

    def number(low: float = 0.0, high: float = 1.0) -> Any:
        return jax.random.uniform(next(keys), (len(images), 1, 1, 1), minval=low, maxval=high)

    def either(share: float, changed: Any, otherwise: Any) -> Any:
        return jnp.where(number() < share, changed, otherwise)

    area, shape, ratio = number(0.15), jnp.exp(number(-0.5, 0.5)), aspect[:, None, None, None]
    width, height = jnp.sqrt(area * shape / ratio), jnp.sqrt(area / shape * ratio)
    whole = number() < 0.3
    width, height = (jnp.where(whole, 1.0, jnp.clip(side, 0.1, 1.0)) for side in (width, height))
    box = (number() * (1 - width), number() * (1 - height), width, height)
    x = resize(images, TEACHER_SIDE, *(value.ravel() for value in box))
    x = either(0.5, x[:, :, ::-1], x)
    x = either(0.1, x[:, ::-1], x)
    x = either(0.1, x.transpose(0, 2, 1, 3), x)
    x = x + either(0.4, number(0.0, 0.5), 0.0) * (x[::-1] - x)  # mixup
    gray, recolored = x.mean(-1, keepdims=True), number() < 0.5
    saturation = jnp.where(recolored, number(0.5, 1.5), 1.0)
    x = either(0.12, gray, gray + (x - gray) * saturation)
    mean = x.mean((1, 2, 3), keepdims=True)
    x = mean + (x - mean) * jnp.where(recolored, number(0.5, 1.6), 1.0)
    x = x + jnp.where(recolored, number(-40.0, 40.0), 0.0)
    x = either(0.04, 255 - x, x)
    x = either(0.03, 255.0 * (x > mean), x)
    x = x + either(0.1, number(0.0, 25.0), 0.0) * jax.random.normal(next(keys), x.shape)
    return jnp.clip(x, 0, 255)


def standardization(batches: Iterator[Sequence[Any]]) -> list[tuple[Any, Any]]:
    """Return the mean and scale of each of the teachers' features, over a few batches."""
    columns = zip(*batches, strict=True)
    rows = [np.concatenate([np.reshape(x, (-1, x.shape[-1])) for x in xs]) for xs in columns]
    return [(x.mean(0), x.std(0) + 0.05) for x in rows[:-1]]


def measures(answers: Sequence[Any], lessons: Sequence[Any], scales: Sequence[Any]) -> Any:
    """Return the MEASURES of the student's answers to a batch; the first is the loss."""
    pairs = zip(answers[:-1], lessons[:-1], scales, strict=True)
    errors = [answer - (lesson - mean) / scale for answer, lesson, (mean, scale) in pairs]
    embedding = sum(jnp.square(e).mean() + 2 * jnp.square(e.mean(1)).mean() for e in errors[:2]) / 4
    hint = sum(jnp.square(e).mean() for e in errors[2:])
    p, q = (jnp.clip(x[-1], 1e-7, 1) for x in (lessons, answers))
    divergence = (lessons[-1] * (jnp.log(p) - jnp.log(q))).sum(-1).mean()
    agreement = (p.argmax(-1) == q.argmax(-1)).mean()
    loss = embedding + 0.7 * divergence + 0.2 * hint
    return jnp.stack([loss, embedding, divergence, hint, agreement])


def values(model: keras.Model) -> tuple[list[Any], list[Any]]:
    """Return the values of a model's variables: the trainable ones, and the others."""
    trainable, others = model.trainable_variables, model.non_trainable_variables
    return [v.value for v in trainable], [v.value for v in others]


def put_values(model: keras.Model, values: tuple[list[Any], list[Any]]) -> None:
    """Set the values of a model's variables."""
    variables = model.trainable_variables + model.non_trainable_variables
    for variable, value in zip(variables, values[0] + values[1], strict=True):
        variable.assign(value)


def answer(model: keras.Model, weights: Sequence[Any], images: Any, training: bool = False) -> Any:
    """Return a model's outputs, and the values of its other variables afterwards."""
    return model.stateless_call(*weights, images, training=training)


def adam(steps: int, rate: float, variables: Sequence[Any]) -> keras.optimizers.Optimizer:
    """Return AdamW with a cosine schedule, for these variables; vectors do not decay."""
    warmup = max(steps // 50, 1)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.02 * rate, max(steps - warmup, 1), warmup_target=rate, warmup_steps=warmup
    )
    optimizer = keras.optimizers.AdamW(schedule, 0.01, beta_2=0.998, global_clipnorm=5.0)
    optimizer.exclude_from_weight_decay(var_list=[v for v in variables if len(v.shape) < 2])
    optimizer.build(variables)
    return optimizer


def teach(
    student: keras.Model,
    teachers: keras.Model,
    draw: Callable[[], tuple[Any, Any]],
    clean: Sequence[Any],
    options: argparse.Namespace,
) -> dict[str, float]:
    """Train the student on batches of views, and measure it on clean images.

    Args:
        student: Answers as the teachers do.
        teachers: From `build_teachers`.
        draw: Draws a batch: stored images, and their widths by their heights.
        clean: Batches of held-out images.
        options: Of the command line.

    Returns:
        The MEASURES on the clean images.
    """
    knowledge, key = values(teachers), jax.random.key(options.seed)

    @jax.jit
    def ask(knowledge: Any, step: Any, images: Any, aspects: Any) -> Any:
        views = draw_views(jax.random.fold_in(key, step), images, aspects)
        return views, answer(teachers, knowledge, views)[0]

    scales = standardization(ask(knowledge, n, *draw())[1] for n in range(8))

    def loss(trainable: Any, others: Any, views: Any, lessons: Any, training: bool) -> Any:
        small = resize_whole(views, SIDE)
        answers, others = answer(student, (trainable, others), small, training)
        measured = measures(answers, lessons, scales)
        return measured[0], (measured, others)

    optimizer = adam(options.steps, options.rate, student.trainable_variables)

    @jax.jit
    def improve(weights: Any, moments: Any, views: Any, lessons: Any) -> Any:
        gradient = jax.grad(partial(loss, training=True), has_aux=True)
        gradients, (measured, others) = gradient(*weights, views, lessons)
        trainable, moments = optimizer.stateless_apply(moments, gradients, weights[0])
        return (trainable, others), moments, measured

    weights, moments = values(student), [v.value for v in optimizer.variables]
    for step in range(options.steps):
        lesson = ask(knowledge, step + 8, *draw())
        weights, moments, measured = improve(weights, moments, *lesson)
        if step % 200 == 0:
            print(step, *np.round(measured, 3), flush=True)
    put_values(student, weights)
    rows = []
    for images in clean:
        views = resize_whole(images, TEACHER_SIDE)
        lessons, _ = answer(teachers, knowledge, views)
        rows.append(loss(*weights, views, lessons, training=False)[1][0])
    means = np.mean(rows, axis=0, dtype=float).round(4)
    return dict(zip(MEASURES, means.tolist(), strict=True))


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("images", type=Path, nargs="+")
    parser.add_argument("--mobilenet", type=Path, required=True)
    parser.add_argument("--lite0", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=12_600)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    assert keras.backend.backend() == "jax", "set KERAS_BACKEND=jax"
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    keras.layers.DepthwiseConv2D.call = shifted_depthwise

    cache = cache_folder()
    paths = list_images(unpack_archives(options.images, cache))
    store = store_pixels(paths, STORED_SIDE, "squash", cache)
    infos = [info for info in store.infos if not info.problem]
    images = store.read([info.sha256 for info in infos])
    aspects = np.array([info.width / info.height for info in infos], np.float32)
    random = np.random.default_rng(options.seed)
    held_out, learned = np.split(random.permutation(len(images)), [min(HELD_OUT, len(images) // 8)])

    def draw() -> tuple[Any, Any]:
        rows = random.choice(learned, options.batch, replace=len(learned) < options.batch)
        return images[rows], aspects[rows]

    teachers = build_teachers(options.mobilenet, options.lite0)
    network, student = build_student(teachers.outputs)
    clean = np.array_split(images[held_out], -(-len(held_out) // 64))
    measured = teach(student, teachers, draw, clean, options)
    options.out.mkdir(parents=True, exist_ok=True)
    network.save_weights(options.out / "student.weights.h5")
    card = {
        "teachers": ["mobilenet_v2", "efficientnet_lite0"],
        "student": "mobilenet_v2_050",
        "image_size": SIDE,
        "teacher_image_size": TEACHER_SIDE,
        "n_images": len(learned),
        "batch": options.batch,
        "steps": options.steps,
        "learning_rate": options.rate,
        "seed": options.seed,
        "held_out": measured,
    }
    write_json(options.out / "distill.json", card)


if __name__ == "__main__":
    main()
