"""Near-copies among the images of a folder: the same image again, saved, cut or colored anew.

Decoded pixels are all that it takes. Images close in coarse shape are laid over each other at
growing resolution; a pair whose fine detail agrees as well is one of copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlearn.backend.memory import release_freed
from tlearn.data import copy_alignment as alignment
from tlearn.data.copy_candidates import Candidates, find_candidates
from tlearn.data.pixel_store import PixelStore, bounded_map
from tlearn.data.thumbnails import Thumbnails
from tlearn.progress import StepProgress
from tlearn.storage.arrays import read_arrays
from tlearn.storage.atomic import CACHE_HINT, write_atomic
from tlearn.storage.digest import digest_of_bytes

EQUAL, NEAR, MIRRORED, PART = "equal pixels", "near copy", "mirrored", "part of"
_KINDS = (EQUAL, NEAR, MIRRORED, PART)

_VERSION = 2
"""Increased whenever other pairs are found, so that stored ones are not reused."""

_NEIGHBORS = 3
_ROUNDS = ((32, 7, 0, 0.3, 2), (32, 7, 3, 0.5, 2), (64, 9, 3, 0.65, 2))
"""Side and window of the detail, steps of alignment (0 to shift only), the least correlation to go
on, and how many of an image's pairs do."""

_FINEST = (64, 5)
"""Side and window of the detail that is compared."""

_LEAST_MEAN = 0.83
"""Of the correlations of the whole overlap, and of all but the tenth that fits worst. Different
X-rays and hands of one sign reach 0.82, copies with words across them 0.84."""

_LEAST_EVIDENCE, _LEAST_EVIDENCE_CLOSE, _CLOSE = 30.0, 23.0, 0.93
"""Of `Agreement.evidence`, and from which correlation on the second one will do. Two lines agree
closely, with no evidence; a letter as two people wrote it has evidence, and agrees less closely."""

_EVIDENCE_WITHOUT_COLORS = 60.0
_MOST_COLOR_DIFFERENCE = 28.0
"""With less evidence the colors of moved images must agree too, up to what a stroke of black on
white differs by when it lies a little beside itself: any disk is another one, moved and colored."""

_LEAST_IN_PLACE, _LEAST_EVIDENCE_IN_PLACE = 0.95, 10.0
"""Correlation and evidence that are enough where nothing had to be moved."""

_STILL = 0.06
_BLOCK = 128
_LARGE_GROUP = 20
_SHARE_OF_PART = 0.85


@dataclass(frozen=True)
class CopyPair:
    """Two images that show the same.

    Attributes:
        first: Row of an image.
        second: Row of the other.
        kind: "equal pixels", "near copy" (saved, colored, framed or turned anew), "mirrored" or
            "part of": `first` shows a part of `second`.
    """

    first: int
    second: int
    kind: str


def find_near_copies(store: PixelStore, progress: StepProgress | None = None) -> list[CopyPair]:
    """Find the images of a folder that show the same thing, saved or changed anew.

    What is found is kept beside the pixels, for the next call with the same images.

    Args:
        store: The decoded images; those without pixels are skipped.
        progress: Called with (images done, images in total).

    Returns:
        Pairs of rows of `store.infos`, by row. Not every pair of a group: they connect it.

    Raises:
        HostError: The cache cannot be written.
    """
    rows: dict[str, list[int]] = {}
    for row, info in enumerate(store.infos):
        if info.problem is None:
            rows.setdefault(info.pixels, []).append(row)
    pairs = [CopyPair(same[0], other, EQUAL) for same in rows.values() for other in same[1:]]
    looks = sorted(rows)  # the same images in another order or twice are the same question
    files = [store.infos[rows[look][0]].sha256 for look in looks]
    key = digest_of_bytes(f"{_VERSION} {looks}".encode())
    path = store.table.folder / f"copies-{key[:32]}.npz"
    found = (read_arrays(path) or {}).get("pairs")
    if found is None:
        found = _compare_all(Thumbnails(store, files), progress)
        release_freed()
        write_atomic(path, lambda file: np.savez(file, allow_pickle=False, pairs=found), CACHE_HINT)
    for *ends, kind in found.tolist():
        first, second = (rows[looks[end]][0] for end in ends)
        if _KINDS[kind] != PART:
            first, second = sorted((first, second))
        pairs.append(CopyPair(first, second, _KINDS[kind]))
    return sorted(pairs, key=lambda pair: (pair.first, pair.second))


def copy_groups(pairs: Sequence[CopyPair]) -> list[list[int]]:
    """Join pairs that share an image.

    In a large group a pair counts only if a third image matches both, or if the pixels are equal:
    one wrong pair must not join two groups, while the frames of a video support each other.

    Args:
        pairs: Of `find_near_copies`.

    Returns:
        Rows of each group of two or more, in order.
    """
    groups = _components(pairs)
    sizes = {row: len(group) for group in groups for row in group}
    if max(sizes.values(), default=0) <= _LARGE_GROUP:
        return groups
    near: dict[int, set[int]] = {}
    for pair in pairs:
        near.setdefault(pair.first, set()).add(pair.second)
        near.setdefault(pair.second, set()).add(pair.first)
    supported = [
        pair
        for pair in pairs
        if sizes[pair.first] <= _LARGE_GROUP
        or pair.kind == EQUAL
        or near[pair.first] & near[pair.second]
    ]
    return _components(supported)


def _components(pairs: Sequence[CopyPair]) -> list[list[int]]:
    group_of: dict[int, list[int]] = {}
    for pair in pairs:
        group = group_of.setdefault(pair.first, [pair.first])
        other = group_of.setdefault(pair.second, [pair.second])
        if group is not other:
            group.extend(other)
            group_of.update(dict.fromkeys(other, group))
    return sorted(sorted(group) for group in {id(g): g for g in group_of.values()}.values())


