"""A contract that tells an app what no export writes is refused, and the key is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tlearn.artifacts.contract import (
    EARLIER_DECODING,
    RESIZE_IN_WORDS,
    VERSION,
    Contract,
    Golden,
    Preprocessing,
)
from tlearn.artifacts.contract import Tensor as Ends
from tlearn.artifacts.contract_rules import contradiction
from tlearn.confidence.answer_sets import AnswerSets
from tlearn.confidence.confidence import Confidence, KnownScale
from tlearn.confidence.temperature import Temperature

DIGEST = "0123456789abcdef" * 4
GOLDEN = Golden(
    *("1.jpg", DIGEST, "cat", "1.pixels.png", DIGEST, (8, 8, 3)),
    *((0.9, 0.1), (0.8, 0.2), 0.7, 0.6, (-1.0, 2.0, 0.5, 3.5)),
)
CONFIDENCE = Confidence(
    Temperature(1.5, "val", 30),
    KnownScale("val", 30, (0.1, 0.5, 0.9)),
    (AnswerSets(0.9, 0.3, 30),),
)
CONTRACT = Contract(
    version=VERSION,
    tlearn="0.1.0",
    file="model.tflite",
    sha256=DIGEST,
    format="tflite",
    quantization="int8",
    signature="serving_default",
    input=Ends("image", (1, 8, 8, 3), "uint8", 1.0, 0),
    preprocessing=Preprocessing.of(8, "pad"),
    output=Ends("probabilities", (None, 2), "uint8", 1 / 256, 0),
    labels=("cat", "dog"),
    provenance={"model": DIGEST},
    tolerance=0.05,
    golden=(GOLDEN,),
    known=Ends("known", (None, 1), "uint8", 1 / 256, 0),
    refuse=0.05,
    confidence=CONFIDENCE,
    map=Ends("map", (None, 2, 2), "uint8", 0.1, 128),
)


def changed(key: str, value: Any) -> Contract:
    """Change what a dotted key names: "golden.file" is that of the first golden image."""
    name, _, inner = key.partition(".")
    if not inner:
        return replace(CONTRACT, **{name: value})
    if name == "golden":
        return replace(CONTRACT, golden=(replace(GOLDEN, **{inner: value}),))
    if name == "confidence":
        part, _, last = inner.partition(".")
        if part == "sets":
            return replace(CONTRACT, confidence=replace(CONFIDENCE, sets=(value,)))
        edited = replace(getattr(CONFIDENCE, part), **{last: value})
        return replace(CONTRACT, confidence=replace(CONFIDENCE, **{part: edited}))
    return replace(CONTRACT, **{name: replace(getattr(CONTRACT, name), **{inner: value})})


def test_what_an_export_writes_is_accepted() -> None:
    assert contradiction(CONTRACT) == ""
    assert contradiction(CONTRACT.embedded()) == ""


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tlearn", ""),
        ("tlearn", "x" * 1000),
        ("file", "../model.tflite"),
        ("file", "C:\\model.tflite"),
        ("file", ""),
        ("file", "x" * 256),
        ("sha256", DIGEST.upper()),
        ("sha256", "f00d"),
        ("format", "coreml"),
        ("format", "onnx"),  # which has no int8
        ("runtime", "new"),
        ("quantization", "int4"),
        ("tolerance", 0.0),
        ("tolerance", -0.05),
        ("tolerance", 0.06),
        ("tolerance", 1e308),
        ("tolerance", float("nan")),
        ("preprocessing.resize", "fit"),
        ("preprocessing.resize", "crop"),  # and the words say pad
        ("preprocessing.image_size", 9),
        ("preprocessing.color_order", "BGR"),
        ("preprocessing.color_order", "rgb"),
        ("preprocessing.range", (0, 1)),
        ("preprocessing.range", (255, 0)),
        ("preprocessing.mean", 127.5),
        ("preprocessing.mean", -1e300),
        ("preprocessing.std", 0.0),
        ("preprocessing.std", 58.4),
        ("preprocessing.std", float("nan")),
        ("preprocessing.normalization", "divide by 255"),
        ("preprocessing.decoding", "nearest neighbor"),
        ("preprocessing.resize_in_words", RESIZE_IN_WORDS["crop"]),
        ("input.shape", ()),
        ("input.shape", (7, 8, 8, 3)),
        ("input.shape", (1, 3, 8, 8)),
        ("input.scale", 0.0),
        ("output.scale", -1.0),
        ("output.shape", (1,)),
        ("output.shape", (1, 3)),
        ("output.shape", (1, None)),
        ("labels", ()),
        ("labels", ("cat", "")),
        ("labels", ("cat", "cat")),
        ("labels", ("cat", "dog", "cow")),
        ("prior", {}),
        ("prior", {"cat": 1.0}),
        ("prior", {"cat": 0.9, "cow": 0.1}),
        ("prior", {"cat": 0.9, "dog": 0.9}),
        ("prior", {"cat": 1.5, "dog": -0.5}),
        ("prior", {"cat": float("nan"), "dog": 0.1}),
        ("golden", (GOLDEN,) * 101),
        *(
            (f"golden.{key}", name)
            for key in ("file", "pixels_file")
            for name in ("../1.png", "a/1.png", "a\\1.png", "/etc/passwd", "", ".", "1\0.png")
        ),
        ("golden.file", "1.png\n"),
        ("golden.file", "x" * 300),
        ("golden.file", "C:1.png"),
        ("golden.sha256", ""),
        ("golden.pixels_sha256", "beef"),
        ("golden.label", "cow"),
        ("golden.pixels_shape", (9, 9, 3)),
        ("golden.model_probabilities", (0.9, 0.9)),
        ("golden.model_probabilities", (1.5, -0.5)),
        ("golden.artifact_probabilities", (1.0,)),
        ("golden.artifact_probabilities", ()),
        ("golden.artifact_probabilities", (float("nan"), 0.1)),
        ("golden.model_known", None),
        ("golden.model_known", 1.5),
        ("golden.artifact_known", -0.1),
        ("golden.artifact_known", float("nan")),
        ("known.shape", (None, 2)),
        ("known.shape", (7, 1)),
        ("known.scale", 0.0),
        ("map.shape", (None, 4)),
        ("map.shape", (None, None, 2)),
        ("map.scale", 0.0),
        ("golden.artifact_map", (1.0, 2.0)),
        ("refuse", None),
        ("confidence", None),
        ("refuse", 1.0),
        ("refuse", -0.1),
        ("refuse", float("nan")),
        ("confidence.temperature.value", 0.0),
        ("confidence.temperature.value", 1e9),
        ("confidence.known.own", ()),
        ("confidence.known.own", (0.5, 0.1)),
        ("confidence.known.own", (0.5, 2.0)),
        ("confidence.known.own", (float("nan"), 0.5)),
        ("confidence.known.n", 0),
        ("confidence.known.n", 10**15),  # it would fill the memory
        ("confidence.sets.0", AnswerSets(0.9, 2.0, 30)),
        ("confidence.sets.0", AnswerSets(0.9, -0.1, 30)),
        ("confidence.sets.0", AnswerSets(0.9, 0.3, 8)),  # nine are the fewest
        ("confidence.sets.0", AnswerSets(0.9, 0.3, 10**400)),  # no float is as large
        ("confidence.sets.0", AnswerSets(1.0, 0.3, 30)),
        ("confidence.sets.0", AnswerSets(0.0, 0.3, 30)),
        ("confidence.sets.0", AnswerSets(float("nan"), 0.3, 30)),
    ],
)
def test_what_none_writes_is_refused_by_its_key(key: str, value: Any) -> None:
    problem = contradiction(changed(key, value))
    first, _, last = key.rpartition(".")
    # A size is set against the shape, and the shape against the labels: either may be named.
    named = {key.replace("golden.", "golden.0."), f"{first}.image_size", "preprocessing.image_size"}
    named |= {"labels"} if first == "output" and last == "shape" else set()
    named |= {"preprocessing.resize_in_words"} if last == "resize" else set()
    named |= {"quantization"} if value == "onnx" else set()
    assert problem.split(":")[0] in named
    assert len(problem) < 250


def test_an_image_size_that_nothing_could_decode_is_refused() -> None:
    how = Preprocessing.of(100_000, "pad")
    shape = (1, 100_000, 100_000, 3)
    golden = replace(GOLDEN, pixels_shape=shape[1:])
    ends = replace(CONTRACT.input, shape=shape)
    contract = replace(CONTRACT, preprocessing=how, input=ends, golden=(golden,))
    assert contradiction(contract).startswith("preprocessing.image_size: 100000, expected 1 to")


def test_a_limit_without_the_output_that_it_is_for_is_refused() -> None:
    assert contradiction(changed("known", None)) == "known: missing"


def test_without_that_output_nothing_is_said_of_it() -> None:
    golden = replace(GOLDEN, model_known=None, artifact_known=None)
    without = replace(CONTRACT, known=None, refuse=None, golden=(golden,))
    assert contradiction(without) == ""
    assert contradiction(replace(without, version=2, confidence=None)) == ""


def test_words_of_the_first_version_are_its_own() -> None:
    how = replace(CONTRACT.preprocessing, normalization="none: pixels go in as they are")
    assert contradiction(replace(CONTRACT, version=1, preprocessing=how)) == ""
    assert contradiction(replace(CONTRACT, version=1, preprocessing=replace(how, std=0.0)))


def test_a_file_of_a_time_when_jpegs_were_reduced_further_is_no_damaged_one() -> None:
    assert contradiction(changed("preprocessing.decoding", EARLIER_DECODING)) == ""
    assert contradiction(changed("preprocessing.normalization", EARLIER_DECODING))
