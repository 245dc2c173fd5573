"""The description of an image classifier that mobile runtimes read: `ModelMetadata`, M001.

Written and read field by field after `metadata_schema.fbs` of TensorFlow Lite Support; the numbers
below are indices of fields in its tables, and values of its enums.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import flatbuffers
import numpy as np
from flatbuffers import number_types
from flatbuffers.table import Table

from tlearn.confidence.answers import EMBEDDING, KNOWN, MAP, PROBABILITIES, VALUE

TEXTS = ("name", "description", "version", "author", "license")
"""The fields in prose; the keys of `about` that `build_description` takes."""

_TEXT_FIELDS = dict(zip(TEXTS, (0, 1, 2, 4, 5), strict=True))
_SUBGRAPHS, _MIN_PARSER_VERSION = 3, 7
_INPUTS, _OUTPUTS = 2, 3
_NAME, _DESCRIPTION, _CONTENT, _PROCESS_UNITS, _STATS, _FILES = 0, 1, 3, 4, 5, 6
_OTHERS = {
    KNOWN: "How like the training images the image is, 0 to 1.",
    MAP: "What speaks for the most probable class (above 0) and against it, by place.",
    EMBEDDING: "What the head reads, to teach another one.",
}
_RGB, _IMAGE_PROPERTIES, _NORMALIZATION, _TENSOR_AXIS_LABELS = 1, 2, 1, 2


def build_description(
    about: Mapping[str, Any],
    width: int,
    height: int,
    labels_file: str,
    outputs: Sequence[str] = (PROBABILITIES,),
) -> bytes:
    """Build the description of a classifier of RGB images.

    Args:
        about: TEXTS that are known, and "input", a description of the input; the rest is ignored.
        width: Width of the input, in pixels.
        height: Height of the input, in pixels.
        labels_file: Name of the appended file with one label a line.
        outputs: Their names: the answer, and perhaps `known` and `map`.

    Returns:
        A flatbuffer.
    """
    b = flatbuffers.Builder(1024)
    image = _image(b, width, height, str(about.get("input", "RGB image, values 0 to 255.")))
    answer, *others = outputs
    tables = [_answer(b, answer, labels_file), *(_other(b, name) for name in others)]
    graph = _table(b, {_INPUTS: image, _OUTPUTS: _vector(b, tables)})
    texts = {
        field: b.CreateString(str(about[key]))
        for key, field in _TEXT_FIELDS.items()
        if key in about
    }
    version = b.CreateString("1.0.0")
    root = _table(b, {**texts, _SUBGRAPHS: _vector(b, [graph]), _MIN_PARSER_VERSION: version})
    b.Finish(root, file_identifier=b"M001")
    return bytes(b.Output())


def parse_description(content: bytes) -> dict[str, Any]:
    """Read the description of a classifier, whichever program wrote it.

    Args:
        content: A flatbuffer.

    Returns:
        TEXTS, `image_size` (width, height), `mean` and `std`; "", 0 or () for what is missing.
    """
    root = Table(content, *struct.unpack_from("<I", content))
    texts = {key: _text(root, field) for key, field in _TEXT_FIELDS.items()}
    image = _first(_first(root, _SUBGRAPHS), _INPUTS)
    size = _child(_child(_child(image, _CONTENT), 1), 1)
    normalization = _child(_first(image, _PROCESS_UNITS), 1)
    return {
        **texts,
        "image_size": tuple(_number(size, field) for field in (0, 1)),
        "mean": _floats(normalization, 0),
        "std": _floats(normalization, 1),
    }


def _image(b: flatbuffers.Builder, width: int, height: int, description: str) -> int:
    zero, one, white = (_float(b, value) for value in (0.0, 1.0, 255.0))

    # (value - 0) / 1: pixels go in unchanged, the network's own first layer scales them.
    normalization = _table(b, {0: zero, 1: one})
    unit = _table(b, {0: _NORMALIZATION, 1: normalization}, small=(0,))
    size = _table(b, {0: width, 1: height}, numbers=(0, 1))
    properties = _table(b, {0: _RGB, 1: size}, small=(0,))
    content = _table(b, {0: _IMAGE_PROPERTIES, 1: properties}, small=(0,))
    fields = {
        _NAME: b.CreateString("image"),
        _DESCRIPTION: b.CreateString(description),
        _CONTENT: content,
        _PROCESS_UNITS: _vector(b, [unit]),
        _STATS: _table(b, {0: white, 1: zero}),
    }
    return _vector(b, [_table(b, fields)])


def _answer(b: flatbuffers.Builder, output: str, labels_file: str) -> int:
    name = b.CreateString(labels_file)
    labels = _table(b, {0: name, 2: _TENSOR_AXIS_LABELS}, small=(2,))
    number = output == VALUE
    text = "The number named in" if number else "One probability for each line of"
    zero, one = _float(b, 0.0), _float(b, 1.0)
    fields = {
        _NAME: b.CreateString(output),
        _DESCRIPTION: b.CreateString(f"{text} {labels_file}."),
        _FILES: _vector(b, [labels]),
    }
    if not number:
        fields[_STATS] = _table(b, {0: one, 1: zero})
    return _table(b, fields)


def _other(b: flatbuffers.Builder, name: str) -> int:
    fields = {_NAME: b.CreateString(name), _DESCRIPTION: b.CreateString(_OTHERS[name])}
    if name == KNOWN:
        zero, one = _float(b, 0.0), _float(b, 1.0)
        fields[_STATS] = _table(b, {0: one, 1: zero})
    return _table(b, fields)


def _table(
    b: flatbuffers.Builder,
    fields: Mapping[int, int],
    *,
    small: Sequence[int] = (),
    numbers: Sequence[int] = (),
) -> int:
    """Write a table; fields are offsets, except one-byte enums (`small`) and uint32 (`numbers`)."""
    b.StartObject(max(fields) + 1)
    for field, value in fields.items():
        if field in small:
            b.PrependUint8Slot(field, value, 0)
        elif field in numbers:
            b.PrependUint32Slot(field, value, 0)
        else:
            b.PrependUOffsetTRelativeSlot(field, value, 0)
    return int(b.EndObject())


def _vector(b: flatbuffers.Builder, offsets: Sequence[int]) -> int:
    b.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        b.PrependUOffsetTRelative(offset)
    return int(b.EndVector())


def _float(b: flatbuffers.Builder, value: float) -> int:
    return int(b.CreateNumpyVector(np.array([value], np.float32)))


def _position(table: Table | None, field: int) -> int | None:
    """Return where a field's value is; None if the field or the table itself is missing."""
    offset = table.Offset(4 + 2 * field) if table else 0
    return table.Pos + offset if table and offset else None


def _child(table: Table | None, field: int) -> Table | None:
    position = _position(table, field)
    return Table(table.Bytes, table.Indirect(position)) if table and position else None


def _first(table: Table | None, field: int) -> Table | None:
    if table is None or _position(table, field) is None:
        return None
    start = table.Vector(table.Offset(4 + 2 * field))
    return Table(table.Bytes, table.Indirect(start))


def _text(table: Table, field: int) -> str:
    position = _position(table, field)
    return table.String(position).decode("utf-8") if position else ""


def _number(table: Table | None, field: int) -> int:
    position = _position(table, field)
    return int(table.Get(number_types.Uint32Flags, position)) if table and position else 0


def _floats(table: Table | None, field: int) -> tuple[float, ...]:
    if table is None or _position(table, field) is None:
        return ()
    values = table.GetVectorAsNumpy(number_types.Float32Flags, table.Offset(4 + 2 * field))
    return tuple(values.tolist())
