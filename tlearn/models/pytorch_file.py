"""Files of weights as PyTorch wrote them before version 1.6, read without PyTorch.

Such a file is a row of pickles, then raw numbers. A pickle is a program that can call anything.
Here the few instructions that build a dictionary of tensors are carried out one by one, and any
other is an error: no name in the file is looked up or called.
"""

from __future__ import annotations

import io
import pickletools
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

# The pickles of PyTorch's magic number and of the version of the layout.
_START = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19." + b"\x80\x02M\xe9\x03."
_STORAGES: dict[str, np.dtype] = {
    "torch FloatStorage": np.dtype("<f4"),
    "torch LongStorage": np.dtype("<i8"),
}
_DICT, _TENSOR = "collections OrderedDict", "torch._utils _rebuild_tensor_v2"
_NAMES = {_DICT, _TENSOR, *_STORAGES}
_VALUES = {"BININT", "BININT1", "BININT2", "BINUNICODE"}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
# Steps of training that a batch normalization has seen: no weights.
_COUNTER = "num_batches_tracked"


def is_pytorch(path: Path) -> bool:
    """Return whether a file begins as those of PyTorch before 1.6 do."""
    with path.open("rb") as file:
        return file.read(len(_START)) == _START


def read_layers(path: Path) -> dict[str, dict[str, np.ndarray]]:
    """Read weights by layer and part: `{"_fc": {"weight": ..., "bias": ...}}`.

    Raises:
        ValueError: The file is damaged or is no dictionary of tensors; the text says what it is.
    """
    layers: dict[str, dict[str, np.ndarray]] = {}
    try:
        for name, tensor in _read_tensors(io.BytesIO(path.read_bytes())).items():
            layer, _, part = name.rpartition(".")
            if part != _COUNTER:
                layers.setdefault(layer, {})[part] = tensor
    except _ForeignError as error:
        raise ValueError(f"a PyTorch file with more in it than weights ({error})") from error
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        raise ValueError("a damaged or incomplete PyTorch file") from error
    return layers


class _ForeignError(Exception):
    """The file contains what no dictionary of tensors needs."""


def _read_tensors(stream: BinaryIO) -> dict[str, np.ndarray]:
    stream.seek(len(_START))
    _read_pickle(stream)  # facts of the system that wrote it
    entries, keys = _read_pickle(stream), _read_pickle(stream)
    types = {key: _STORAGES[name] for (_, name, key, *_), *_ in entries.values()}
    storages = {}
    for key in keys:
        size = int.from_bytes(stream.read(8), "little") * types[key].itemsize
        storages[key] = stream.read(size)
        if len(storages[key]) != size:
            raise ValueError("the file ends within a storage")
    if stream.read(1):
        raise ValueError("there is more after the last storage")
    tensors = {}
    for name, ((_, _, key, *_), start, shape, strides, *_) in entries.items():
        size = types[key].itemsize
        steps = [size * stride for stride in strides]
        # NumPy refuses a start or steps that lead out of the bytes.
        tensors[name] = np.ndarray(shape, types[key], storages[key], size * start, steps)
    return tensors


def _read_pickle(stream: BinaryIO) -> Any:
    """Return the object of one pickle: a tensor is the tuple of what PyTorch makes it from."""
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[int, Any] = {}

    def pop_from(start: int) -> list[Any]:
        items, stack[start:] = stack[start:], []
        return items

    value: Any
    for instruction, value, _ in pickletools.genops(stream):
        name = instruction.name
        if name in _VALUES or (name == "GLOBAL" and value in _NAMES):
            stack.append(value)
        elif name in _CONSTANTS:
            stack.append(_CONSTANTS[name])
        elif name in ("EMPTY_DICT", "EMPTY_LIST"):
            stack.append({} if name == "EMPTY_DICT" else [])
        elif name == "MARK":
            marks.append(len(stack))
        elif name in ("TUPLE", "TUPLE1", "TUPLE2", "TUPLE3"):
            start = marks.pop() if name == "TUPLE" else len(stack) - int(name[-1])
            stack.append(tuple(pop_from(start)))
        elif name in ("APPEND", "APPENDS"):
            items = pop_from(marks.pop() if name == "APPENDS" else -1)
            stack[-1].extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            items = pop_from(marks.pop() if name == "SETITEMS" else -2)
            if not all(isinstance(key, str) for key in items[::2]):
                raise ValueError("a key is no name")
            stack[-1].update(zip(items[::2], items[1::2], strict=True))
        elif name in ("BINPUT", "LONG_BINPUT"):
            memo[value] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[value])
        elif name == "REDUCE" and stack[-2] in (_DICT, _TENSOR):
            called, arguments = pop_from(-2)
            stack.append(arguments if called == _TENSOR else {})
        elif name == "BUILD":
            stack.pop()  # versions of the modules, which PyTorch adds to the dictionary
        elif name not in ("PROTO", "BINPERSID", "STOP"):  # a storage stays the tuple of its facts
            raise _ForeignError(name if name != "GLOBAL" else f"it calls for '{value}'")
    return stack.pop()
