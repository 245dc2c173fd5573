"""Parquet tables with images in them, as data sets on Hugging Face are: written out as files."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tlearn.data.archives import fill_cached
from tlearn.data.csv_columns import guess_columns
from tlearn.data.csv_labels import ONE_CLASS
from tlearn.data.formats import EXTENSIONS, sniff
from tlearn.data.notes import listed
from tlearn.data.parts import split_of
from tlearn.data.remote import REMOTE_HINT, require_remote
from tlearn.errors import DataError, HostError, quoted
from tlearn.storage.digest import digest_of_bytes, digest_of_file

TABLE = "images.csv"
_BATCH = 64
_PER_FOLDER = 1000


def is_parquet(path: Path) -> bool:
    """Return whether a file is by its name a Parquet table."""
    return path.suffix.lower() in (".parquet", ".pq") and not path.is_dir()


def unpack_parquet(tables: Sequence[Path], cache: Path) -> Path:
    """Write the images of tables as files, with a CSV that lists them.

    Args:
        tables: Files whose names begin with their split, as "train-00000-of-00001.parquet", or
            which stand in a folder named like it.
        cache: The cache folder; tables that were unpacked before are not unpacked again.

    Returns:
        The CSV.

    Raises:
        DataError: A table is broken, or has no images with one class each.
        HostError: pyarrow is not installed, or the cache cannot be written.
    """
    if missing := require_remote("pyarrow"):
        raise HostError(
            f"{quoted(tables[0])} is a Parquet table; to read it, packages are missing: {missing}",
            REMOTE_HINT,
        )
    try:
        digests = [f"{table.name}:{digest_of_file(table)}" for table in tables]
    except OSError as error:
        message = f"cannot read {quoted(tables[0])}: {error.strerror}"
        raise DataError(message, "name a folder instead: tlearn suggest FOLDER") from error
    key = digest_of_bytes("\n".join(digests).encode("utf-8", "surrogateescape"))

    def fill(folder: Path) -> None:
        with (folder / TABLE).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            splits = [_split(table) for table in tables]
            every = None not in splits and len({*splits}) > 1
            writer.writerow(("path", "label", "split") if every else ("path", "label"))
            count = 0
            for table, split in zip(tables, splits, strict=True):
                for content, label in _rows(table):
                    name = f"{count // _PER_FOLDER:05}/{count:08}{_extension(content)}"
                    count += 1
                    (folder / name).parent.mkdir(exist_ok=True)
                    (folder / name).write_bytes(content)
                    writer.writerow((name, label, split) if every else (name, label))

    return fill_cached(cache / "archives" / key[:32], fill) / TABLE


def _split(table: Path) -> str | None:
    first = re.split(r"[-_.]", table.stem)[0]
    return split_of(first) or split_of(table.stem) or split_of(table.parent.name)


def _extension(content: bytes) -> str:
    found = sniff(content[:64])
    return next((end for end, name in EXTENSIONS.items() if name == found), "")


def _rows(table: Path) -> Iterator[tuple[bytes, str]]:
    """Yield the bytes and the class of each image; one without a class is left out."""
    import pyarrow
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(table) as file:
            image, label, names = _columns(table, file.schema_arrow)
            for batch in file.iter_batches(_BATCH, columns=[image, label]):
                for row in batch.to_pylist():
                    content = row[image]["bytes"] if isinstance(row[image], dict) else row[image]
                    kind = row[label]
                    if content and kind is not None and not (names and kind == -1):
                        yield content, names[kind] if names else str(kind)
    except (pyarrow.ArrowException, OSError, IndexError, KeyError) as error:
        raise DataError(
            f"cannot read {quoted(table)}: {error}",
            "download it again, or name a folder instead: tlearn suggest FOLDER",
        ) from error


def _columns(table: Path, schema: Any) -> tuple[str, str, list[str]]:
    """Return the columns of images and of labels, and the names of numbered labels."""
    import pyarrow.types as kinds

    features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
    features = features.get("info", {}).get("features", {})
    images = [
        field.name
        for field in schema
        if kinds.is_binary(field.type)
        or kinds.is_large_binary(field.type)
        or (kinds.is_struct(field.type) and field.type.get_field_index("bytes") >= 0)
    ]
    others = [field.name for field in schema if field.name not in images]
    named = [
        name
        for name in others
        if isinstance(features.get(name), dict) and features[name].get("_type") == "ClassLabel"
    ]
    guessed = zip(others, guess_columns(["path", *others], [])[1:], strict=True)
    label = named or [name for name, meaning in guessed if meaning == "label"]
    if not images or not label:
        raise DataError(
            f"{quoted(table)} has no column of {'labels' if images else 'images'}; its columns are "
            f"{listed(schema.names)}",
            "name a folder of images, or a table of images with a column label: "
            "tlearn suggest FOLDER",
        )
    kind = schema.field(label[0]).type
    if kinds.is_nested(kind):
        raise DataError(
            f"{quoted(table)} has several labels an image in the column {label[0]!r}; {ONE_CLASS}",
            "save the images in one subfolder per class: tlearn suggest FOLDER",
        )
    return images[0], label[0], features.get(label[0], {}).get("names") or []
