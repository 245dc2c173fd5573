"""What the records of a contract say of resize rules, tolerances, and an artifact of itself."""

from __future__ import annotations

from tlearn.artifacts.contract import (
    RESIZE_IN_WORDS,
    VERSION,
    Contract,
    Golden,
    Preprocessing,
    Tensor,
    tolerance_of,
)
from tlearn.data.decode import RESIZE_RULES
from tlearn.export.quantization import MODES

GOLDEN = Golden("1.png", "f00d", "cat", "1.pixels.png", "beef", (8, 8, 3), (0.9, 0.1), (0.8, 0.2))
CONTRACT = Contract(
    version=VERSION,
    tlearn="0.1.0",
    file="model.tflite",
    sha256="cafe",
    format="tflite",
    quantization="none",
    signature="serving_default",
    input=Tensor("image", (1, 8, 8, 3), "float32"),
    preprocessing=Preprocessing.of(8, "pad"),
    output=Tensor("probabilities", (1, 2), "float32"),
    labels=("cat", "dog"),
    provenance={"model": "1"},
    tolerance=0.001,
    golden=(GOLDEN,),
)


def test_inside_an_artifact_it_says_nothing_of_the_hash_and_the_answers() -> None:
    embedded = CONTRACT.embedded()
    assert embedded.file is embedded.sha256 is embedded.golden[0].artifact_probabilities is None
    assert embedded.golden[0].model_probabilities == GOLDEN.model_probabilities
    assert embedded.labels == CONTRACT.labels


def test_every_resize_rule_is_described() -> None:
    assert set(RESIZE_IN_WORDS) == set(RESIZE_RULES)
    assert Preprocessing.of(8, "crop").resize_in_words == RESIZE_IN_WORDS["crop"]


def test_floats_have_the_smallest_tolerance() -> None:
    assert tolerance_of("none") == min(tolerance_of(mode) for mode in MODES)
