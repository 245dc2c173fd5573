"""Which images may be copies of each other: coarse shapes, compared by matrix products.

Each image is described by the low frequencies of its gray thumbnail, and so are its likely copies:
crops, small rotations, and the mirror images of both. A copy then lies close to one of them. Close
is measured in units of what a copy changes (a discriminant analysis on copies made of the folder's
own images): in a folder of X-rays, where all images share their coarse shape, what tells them apart
counts more.

A mirror changes the sign of the odd frequencies. The space keeps even and odd ones apart, so that
one pair of products compares an image with a likely copy and with its mirror image.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlearn.data.copy_alignment import compose, placed, rotation, warp
from tlearn.data.pixel_store import bounded_map
from tlearn.progress import StepProgress

SIDE = 32
"""Of the thumbnails that are described, in pixels."""

_FREQUENCIES = 10
_INTERVALS = ((0.0, 1.0), (0.0, 0.9), (0.1, 1.0), (0.1, 0.9), (0.0, 0.8), (0.2, 1.0))
"""Parts of a side that crops show."""

_CENTER = 3 * len(_INTERVALS) + 3
_ROTATIONS = (4.0, -4.0)
_WIDTH = 64
_SAMPLE = 200
_BLOCK = 64
_COLUMNS = 1024
_TILE = (16, 256)
"""Images whose likely copies are compared at once, and with how many: their products stay in the
processor's cache."""

