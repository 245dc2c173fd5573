"""Write files of weights as PyTorch before 1.6 did, instruction by instruction."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

START = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19." + b"\x80\x02M\xe9\x03."
SYSTEM = b"\x80\x02}" + b"(X\x0d\0\0\0little_endian\x88u."
STORAGES = {"float32": b"ctorch\nFloatStorage\n", "int64": b"ctorch\nLongStorage\n"}


def text(value: str) -> bytes:
    return b"X" + len(value.encode()).to_bytes(4, "little") + value.encode()


def number(value: int) -> bytes:
    return b"J" + value.to_bytes(4, "little", signed=True)


def numbers(values: tuple[int, ...]) -> bytes:
    return b"(" + b"".join(number(value) for value in values) + b"t"


def tensor(key: str, array: np.ndarray, start: int = 0) -> bytes:
    """Instructions that rebuild an array of any strides from the storage `key`."""
    kind, n = STORAGES[array.dtype.name], number(array.size)
    storage = b"(" + text("storage") + kind + text(key) + text("cpu") + n + b"NtQ"
    strides = tuple(step // array.itemsize for step in array.strides)
    hooks = b"ccollections\nOrderedDict\n)R"
    facts = storage + number(start) + numbers(array.shape) + numbers(strides) + b"\x89" + hooks
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + facts + b"tR"


def pytorch_bytes(arrays: Mapping[str, np.ndarray], start: int = 0) -> bytes:
    """A whole file; arrays may be views of any strides of contiguous memory."""
    keys = [str(key) for key in range(len(arrays))]
    pairs = zip(keys, arrays.items(), strict=True)
    items = b"".join(text(name) + tensor(key, array, start) for key, (name, array) in pairs)
    entries = b"\x80\x02ccollections\nOrderedDict\n)R(" + items + b"u}b."
    listed = b"\x80\x02](" + b"".join(map(text, keys)) + b"e."
    raw = (x.size.to_bytes(8, "little") + x.ravel("K").tobytes() for x in arrays.values())
    return START + SYSTEM + entries + listed + b"".join(raw)


def write_pytorch(path: Path, arrays: Mapping[str, np.ndarray], start: int = 0) -> Path:
    path.write_bytes(pytorch_bytes(arrays, start))
    return path
