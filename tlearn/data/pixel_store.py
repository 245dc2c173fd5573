"""Files in, pixels at the working size out: decoded once, in parallel, kept on disk.

Memory holds a window of pictures, never the folder: rows go to a memory-mapped table as they come.
"""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tlearn.data.decode import ImageInfo, read_image
from tlearn.progress import StepProgress
from tlearn.storage.atomic import CACHE_HINT, os_errors_as_host_errors
from tlearn.storage.digest import digest_of_file
from tlearn.storage.row_table import RowTable

DECODER_VERSION = 1
"""Raised when the decoder's pixels change, so that stored ones are not taken for them."""

_WINDOW = 64

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class PixelStore:
    """Decoded pictures of one folder, found by the digest of their file.

    Attributes:
        table: Rows of uint8 (image_size, image_size, 3), RGB.
        facts: One record a picture, in the order asked for.
    """

    table: RowTable
    facts: tuple[ImageInfo, ...]

    def read(self, digests: Sequence[str]) -> np.ndarray:
        """Pixels uint8 (len(digests), image_size, image_size, 3)."""
        return self.table.read(digests)

    def rows(self, digests: Sequence[str]) -> PixelRows:
        """The same as a sequence that is read as it is indexed."""
        return PixelRows(self.table, digests)


class PixelRows(Sequence[np.ndarray]):
    """Pictures in a chosen order; indexed like an array, read from disk where indexed."""

    def __init__(self, table: RowTable, digests: Sequence[str]) -> None:
        self._table = table
        self._digests = np.asarray(digests)
        self.shape = (len(digests), *table.row_shape)

    def __len__(self) -> int:
        return len(self._digests)

    def __getitem__(self, item: Any) -> Any:
        chosen = self._digests[item]
        rows = self._table.read(np.atleast_1d(chosen).tolist())
        return rows[0] if chosen.ndim == 0 else rows


PixelArray = np.ndarray | PixelRows
"""Pictures uint8 (n, H, W, 3): in memory, or read where indexed."""


def store_pixels(
    paths: Sequence[Path],
    image_size: int,
    resize: str,
    cache: Path,
    progress: StepProgress | None = None,
) -> PixelStore:
    """Decode every picture that the store does not hold yet.

    Args:
        paths: Files to read.
        image_size: Side of the square the network sees, in pixels.
        resize: One of `decode.RESIZE_RULES`.
        cache: Folder of the store; the same folder gives the same rows back.
        progress: Told after every picture.

    Returns:
        The store; `facts[i].problem` says why `paths[i]` has no pixels.

    Raises:
        HostError: The store cannot be written.
    """
    folder = cache / "pixels" / f"{image_size}-{resize}-v{DECODER_VERSION}"
    table = RowTable(folder, (image_size, image_size, 3), "uint8")
    known = _FactsFile(folder / "facts.jsonl")
    facts: list[ImageInfo] = []
    waiting: list[tuple[str, np.ndarray]] = []

    def keep() -> None:
        if waiting:
            keys, rows = zip(*waiting, strict=True)
            table.append(keys, np.stack(rows))
            waiting.clear()

    def read(path: Path) -> tuple[np.ndarray | None, ImageInfo]:
        digest = _digest(path)
        if digest in known.facts and digest in table:
            return None, known.facts[digest]
        return read_image(path, image_size, resize)

    for pixels, fact in bounded_map(read, paths):
        facts.append(fact)
        if pixels is not None:
            waiting.append((fact.sha256, pixels))
            known.add(fact)
        if len(waiting) == _WINDOW:
            keep()
        if progress:
            progress(len(facts), len(paths))
    keep()
    return PixelStore(table, tuple(facts))


def _digest(path: Path) -> str | None:
    try:
        return digest_of_file(path)
    except OSError:
        return None  # read_image says what is wrong with it


def bounded_map(work: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
    """Map over a thread pool with a bounded number of results in flight."""
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) == _WINDOW:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for late in waiting:  # whoever stops listening need not wait for the rest
                late.cancel()


class _FactsFile:
    """What is known of every stored picture, one JSON line each; a torn last line is ignored."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.facts: dict[str, ImageInfo] = {}
        if path.exists():
            for line in path.read_text("utf-8").splitlines():
                with suppress(ValueError, TypeError):
                    fact = ImageInfo(**json.loads(line))
                    self.facts[fact.sha256] = fact

    def add(self, fact: ImageInfo) -> None:
        if fact.sha256 not in self.facts:
            self.facts[fact.sha256] = fact
            with (
                os_errors_as_host_errors(self.path, CACHE_HINT),
                self.path.open("a", encoding="utf-8") as file,
            ):
                file.write(json.dumps(asdict(fact)) + "\n")
