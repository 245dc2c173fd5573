"""`tlearn features`: the frozen part for a share of the images, on as many machines as there are.

An image belongs to the shard that its name says, and not its bytes: so each machine reads the
files of its own shards only. Which rows a command finds is decided by the digests of its files.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tlearn.commands.session import Session
from tlearn.data.decode import read_image
from tlearn.data.image_folder import list_names
from tlearn.data.pixel_store import bounded_map
from tlearn.errors import RecipeError
from tlearn.features.store import (
    BATCH,
    EXTRACTED,
    EngineFactory,
    Shard,
    run_engine,
    shard_path,
    shared_store,
    storable,
)
from tlearn.progress import ProgressCallback, no_progress
from tlearn.storage.atomic import TEXT_ENCODING, ensure_writable
from tlearn.storage.shards import STORE_HINT, Batch, shard_mark, write_shard


@dataclass(frozen=True)
class FeaturesResult:
    """A shard of features.

    Attributes:
        path: Its file.
        n_images: Images of the folder that belong to it.
        computed: Whether it was computed now; it may have been there already.
        problems: Path of each image that cannot be read to the reason; empty where it was there.
    """

    path: Path
    n_images: int
    computed: bool
    problems: Mapping[str, str]


def features(
    source: Path,
    shard: Shard = (1, 1),
    *,
    store: Path | None = None,
    flags: Mapping[str, Any] | None = None,
    progress: ProgressCallback = no_progress,
) -> FeaturesResult:
    """Compute the features of one shard of a folder's images, unless they are there already.

    No pixels are kept. Where `TLEARN_STORE` names the store, other commands read its shards.

    Args:
        source: Image folder, table or archive.
        shard: Its number, from 1, and how many there are.
        store: Folder of the shards; `TLEARN_STORE` by default.
        flags: Recipe keys: the backbone, its weights and image size, how an image becomes square.
        progress: Called with (step, done, total).

    Raises:
        TlearnError: The images, the backbone or the store cannot be used.
    """
    store = store or shared_store()
    if store is None:
        raise RecipeError("no store was named", "name a folder for the features: --store DIR")
    ensure_writable(store, STORE_HINT)
    store.mkdir(parents=True, exist_ok=True)  # it may be what TLEARN_STORE names
    with Session(source, None, flags or {}, progress=progress) as session:
        number, count = shard
        root, names = list_names(source, lambda: session.cache)
        own = sorted(name for name in names if shard_number(name, count) == number)
        backbone, resize = session.find_backbone(), session.requested.recipe.resize
        extractor = session.open_extractor(backbone)
        path = shard_path(store, extractor, resize, shard)
        mark = _mark_of(root, own)
        if shard_mark(path) == mark:
            return FeaturesResult(path, len(own), False, {})
        reader = _Reader([root / name for name in own], backbone.image_size, resize, progress)
        write_shard(path, mark, reader.rows(session.engine_of(extractor, backbone)))
        return FeaturesResult(path, len(own), True, reader.problems)


def shard_number(name: str, count: int) -> int:
    """Return the shard, from 1, of an image: the SHA-256 of its name modulo the number of shards.

    Args:
        name: Its path relative to the folder, with forward slashes.
        count: Number of shards.
    """
    digest = hashlib.sha256(name.encode(**TEXT_ENCODING)).digest()
    return int.from_bytes(digest, "big") % count + 1


def _mark_of(root: Path, names: Sequence[str]) -> bytes:
    """Return what is the same as long as a shard has the same files: names, sizes and times."""
    digest = hashlib.sha256()
    for name in names:
        with suppress(OSError):  # one that is missing is told as unreadable
            status = os.stat(root / name)
            facts = f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n"
            digest.update(facts.encode(**TEXT_ENCODING))
    return digest.digest()


class _Reader:
    """Reads images batch by batch, each file once, and keeps none.

    Args:
        paths: Files, in the order in which their features are stored.
        image_size: Side of the decoded squares, in pixels.
        resize: How an image becomes square.
        progress: Called with (step, done, total).

    Attributes:
        problems: Path of each image that could not be read to the reason.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        image_size: int,
        resize: str,
        progress: ProgressCallback,
    ) -> None:
        self.problems: dict[str, str] = {}
        self._paths = paths
        self._read = partial(read_image, image_size=image_size, resize=resize)
        self._progress = progress
        self._keys: deque[list[str]] = deque()

    def rows(self, engine: EngineFactory) -> Iterator[Batch]:
        """Yield the digests of each batch of images, and their features."""
        for rows in run_engine(engine, self._batches()):
            yield self._keys.popleft(), storable(rows, EXTRACTED)

    def _batches(self) -> Iterator[np.ndarray]:
        batch: dict[str, np.ndarray] = {}
        seen: set[str] = set()
        results = zip(self._paths, bounded_map(self._read, self._paths), strict=True)
        for done, (path, (pixels, info)) in enumerate(results, 1):
            if pixels is None:
                self.problems[str(path)] = info.problem or ""
            elif info.sha256 not in seen:
                seen.add(info.sha256)
                batch[info.sha256] = pixels
            if len(batch) == BATCH or (batch and done == len(self._paths)):
                self._keys.append([*batch])
                yield np.stack([*batch.values()])
                batch = {}
            self._progress("compute features", done, len(self._paths))
