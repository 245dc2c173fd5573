"""Labels and normalization inside a LiteRT file, where mobile runtimes look for them.

A buffer named TFLITE_METADATA holds the description (see `tflite_metadata`); the files that it
mentions are appended to the model as a zip archive. Google's own writers pin an old protobuf and
cannot be installed beside TensorFlow, hence this one.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tlearn.artifacts.limits import MOST_MODEL_BYTES, read_appended, read_limited, strict_json
from tlearn.artifacts.tflite_metadata import build_description, parse_description
from tlearn.backend.litert import pack
from tlearn.errors import ExportError, quoted
from tlearn.storage.text import escape_label, unescape_label

LABELS_FILE = "labels.txt"
ABOUT_FILE = "about.json"
NOTES = "tlearn"
"""The section of an OpenVINO file's runtime information with the labels and the rest."""

_BUFFER_NAME = b"TFLITE_METADATA"
_ANY_ZIP_DATE = (1980, 1, 1, 0, 0, 0)


def add_metadata(content: bytes, labels: Sequence[str], about: Mapping[str, Any]) -> bytes:
    """Add labels and a description to a LiteRT model; equal arguments give equal bytes.

    Args:
        content: Flatbuffer of an image classifier: one input (1, height, width, 3), values 0 to
            255; a probability for each label, and perhaps more outputs: `known`, `map`.
        labels: Class names in the order of the output; one line each in labels.txt.
        about: JSON values; `tflite_metadata.TEXTS` go into the schema's fields, and everything
            into about.json.

    Returns:
        The bytes of the file.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(content)
    graph = model.subgraphs[0]
    _, height, width, _ = graph.tensors[graph.inputs[0]].shape
    buffer = schema.BufferT()
    names = [output.name.decode() for output in model.signatureDefs[0].outputs]
    buffer.data = build_description(about, int(width), int(height), LABELS_FILE, names)
    entry = schema.MetadataT()
    entry.name, entry.buffer = _BUFFER_NAME, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or ()), entry]

    notes = json.dumps(dict(about), indent=2, sort_keys=True) + "\n"
    return append_files(pack(model), {LABELS_FILE: labels_text(labels), ABOUT_FILE: notes.encode()})


def ensure_labels_fit(labels: Sequence[str], n_classes: int) -> None:
    """Check that there is a label for every class.

    Raises:
        ExportError: There are more or fewer.
    """
    if len(labels) != n_classes:
        raise ExportError(
            f"{len(labels)} labels for {n_classes} classes",
            "train the model again: tlearn finetune FOLDER",
        )


def labels_text(labels: Sequence[str]) -> bytes:
    """Return the content of labels.txt: one label a line, see `text.escape_label`."""
    lines = (escape_label(label) + "\n" for label in labels)
    return "".join(lines).encode("utf-8", "surrogateescape")


def read_labels(content: bytes) -> tuple[str, ...]:
    """Read the labels that `labels_text` wrote."""
    lines = content.decode("utf-8", "surrogateescape").removesuffix("\n").split("\n")
    return tuple(unescape_label(line) for line in lines)


def read_metadata(path: Path) -> dict[str, Any]:
    """Read what `add_metadata` added to a LiteRT file.

    Returns:
        `labels` (tuple of str), `about` (dict), `image_size` (width, height), `mean` and `std`
        of the input's normalization, and `tflite_metadata.TEXTS` as the schema's fields have them.

    Raises:
        ExportError: The file is not a LiteRT model, or has no metadata.
    """
    from ai_edge_litert import schema_py_generated as schema

    content = read_limited(path, MOST_MODEL_BYTES)
    if content[4:8] != b"TFL3":
        raise ExportError(f"{quoted(path)} is not a LiteRT model", "name a .tflite file")
    model = schema.Model.GetRootAsModel(content)
    entries = [model.Metadata(i) for i in range(model.MetadataLength())]
    buffers = [model.Buffers(e.Buffer()) for e in entries if e.Name() == _BUFFER_NAME]
    labels, about = (read_appended(path, name) for name in (LABELS_FILE, ABOUT_FILE))
    if not buffers or labels is None:
        raise ExportError(f"{quoted(path)} has no labels", "export it again: tlearn export RUN")
    description = parse_description(buffers[0].DataAsNumpy().tobytes())
    notes = strict_json(about) if about else {}
    return {"labels": read_labels(labels), "about": notes, **description}


def append_files(content: bytes, files: Mapping[str, bytes]) -> bytes:
    """Append a zip archive to a model: `unzip` and MediaPipe read it, LiteRT ignores it.

    Args:
        content: The model, with or without an archive at its end.
        files: Content of the files to add, by name.

    Returns:
        The bytes of the model and the archive.
    """
    whole = io.BytesIO(content)
    with zipfile.ZipFile(whole, "a", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, _ANY_ZIP_DATE)
            entry.create_system, entry.external_attr = 3, 0o644 << 16
            archive.writestr(entry, data)
    return whole.getvalue()
