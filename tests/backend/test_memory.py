"""Out of memory is recognized, whoever says so."""

from __future__ import annotations

from tlearn.backend.memory import is_out_of_memory


class ResourceExhaustedError(Exception):
    """TensorFlow's, by its name."""


def test_python_tensorflow_and_xla_are_understood() -> None:
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(ResourceExhaustedError("OOM when allocating tensor"))
    assert is_out_of_memory(RuntimeError("RESOURCE_EXHAUSTED: Out of memory"))
    assert not is_out_of_memory(ValueError("shapes differ"))
