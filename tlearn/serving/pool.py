"""Interpreters of one artifact, as many as images are answered at a time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from tlearn.artifacts.contract import Contract
from tlearn.artifacts.runtime import Runtime, open_runtime
from tlearn.serving.app import RefusedError
from tlearn.serving.reader import Reader

MOST_LABELS = 5
"""That `top` names; a prediction knows no more."""


class Pool:
    """Answers images with an artifact; called from several threads.

    Each interpreter computes on one core: on all images together that is faster than several cores
    for one, and than a batch, which has to wait for its last image.

    Args:
        path: The artifact.
        contract: Of the artifact.
        workers: Number of interpreters.

    Raises:
        ExportError: The artifact cannot be run.
    """

    def __init__(self, path: Path, contract: Contract, workers: int) -> None:
        self.reader = Reader.of_contract(contract)
        self._idle: SimpleQueue[Runtime] = SimpleQueue()
        for _ in range(workers):
            self._idle.put(open_runtime(path, threads=1))

    def __call__(self, name: str, data: bytes, query: Mapping[str, str]) -> dict[str, Any]:
        """Return the record of an image; see `app.Work`."""
        top = top_of(query)
        pixels, problem = self.reader.decode(data)
        if pixels is None:
            return self.reader.unreadable(name, problem or "")
        runtime = self._idle.get()
        try:
            answer = runtime(pixels)
        finally:
            self._idle.put(runtime)
        record = self.reader.record(name, answer, top)
        if "map" in query and answer.map is not None:
            record["map"] = answer.map.tolist()
        return record


def top_of(query: Mapping[str, str]) -> int:
    """Return how many labels a request wants to be told.

    Raises:
        RefusedError: It wants something else.
    """
    text = query.get("top", "2")
    if text not in map(str, range(1, MOST_LABELS + 1)):
        raise RefusedError(400, f"top is {text[:20]!r}: it takes a number from 1 to {MOST_LABELS}")
    return int(text)
