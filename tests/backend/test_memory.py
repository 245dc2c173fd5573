"""Out of memory is recognized, whoever says so; what was freed is given back."""

from __future__ import annotations

import ctypes

import pytest

from tlearn.backend.memory import is_out_of_memory, release_freed


class ResourceExhaustedError(Exception):
    """TensorFlow's, by its name."""


def test_python_tensorflow_and_xla_are_understood() -> None:
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(ResourceExhaustedError("OOM when allocating tensor"))
    assert is_out_of_memory(RuntimeError("RESOURCE_EXHAUSTED: Out of memory"))
    assert not is_out_of_memory(ValueError("shapes differ"))


def test_freed_memory_can_be_given_back_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    release_freed()
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())  # a C library without malloc_trim
    release_freed()