_ODD = np.tile([False, True], _FREQUENCIES * _FREQUENCIES // 2)[1:]
"""Which frequencies are odd along x."""


@dataclass(frozen=True)
class _CopySpace:
    """Directions in which images differ more than their copies do.

    Attributes:
        mean: (frequencies - 1,) of images and their mirror images.
        base: (frequencies - 1, width), the even directions first.
        even: How many those are.
    """

    mean: np.ndarray
    base: np.ndarray
    even: int

    def project(self, vectors: np.ndarray) -> np.ndarray:
        """Take vectors of `_describe` there, as unit vectors."""
        return _unit((vectors - self.mean) @ self.base)

    def products(
        self,
        likely: np.ndarray,
        whole: np.ndarray,
        into: Sequence[np.ndarray | None] = (None, None),
    ) -> tuple[np.ndarray, ...]:
        """Return those of the even and of the odd part; a mirror image negates the odd one."""
        parts = slice(self.even), slice(self.even, None)
        other = whole.swapaxes(-1, -2)
        return tuple(
            np.matmul(likely[..., part], other[..., part, :], out=out)
            for part, out in zip(parts, into, strict=True)
        )


@dataclass(frozen=True)
class Candidates:
    """Pairs of images that may show the same.

    Attributes:
        part: (m,) rows: the image that seems to show a part, or the whole, of the other.
        whole: (m,) rows of the others.
        place: (m, 2, 3), where in `whole` the points of `part` are, in coordinates from -1 to 1.
    """

    part: np.ndarray
    whole: np.ndarray
    place: np.ndarray


def find_candidates(
    thumbnails: np.ndarray, count: int, lowest: float, progress: StepProgress | None = None
) -> Candidates:
    """Find the images closest to each image and to its likely copies.

    Args:
        thumbnails: (n, 32, 32), gray.
        count: How many are taken for each image, and how many for each one's likely copies.
        lowest: Least similarity, a cosine.
        progress: Called with (images done, n).
    """
    n = len(thumbnails)
    count = min(count, n - 1)
    space = _copy_space(thumbnails)
    whole = np.concatenate(
        [
            space.project(_describe(thumbnails[at : at + _BLOCK], 1)[:, 0])
            for at in range(0, n, _BLOCK)
        ]
    )
    of_image = np.full((n, count), -1, np.int64)
    to_image = np.full((n, count), -1, np.int64)
    similarity = np.full((n, count), -np.inf, np.float32)
    for at in range(0, n, _BLOCK):
        rows = np.arange(at, min(at + _BLOCK, n))
        near = _similarity(space, whole, thumbnails[rows])
        near[np.arange(len(rows)), rows] = -np.inf
        of_image[rows] = np.argpartition(-near, count - 1, axis=1)[:, :count]
        new = np.flatnonzero(near.max(0) > similarity.min(1))
        both = np.concatenate([similarity[new], near[:, new].T], 1)
        names = np.concatenate([to_image[new], np.broadcast_to(rows, (len(new), len(rows)))], 1)
        keep = np.argpartition(-both, count - 1, axis=1)[:, :count]
        similarity[new], to_image[new] = (np.take_along_axis(a, keep, 1) for a in (both, names))
        if progress:
            progress(int(rows[-1]) + 1, n)
    every = np.repeat(np.arange(n), count)
    pairs = np.concatenate(
        [np.stack([every, of_image.ravel()], 1), np.stack([to_image.ravel(), every], 1)]
    )
    return _placed_candidates(thumbnails, whole, space, pairs, lowest)


def _placed_candidates(
    thumbnails: np.ndarray,
    whole: np.ndarray,
    space: _CopySpace,
    pairs: np.ndarray,
    lowest: float,
) -> Candidates:
    """Find the likely copy that fits best, and keep of each two images the better direction."""
    pairs = np.unique(pairs, axis=0)
    places = _places()
    best = np.empty(len(pairs), np.int64)
    score = np.empty(len(pairs), np.float32)
    for at in range(0, len(pairs), _BLOCK):
        block = slice(at, at + _BLOCK)
        images, index = np.unique(pairs[block, 0], return_inverse=True)
        likely = space.project(_likely_copies(thumbnails[images]))[index]
        even, odd = (a[:, :, 0] for a in space.products(likely, whole[pairs[block, 1], None]))
        fits = np.concatenate([even + odd, even - odd], 1)
        best[block] = fits.argmax(1)
        score[block] = fits.max(1)
    order = np.argsort(-score, kind="stable")
    order = order[score[order] >= lowest]
    _, first = np.unique(np.sort(pairs[order], 1), axis=0, return_index=True)
    order = order[first]
    return Candidates(pairs[order, 1], pairs[order, 0], places[best[order]])


def _similarity(space: _CopySpace, whole: np.ndarray, thumbnails: np.ndarray) -> np.ndarray:
    """Compare the likely copies of some images with all images; return the best of each."""
    likely = space.project(_likely_copies(thumbnails))
    n_images, n_copies, width = likely.shape
    near = np.empty((n_images, len(whole)), np.float32)
    rows, columns = _TILE

    def fill(start: int) -> None:
        room = np.empty((2, rows * n_copies, columns), np.float32)
        for top in range(0, n_images, rows):
            part = likely[top : top + rows]
            for left in range(start, min(start + _COLUMNS, len(whole)), columns):
                block = whole[left : left + columns]
                into = (*room[:, : len(part) * n_copies, : len(block)],)
                even, odd = space.products(part.reshape(-1, width), block, into)
                even += np.abs(odd, out=odd)
                best = near[top : top + rows, left : left + columns]
                even.reshape(len(part), n_copies, -1).max(1, out=best)

    deque(bounded_map(fill, range(0, len(whole), _COLUMNS)), maxlen=0)
    return near


def _axis_filters() -> np.ndarray:
    """Return the cosines of each part of a side, (parts * frequencies, SIDE)."""
    steps = np.arange(SIDE) + 0.5
    cosines = np.cos(np.pi / SIDE * steps * np.arange(_FREQUENCIES)[:, None])
    filters = []
    for start, stop in _INTERVALS:
        at = (start + (stop - start) * steps / SIDE) * SIDE - 0.5
        left = np.clip(np.floor(at).astype(int), 0, SIDE - 2)
        share = np.clip(at - left, 0, 1)
        sampled = np.zeros((SIDE, SIDE))
        sampled[np.arange(SIDE), left] = 1 - share
        sampled[np.arange(SIDE), left + 1] = share
        filters.append(cosines @ sampled)
    return np.concatenate(filters).astype(np.float32)


_FILTERS = _axis_filters()


def _describe(images: np.ndarray, parts: int = len(_INTERVALS)) -> np.ndarray:
    """Return unit vectors of low frequencies, (n, parts * parts, frequencies - 1), of the crops."""
    filters = _FILTERS[: parts * _FREQUENCIES]
    rows = filters @ images.astype(np.float32) @ filters.T
    rows = rows.reshape(len(images), parts, _FREQUENCIES, parts, _FREQUENCIES)
    rows = rows.transpose(0, 1, 3, 2, 4).reshape(len(images), parts * parts, -1)[:, :, 1:]
    return _unit(rows)


def _likely_copies(images: np.ndarray) -> np.ndarray:
    """Describe crops and small rotations, in the order of `_places`, without mirror images."""
    views = [_describe(images)]
    for angle in _ROTATIONS:
        turned = _moved(images, np.broadcast_to(rotation(angle), (len(images), 2, 3)))
        views.append(_describe(turned, 4)[:, [0, 15]])  # the whole and the center
    return np.concatenate(views, 1)


def _places() -> np.ndarray:
    """Return where the points of each likely copy are in its image, (copies, 2, 3)."""
    crops = [placed(x, y) for y in _INTERVALS for x in _INTERVALS]
    turned = [compose(rotation(a), crops[k]) for a in _ROTATIONS for k in (0, _CENTER)]
    places = np.stack(crops + turned)
    mirrored = places * np.array([-1, 1, 1], np.float32)
    return np.concatenate([places, mirrored])


def _copy_space(thumbnails: np.ndarray) -> _CopySpace:
    """Learn the space from images and copies that are made of them."""
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(thumbnails))[:_SAMPLE]
    sample = thumbnails[rows].astype(np.float32)
    own = _describe(sample, 1)[:, 0]
    copies = [_shaken(sample, rng) for _ in range(4)] + [_covered(sample, rng) for _ in range(2)]
    change = np.concatenate([_describe(copy, 1)[:, 0] - own for copy in copies])
    mean = np.where(_ODD, 0, own.mean(0)).astype(np.float32)
    within, between = _second_moment(change), _second_moment(own - mean)
    ridge = 0.1 * np.trace(within) / len(within) + 1e-6
    within += ridge * np.eye(len(within))
    strengths, bases = [], []
    for kind in (~_ODD, _ODD):
        values, vectors = np.linalg.eigh(within[np.ix_(kind, kind)])
        whiten = vectors / np.sqrt(values)
        strength, directions = np.linalg.eigh(whiten.T @ between[np.ix_(kind, kind)] @ whiten)
        base = np.zeros((len(within), len(strength)), np.float32)
        base[kind] = whiten @ directions
        strengths.append(strength)
        bases.append(base)
    strength = np.concatenate(strengths)
    kept = np.sort(np.argsort(strength)[-_WIDTH:])
    even = int((kept < len(strengths[0])).sum())
    return _CopySpace(mean, np.concatenate(bases, 1)[:, kept], even)


