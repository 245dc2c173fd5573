"""Damage to a file, whatever is in it: `damaged(data, rng)` gives a name and other bytes."""

from __future__ import annotations

import random

_HEAD = 64


def truncated(data: bytes, rng: random.Random) -> bytes:
    """Cut off the end: in the header, in the middle or just before the last bytes."""
    ends = (rng.randrange(_HEAD), rng.randrange(len(data) + 1), len(data) - rng.randint(1, 16))
    return data[: max(0, rng.choice(ends))]


def flipped(data: bytes, rng: random.Random) -> bytes:
    """Flip one to sixteen bits, every other time in the header."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 4, 16))):
        place = rng.randrange(min(len(data), rng.choice((_HEAD, 512, len(data)))))
        changed[place] ^= 1 << rng.randrange(8)
    return bytes(changed)


def zeroed(data: bytes, rng: random.Random) -> bytes:
    """Zero a stretch, as a disk does that lost a block."""
    start = rng.randrange(len(data))
    length = min(len(data) - start, rng.choice((1, 16, 512, 4096)))
    return data[:start] + bytes(length) + data[start + length :]


def rotated(data: bytes, rng: random.Random) -> bytes:
    """Begin somewhere else."""
    start = rng.randrange(len(data))
    return data[start:] + data[:start]


def repeated(data: bytes, rng: random.Random) -> bytes:
    """Put a stretch in twice."""
    start = rng.randrange(len(data))
    end = start + rng.randrange(1, 600)
    return data[:end] + data[start:end] + data[end:]


def inserted(data: bytes, rng: random.Random) -> bytes:
    """Put random bytes in."""
    start = rng.randrange(len(data))
    return data[:start] + rng.randbytes(rng.randint(1, 40)) + data[start:]


def huge_number(data: bytes, rng: random.Random) -> bytes:
    """Put a large number where a length may stand."""
    start = rng.randrange(min(len(data), rng.choice((_HEAD, 1024))))
    number = rng.choice(
        (b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\x7f\xff", b"\x00\x00\x00\x80")
    )
    return data[:start] + number + data[start + len(number) :]


DAMAGES = (truncated, flipped, zeroed, rotated, repeated, inserted, huge_number)


def damaged(data: bytes, rng: random.Random) -> tuple[str, bytes]:
    """Return a name of some damage, and the bytes."""
    if not data:
        return "filled", rng.randbytes(40)
    damage = rng.choice(DAMAGES)
    return damage.__name__, damage(data, rng)
