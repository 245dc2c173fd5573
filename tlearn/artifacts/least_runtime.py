"""The oldest runtime that runs a LiteRT file.

Operators have versions, and a runtime refuses a file with one that it does not know. The converter
looks up since when there is each (tensorflow/lite/tools/versioning/runtime_version.cc), and writes
the latest of them into the file. Versions are those of TensorFlow, which tflite-runtime shares.
"""

from __future__ import annotations

from pathlib import Path

LAST_TFLITE_RUNTIME = "2.14.0"
"""The last one of the package tflite-runtime; LiteRT, which came after it, is newer than 2.17."""

_ENTRY = b"min_runtime_version"


def least_runtime(path: Path) -> str:
    """Return the version that a LiteRT file asks for, as "2.17.0"; "" where it does not say."""
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAsModel(path.read_bytes())
    for entry in map(model.Metadata, range(model.MetadataLength())):
        if entry.Name() == _ENTRY:
            content: bytes = model.Buffers(entry.Buffer()).DataAsNumpy().tobytes()
            return content.rstrip(b"\0").decode("ascii", "replace")
    return ""


def is_newer(version: str, other: str) -> bool:
    """Return whether one version comes after another; "2.14" is 2.14.0, and "" older than all."""
    return _numbers(version) > _numbers(other)


def _numbers(version: str) -> list[int]:
    numbers = [int(part) for part in version.split(".") if part]
    return numbers + [0] * (3 - len(numbers))
