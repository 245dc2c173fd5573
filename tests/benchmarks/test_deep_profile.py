"""What the profile of a fine-tuning times is there."""

from __future__ import annotations

import importlib
from functools import reduce

import pytest

from benchmarks.deep_profile import KINDS


@pytest.mark.parametrize("name", [name for names in KINDS.values() for name in names])
def test_what_is_timed_exists(name: str) -> None:
    module, _, path = name.partition(":")
    assert callable(reduce(getattr, path.split("."), importlib.import_module(f"tlearn.{module}")))
