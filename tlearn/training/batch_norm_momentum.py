"""How fast the moving statistics of batch normalization follow the batches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras

_LEFT_AFTER_AN_EPOCH = 0.1
"""Share of the moving statistics that is older than an epoch, at most."""


@contextmanager
def follow_batches(network: keras.Model, steps_per_epoch: int) -> Iterator[None]:
    """Lower the momentum of trained batch normalization to what an epoch's batches can fill.

        moving = momentum * moving + (1 - momentum) * batch

    Networks come with a momentum of .99 or .999, made for thousands of steps an epoch. In a dozen
    steps the moving statistics would stay near their initial values, while training itself
    normalizes by the batch: validation would score another network than the one that was trained.

    Args:
        network: Compile it inside; its layers get their own momentum back afterwards.
        steps_per_epoch: Batches in an epoch.

    References:
        Wu and Johnson 2021, Rethinking "Batch" in BatchNorm (arXiv 2105.07576), section 3: an
        average with a long memory lags behind the network. They compute the statistics anew after
        training; a memory of one epoch came to the same on two small folders, without the passes
        over the images that this takes.
    """
    layers = network._flatten_layers()
    norms = [x for x in layers if isinstance(x, keras.layers.BatchNormalization) and x.trainable]
    momenta = [norm.momentum for norm in norms]
    try:
        for norm in norms:
            norm.momentum = min(norm.momentum, _LEFT_AFTER_AN_EPOCH ** (1 / steps_per_epoch))
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
