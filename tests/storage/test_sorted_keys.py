"""Keys that are looked up in a file, and not read."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from tlearn.storage.sorted_keys import MARK_BYTES, SortedKeys, starts_of

MARK = b"m" * MARK_BYTES
KEYS = [hashlib.sha256(bytes([n])).digest() for n in range(200)]


def test_every_key_is_found_by_its_row(tmp_path: Path) -> None:
    SortedKeys.sort(MARK, starts_of(b"".join(KEYS), 32)).write(tmp_path / "keys")
    found = SortedKeys.open(tmp_path / "keys")
    assert found.mark == MARK and len(found) == 200
    assert [[*found.find(key)] for key in KEYS] == [[n] for n in range(200)]
    assert not [*found.find(bytes(32))] and not [*found.find(b"\xff" * 32)]


def test_of_keys_that_begin_alike_the_last_row_comes_first() -> None:
    alike = b"".join(KEYS[0][:8] + bytes([n]) * 24 for n in range(3))
    keys = SortedKeys.sort(MARK, starts_of(KEYS[1] + alike, 32))
    assert [*keys.find(KEYS[0])] == [3, 2, 1]


def test_a_file_that_is_missing_or_cut_short_has_no_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    assert len(SortedKeys.open(path)) == 0
    for content in (b"", MARK[:5], MARK, MARK + bytes(5), MARK + bytes(8)):
        path.write_bytes(content)
        assert len(SortedKeys.open(path)) == 0, content


def test_the_beginnings_of_keys_are_in_the_order_of_the_keys() -> None:
    starts = starts_of(b"".join(KEYS), 32)
    assert [KEYS[n] for n in np.argsort(starts)] == sorted(KEYS)
