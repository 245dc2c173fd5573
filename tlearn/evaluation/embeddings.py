"""Embeddings of images: written as a file that other programs read, and searched by similarity."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tlearn.data.remote import require_remote
from tlearn.errors import DataError, HostError, quoted
from tlearn.evaluation.predictions import csv_path, csv_text
from tlearn.storage.atomic import ensure_replaces, ensure_writable_file, write_atomic
from tlearn.storage.text import escape_invisible

_HINT = "name another file: --out FILE.npz"


@dataclass(frozen=True, eq=False)
class Embeddings:
    """What a model's head reads of images.

    Attributes:
        vectors: (n, d) float32.
        paths: Absolute path of each image.
        labels: Class of each image; empty where they have none.
        network: SHA-256 of the run's model; "" where it is not known.
    """

    vectors: np.ndarray
    paths: tuple[str, ...]
    labels: tuple[str, ...] = ()
    network: str = ""

    def nearest(self, query: np.ndarray, k: int) -> list[tuple[int, float]]:
        """Return the rows most similar to a vector (d,) and their cosine, best first."""
        lengths = np.linalg.norm(self.vectors, axis=1) * np.linalg.norm(query)
        cosines = self.vectors @ query / np.maximum(lengths, np.finfo(np.float32).tiny)
        order = np.argsort(-cosines, kind="stable")[:k]
        return [(int(row), float(cosines[row])) for row in order]


def check_format(path: Path) -> None:
    """Check that embeddings can be written to a file, before they are computed.

    Raises:
        DataError: The file's name does not say how, or it exists and holds something else.
        HostError: It cannot be written, or pyarrow is not installed.
    """
    if path.suffix.lower() not in _WRITERS:
        known = ", ".join(_WRITERS)
        raise DataError(
            f"{quoted(path)} is none of {known}", "name the file by its format: --out FILE.npz"
        )
    if path.suffix.lower() == ".parquet" and (missing := require_remote("pyarrow")):
        raise HostError(
            f"to write {quoted(path)}, a package is missing: {missing}",
            "write a .npz, or install it from the folder of tlearn's source: pip install "
            "'.[remote]'",
        )
    ensure_writable_file(path, _HINT)
    ensure_replaces(path, _MARKS[path.suffix.lower()], "file of embeddings", _HINT)


def write_embeddings(path: Path, embeddings: Embeddings) -> None:
    """Write embeddings with paths and labels, in the format that the file's name says.

    Raises:
        DataError: The name says none.
        HostError: The file cannot be written.
    """
    check_format(path)
    writer = _WRITERS[path.suffix.lower()]
    write_atomic(path, lambda temporary: writer(temporary, embeddings), _HINT)


def _write_npz(path: Path, embeddings: Embeddings) -> None:
    arrays = {"embeddings": embeddings.vectors, "paths": np.asarray(embeddings.paths, str)}
    if embeddings.labels:
        arrays["labels"] = np.asarray(embeddings.labels, str)
    if embeddings.network:
        arrays["network"] = np.asarray(embeddings.network)
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]


def _write_parquet(path: Path, embeddings: Embeddings) -> None:
    import pyarrow
    from pyarrow.parquet import write_table

    width = embeddings.vectors.shape[1]
    values = pyarrow.array(embeddings.vectors.ravel())
    columns = {"path": pyarrow.array(map(escape_invisible, embeddings.paths), pyarrow.string())}
    if embeddings.labels:
        columns["label"] = pyarrow.array(map(escape_invisible, embeddings.labels))
    columns["embedding"] = pyarrow.FixedSizeListArray.from_arrays(values, width)
    write_table(pyarrow.table(columns), path)


def _write_csv(path: Path, embeddings: Embeddings) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        label = ["label"] if embeddings.labels else []
        writer.writerow(["path", *label, *(f"e{n}" for n in range(embeddings.vectors.shape[1]))])
        for row, name in enumerate(embeddings.paths):
            label = [csv_text(embeddings.labels[row])] if embeddings.labels else []
            values = (f"{value:.7g}" for value in embeddings.vectors[row].tolist())
            writer.writerow([csv_path(name), *label, *values])


_WRITERS: dict[str, Callable[[Path, Embeddings], None]] = {
    ".npz": _write_npz,
    ".parquet": _write_parquet,
    ".csv": _write_csv,
}

_MARKS = {".npz": rb"embeddings\.npy", ".parquet": rb"embedding", ".csv": rb"\Apath,(label,)?e0\b"}
"""What a file in each format is known by."""