def _compare_all(thumbnails: Thumbnails, progress: StepProgress | None) -> np.ndarray:
    """Return (m, 3) of first row, second row and kind; see `find_near_copies`."""
    from threadpoolctl import threadpool_limits

    if len(thumbnails) < 2:
        return np.empty((0, 3), int)
    with threadpool_limits(1):  # products this small are faster side by side
        return _compare(thumbnails, progress)


def _compare(thumbnails: Thumbnails, progress: StepProgress | None) -> np.ndarray:
    pairs = find_candidates(thumbnails.coarse(), _NEIGHBORS, 0.5, progress)
    for side, window, steps, least, most in _ROUNDS:
        correlation, place = _align_all(thumbnails, pairs, side, window, steps)
        keep = _best_of_each(pairs, correlation, most) & (correlation >= least)
        pairs = Candidates(pairs.part[keep], pairs.whole[keep], place[keep])
    agreement = _agreement_of_all(thumbnails, pairs)
    mean = (agreement.correlation + agreement.best_part) / 2
    correlation, evidence = agreement.correlation, agreement.evidence()
    still = _in_place(pairs.place)
    enough = np.where(correlation >= _CLOSE, _LEAST_EVIDENCE_CLOSE, _LEAST_EVIDENCE)
    same = (mean >= _LEAST_MEAN) & (evidence >= enough)
    unsure = np.flatnonzero(same & ~still & (evidence < _EVIDENCE_WITHOUT_COLORS))
    same[unsure] = _color_difference(thumbnails, pairs, unsure) <= _MOST_COLOR_DIFFERENCE
    in_place = still & (correlation >= _LEAST_IN_PLACE)
    same |= in_place & (evidence >= _LEAST_EVIDENCE_IN_PLACE)
    kinds = _kinds(pairs.place)
    return np.stack([pairs.part, pairs.whole, kinds], 1)[same]


def _align_all(
    thumbnails: Thumbnails, pairs: Candidates, side: int, window: int, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    def align(block: slice) -> tuple[np.ndarray, np.ndarray]:
        at = _pairs_of(block, thumbnails, pairs, side, window)
        return alignment.align(*at, steps) if steps else alignment.shift(*at)

    aligned = [*bounded_map(align, _blocks(pairs))]
    if not aligned:
        return np.empty(0, np.float32), pairs.place
    correlations, places = zip(*aligned, strict=True)
    return np.concatenate(correlations), np.concatenate(places)


def _agreement_of_all(thumbnails: Thumbnails, pairs: Candidates) -> alignment.Agreement:
    def compare(block: slice) -> alignment.Agreement:
        return alignment.compare(*_pairs_of(block, thumbnails, pairs, *_FINEST))

    parts = [*bounded_map(compare, _blocks(pairs))]
    if not parts:
        return alignment.Agreement(*np.empty((3, 0)))
    return alignment.Agreement(*(np.concatenate(field) for field in zip(*parts, strict=True)))


def _blocks(pairs: Candidates) -> list[slice]:
    return [slice(at, at + _BLOCK) for at in range(0, len(pairs.part), _BLOCK)]


def _pairs_of(
    block: slice, thumbnails: Thumbnails, pairs: Candidates, side: int, window: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the detail of the images of some pairs, the two rows of each in it, its place."""
    both = np.stack([pairs.part[block], pairs.whole[block]])
    images, index = np.unique(both, return_inverse=True)
    part, whole = index.reshape(both.shape)
    return (
        alignment.detail_of(thumbnails.gray(images), side, window),
        part,
        whole,
        pairs.place[block],
    )


def _best_of_each(pairs: Candidates, score: np.ndarray, count: int) -> np.ndarray:
    """Return which pairs are among the best of one of their two images."""
    ends = np.concatenate([pairs.part, pairs.whole])
    order = np.lexsort((-np.tile(score, 2), ends))
    _, first, counts = np.unique(ends[order], return_index=True, return_counts=True)
    rank = np.arange(len(ends)) - np.repeat(first, counts)
    keep = np.zeros(len(score), bool)
    keep[order[rank < count] % len(score)] = True
    return keep


def _color_difference(thumbnails: Thumbnails, pairs: Candidates, which: np.ndarray) -> np.ndarray:
    """Return how far colors differ where images overlap, as a root mean square of 255."""
    square = np.zeros(len(which), np.float32)
    if not len(which):
        return square
    both = np.stack([pairs.part[which], pairs.whole[which]])
    images, index = np.unique(both, return_inverse=True)
    part, whole = index.reshape(both.shape)
    for channel in np.moveaxis(thumbnails.colors(images), 3, 0).astype(np.float32):
        other, inside = alignment.warp(channel, whole, pairs.place[which])
        difference = (channel[part].reshape(other.shape) - other) * inside
        square += (difference**2).sum(1) / np.maximum(inside.sum(1), 1) / 3
    return np.sqrt(square)


def _in_place(place: np.ndarray) -> np.ndarray:
    """Return which pairs fit as they are, or as mirror images, nearly without being moved."""
    side = np.where(place[:, :1, :1] < 0, np.array([-1, 1, 1], np.float32), np.float32(1))
    moved: np.ndarray = abs(place * side - alignment.rotation(0)).max((1, 2))
    return moved <= _STILL


def _kinds(place: np.ndarray) -> np.ndarray:
    """Return the kind of each pair, as its number in `_KINDS`."""
    area = np.linalg.det(place[:, :, :2])
    part = np.where(abs(area) < _SHARE_OF_PART, _KINDS.index(PART), _KINDS.index(NEAR))
    return np.where(area < 0, _KINDS.index(MIRRORED), part)
