"""More features than memory holds: a matrix in a file, multiplied block by block.

It takes the place of an array in the solvers, which need products with it and nothing else. Each
block is read again for every product, from the system's own cache of the file where that has room.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tlearn.data.pixel_store import bounded_map
from tlearn.features.logistic_regression import PrincipalAxes, principal_axes

MOST_BYTES_IN_MEMORY = 2_000_000_000
_BLOCK_BYTES = 1 << 24
_LEAST_VARIANCE = 1e-7
"""Of an axis, of the largest: what float32 can tell from nothing."""


class RowsOnDisk:
    """Rows of float32 in a file.

    Args:
        path: The file, which is written.
        shape: (n, d).
        read: Called with the first row of a block and that after its last; returns them.
    """

    def __init__(
        self, path: Path, shape: tuple[int, int], read: Callable[[int, int], np.ndarray]
    ) -> None:
        self.shape, self._path, self._stored_width = shape, path, shape[1]
        with path.open("wb") as file:
            for start, end in self._blocks():
                np.ascontiguousarray(read(start, end), np.float32).tofile(file)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Return some rows, as an array."""
        chosen = np.empty((len(rows), self.shape[1]), np.float32)
        with self._path.open("rb", buffering=0) as file:  # mapped, far more would be in memory
            for row, number in zip(chosen, rows.tolist(), strict=True):
                file.seek(4 * number * self._stored_width)
                file.readinto(row.data)
        return chosen

    def __matmul__(self, right: np.ndarray) -> np.ndarray:
        """Return (n, k), the product with (d, k)."""
        return np.concatenate([*bounded_map(lambda at: self._block(*at) @ right, self._blocks())])

    def copy(self) -> RowsOnDisk:
        """Return the rows themselves: there is no room for others."""
        return self

    @property
    def T(self) -> _Transposed:  # noqa: N802 - as of an array
        """Return the transposed matrix, to be multiplied."""
        return _Transposed(self)

    def _blocks(self) -> list[tuple[int, int]]:
        size = max(1, _BLOCK_BYTES // (4 * self._stored_width))
        return [(at, min(at + size, len(self))) for at in range(0, len(self), size)]

    def _block(self, start: int, end: int) -> np.ndarray:
        width = self._stored_width
        count = (end - start) * width
        block = np.fromfile(self._path, np.float32, count, offset=4 * start * width)
        return block.reshape(-1, width)[:, : self.shape[1]]

    def transposed_product(self, right: np.ndarray) -> np.ndarray:
        """Return (d, k), the product of the transposed matrix with (n, k)."""

        def product(at: tuple[int, int]) -> np.ndarray:
            return self._block(*at).T @ right[slice(*at)]

        return np.asarray(sum(bounded_map(product, self._blocks()), np.zeros((), right.dtype)))

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean (d,) and the covariance (d, d) of the rows, float64."""

        def sums(at: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
            block = self._block(*at)
            shifted = block - first
            return shifted.sum(axis=0, dtype=np.float64), shifted.T @ shifted

        # Near the mean, so that little is lost where it is far from zero.
        first = self._block(*self._blocks()[0]).mean(axis=0)
        total, products = np.zeros(self.shape[1]), np.zeros((self.shape[1],) * 2)
        for block_sum, block_products in bounded_map(sums, self._blocks()):
            total += block_sum
            products += block_products
        shift = total / len(self)
        return first + shift, products / len(self) - np.outer(shift, shift)

    def rotate(self, mean: np.ndarray, rotation: np.ndarray) -> None:
        """Replace the rows by `(rows - mean) @ rotation`, which has no more columns."""
        mean, rotation = mean.astype(np.float32), rotation.astype(np.float32)
        axes = rotation.shape[1]

        def replace(at: tuple[int, int]) -> None:
            block = self._block(*at)
            block[:, :axes] = (block - mean) @ rotation
            with self._path.open("r+b") as file:
                file.seek(4 * at[0] * self._stored_width)
                block.tofile(file)

        for _ in bounded_map(replace, self._blocks()):
            pass
        self.shape = len(self), axes


class _Transposed:
    """The transposed matrix of rows on disk."""

    def __init__(self, rows: RowsOnDisk) -> None:
        self._rows = rows

    def __matmul__(self, right: np.ndarray) -> np.ndarray:
        return self._rows.transposed_product(right)


def axes_of(features: np.ndarray | RowsOnDisk, blocks: Sequence[int]) -> PrincipalAxes:
    """Rotate features to their principal axes, in place; see `principal_axes`."""
    if not isinstance(features, RowsOnDisk):
        return principal_axes(features, blocks)
    from scipy.linalg import eigh

    mean, covariance = features.moments()
    variances = covariance.diagonal()
    factors = np.ones(len(mean))
    if len(blocks) > 1:
        ends = np.cumsum(blocks)
        for start, end in zip(ends - blocks, ends, strict=True):
            variance = variances[start:end].mean()
            factors[start:end] = 1 / np.sqrt(variance) if variance > 0 else 1
    covariance *= np.outer(factors, factors)
    scale = np.sqrt(covariance.diagonal().mean()) or 1
    values, vectors = eigh(covariance / scale**2)
    first = min(int(np.searchsorted(values, values[-1] * _LEAST_VARIANCE)), len(values) - 1)
    rotation = vectors[:, first:] * (factors / scale)[:, None]
    features.rotate(mean, rotation)
    rows: Any = features  # it has what solvers need of an array
    return PrincipalAxes(rows, mean, rotation, values[first:])
