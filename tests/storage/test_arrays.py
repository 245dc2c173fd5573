"""Arrays come back as they were written, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tlearn.storage.arrays import read_arrays


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "arrays.npz"
    np.savez(path, a=np.arange(6.0), b=np.array(["x"]))
    return path


def test_whole_arrays_come_back_in_order(written: Path) -> None:
    arrays = read_arrays(written)
    assert arrays is not None and list(arrays) == ["a", "b"]
    assert arrays["a"].tolist() == list(range(6)) and arrays["b"].tolist() == ["x"]


def test_no_byte_can_be_changed_without_being_noticed(written: Path) -> None:
    expected, content = read_arrays(written), written.read_bytes()
    assert expected is not None
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1
        written.write_bytes(damaged)
        arrays = read_arrays(written)
        # Some bytes of a zip file, such as dates, stand for nothing.
        same = arrays is not None and arrays.keys() == expected.keys()
        assert (
            arrays is None
            or not same
            or all(np.array_equal(arrays[name], expected[name]) for name in expected)
        )


@pytest.mark.parametrize("content", [b"", b"PK", b"no archive"])
def test_what_is_no_archive_is_none(written: Path, content: bytes) -> None:
    written.write_bytes(content)
    assert read_arrays(written) is None
    written.unlink()
    assert read_arrays(written) is None


@pytest.mark.skipif(os.name == "nt", reason="devices and pipes of POSIX")
def test_a_pipe_or_a_device_is_none_and_not_read(written: Path) -> None:
    written.unlink()
    os.mkfifo(written)
    assert read_arrays(written) is None
    written.unlink()
    written.symlink_to("/dev/zero")
    assert read_arrays(written) is None
