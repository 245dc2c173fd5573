"""Running out of memory, whichever part of the stack says so."""

from __future__ import annotations


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether Python, TensorFlow or XLA had no memory left."""
    named = type(error).__name__ == "ResourceExhaustedError" or "RESOURCE_EXHAUSTED" in str(error)
    return named or isinstance(error, MemoryError)