def _second_moment(vectors: np.ndarray) -> np.ndarray:
    """Return it, (frequencies - 1) squared, over the vectors and their mirror images."""
    moment = vectors.T @ vectors / len(vectors)
    return np.where(_ODD[:, None] == _ODD, moment, 0)


def _shaken(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shift, stretch and turn images as far as a copy may be from the nearest likely copy."""
    n = len(images)
    place = np.stack([rotation(angle) for angle in rng.uniform(-5, 5, n)])
    place[:, :, :2] *= 1 + rng.uniform(-0.06, 0.06, (n, 2, 1)).astype(np.float32)
    place[:, :, 2] = rng.uniform(-0.1, 0.1, (n, 2))
    return _moved(images, place)


def _covered(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw a half-transparent bar, as a watermark would."""
    images = images.copy()
    for image in images:
        height, width = rng.integers(3, 8), rng.integers(12, 26)
        top, left = rng.integers(0, [SIDE - height, SIDE - width])
        bar = image[top : top + height, left : left + width]
        bar += 0.4 * (rng.choice([0.0, 255.0]) - bar)
    return images


def _moved(images: np.ndarray, place: np.ndarray) -> np.ndarray:
    values, _ = warp(images, np.arange(len(images)), place)
    return values.reshape(images.shape)


def _unit(vectors: np.ndarray) -> np.ndarray:
    unit: np.ndarray = vectors / np.sqrt((vectors**2).sum(-1, keepdims=True) + 1e-6)
    return unit
