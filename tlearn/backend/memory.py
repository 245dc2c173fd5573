"""Memory of the process: running out of it, and giving it back."""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether Python, TensorFlow or XLA had no memory left."""
    named = type(error).__name__ == "ResourceExhaustedError" or "RESOURCE_EXHAUSTED" in str(error)
    return named or isinstance(error, MemoryError)


def release_freed() -> None:
    """Give what was freed back to the system: glibc keeps it, for each thread that allocated."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)
