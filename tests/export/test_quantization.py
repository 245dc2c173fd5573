from __future__ import annotations

import pytest

from tlearn.backend.litert import QUANTIZATIONS
from tlearn.export.quantization import CALIBRATED, MODES, what_to_try


def test_modes_are_what_the_converter_knows() -> None:
    assert set(MODES) == {*QUANTIZATIONS, "int8_float"}
    assert set(CALIBRATED) < set(MODES)


@pytest.mark.parametrize(
    ("mode", "note", "n_images", "words"),
    [
        ("none", "", 0, []),
        ("float16", "", 0, []),
        ("dynamic", "swish", 0, ["float16"]),
        ("int8", "", 200, ["dynamic"]),
        ("int8", "swish", 200, ["dynamic", "swish"]),
        ("int8_float", "", 37, ["dynamic", "only 37"]),
    ],
)
def test_what_to_try(mode: str, note: str, n_images: int, words: list[str]) -> None:
    ways = what_to_try(mode, note, n_images)
    assert len(ways) == len(words)
    assert all(word in way for word, way in zip(words, ways, strict=True))
