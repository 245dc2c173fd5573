"""Whether images that names put in one group look more alike than others of their class.

Endings that come again tell of frames of a video, and of pages of search results as well. Images of
one thing, one animal, one day are nearer to each other than chance has it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tlearn.data.image_folder import LabeledImage
from tlearn.data.pixel_store import PixelStore
from tlearn.data.thumbnails import Thumbnails

Alike = Callable[[Mapping[int, str]], bool]
"""Tells whether images of one group look alike, from the row and the key of each."""

_GROUPS, _IMAGES = 50, 6
"""Of a class that are looked at, and of a group; spread evenly."""

_LEAST, _CLEAR = 0.05, 2.0
"""Share beyond one half of comparisons, and standard errors, by which images of a group have to be
nearer than others. Random groups in nine folders reach 0.03 and 1.7; letters of one sort 0.17 and
13; consecutive images of steel, crops of one sheet, 0.10 and 5."""


def likeness(images: Sequence[LabeledImage], store: PixelStore) -> Alike:
    """Return what tells whether groups of a folder's images look alike.

    Args:
        images: The images of the folder.
        store: Their pixels; `store.infos[i]` belongs to `images[i]`.
    """

    def alike(keys: Mapping[int, str]) -> bool:
        members: dict[int, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for row, key in keys.items():
            if not store.infos[row].problem:
                members[images[row].label][key].append(row)
        chosen = []
        for of_class in members.values():
            several = [_spread(rows, _IMAGES) for rows in of_class.values() if len(rows) > 1]
            chosen.append(_spread(several, _GROUPS))
        rows = [row for groups in chosen for group in groups for row in group]
        files = [store.infos[row].sha256 for row in rows]
        different, numbers = np.unique(files, return_inverse=True)
        colors = Thumbnails(store, different.tolist()).colors(numbers)
        vectors = dict(zip(rows, colors.reshape(len(rows), -1).astype(np.float32), strict=True))
        return _is_clear([share for groups in chosen for share in _shares(groups, vectors)])

    return alike


def _shares(groups: Sequence[Sequence[int]], vectors: Mapping[int, np.ndarray]) -> list[float]:
    """Return how often images of each group of a class are nearer to each other than to others."""
    rows = [row for group in groups for row in group]
    group_of = np.repeat(np.arange(len(groups)), [*map(len, groups)])
    if len(groups) < 2:
        return []
    x = np.stack([vectors[row] for row in rows])
    square = np.square(x).sum(1)
    distance = square[:, None] + square - 2 * (x @ x.T)
    shares = []
    for number in range(len(groups)):
        own = np.flatnonzero(group_of == number)
        others = np.flatnonzero(group_of != number)
        inside = distance[np.ix_(own, own)][~np.eye(len(own), dtype=bool)].reshape(len(own), -1)
        outside = np.sort(distance[np.ix_(own, others)], axis=1)
        nearer = [1 - np.searchsorted(o, i) / len(o) for i, o in zip(inside, outside, strict=True)]
        shares.append(float(np.mean(nearer)))
    return shares


def _is_clear(shares: Sequence[float]) -> bool:
    if len(shares) < 2:
        return False
    error = max(float(np.std(shares, ddof=1)), 1e-3) / len(shares) ** 0.5
    return float(np.mean(shares)) - 0.5 > max(_LEAST, _CLEAR * error)


def _spread(items: Sequence[Any], count: int) -> list[Any]:
    """Return some items, evenly spread."""
    count = min(count, len(items))
    return [items[n * len(items) // count] for n in range(count)]
