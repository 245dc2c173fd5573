"""Model files of Keras (.keras) whose bytes depend on nothing but the model.

Keras writes the time into the archive, and addresses of objects into the configuration.
"""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
"""Members of the archive."""

_DATE_SAVED = "1980-01-01@00:00:00"
"""The date that `zipfile.ZipInfo` gives to members, in Keras's own format."""


def save_model(model: keras.Model, path: Path) -> None:
    """Save a Keras model so that equal models give equal bytes, in every process.

    Args:
        model: Its layers' names count as part of it.
        path: A path with the suffix .keras.
    """
    with tempfile.TemporaryDirectory(dir=path.parent) as folder, _temporary_files_in(folder):
        saved = Path(folder, path.name)
        model.save(saved)
        with zipfile.ZipFile(saved) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
    path.write_bytes(pack_model(members))


@contextmanager
def _temporary_files_in(folder: str) -> Iterator[None]:
    """Have temporary folders made in another one: Keras leaves its own where the disk is full."""
    before, tempfile.tempdir = tempfile.tempdir, folder
    try:
        yield
    finally:
        tempfile.tempdir = before


def pack_model(members: Mapping[str, bytes]) -> bytes:
    """Return a .keras file of these members, without dates and addresses."""
    metadata = json.loads(members[METADATA]) | {"date_saved": _DATE_SAVED}
    config = _number_shared_objects(json.loads(members[CONFIG]), {})
    fixed = {METADATA: json.dumps(metadata), CONFIG: json.dumps(config)}
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, member in (dict(members) | fixed).items():
            archive.writestr(zipfile.ZipInfo(name), member)
    return content.getvalue()


def _number_shared_objects(config: Any, numbers: dict[int, int]) -> Any:
    """Replace each `shared_object_id`, an address, by its number in order of appearance."""
    if isinstance(config, list):
        return [_number_shared_objects(item, numbers) for item in config]
    if not isinstance(config, dict):
        return config
    return {
        key: numbers.setdefault(value, len(numbers))
        if key == "shared_object_id"
        else _number_shared_objects(value, numbers)
        for key, value in config.items()
    }
