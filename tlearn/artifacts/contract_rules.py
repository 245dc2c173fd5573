"""What a contract may say: values that no export writes are refused before any is believed.

An app follows a contract to the letter. Whoever edits one, by hand or by accident, must not get it
past `tlearn check`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

from tlearn.artifacts.contract import (
    EARLIER_DECODING,
    FORMATS,
    LAYOUTS,
    RESIZE_IN_WORDS,
    TOLERANCES,
    Contract,
    Golden,
    Preprocessing,
    tolerance_of,
)
from tlearn.confidence.rank_promise import promised_rank
from tlearn.data.targets import LABELS, NUMBER, ONE_CLASS

MOST_SIDE = 4096
"""The largest side of an image, in pixels; nothing larger is decoded or run."""

_MOST_GOLDEN = 100
_HOTTEST = 100.0
_MOST_MEASURED = 10_000_000
"""Images that can have been measured: as many numbers are drawn from their quantiles."""

_SLACK = 1e-5  # a softmax in float32 may say 1.0000001
_SUM_SLACK = 0.05
_DIGEST = re.compile(r"[0-9a-f]{64}")
_PROGRAM_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+!_-]{0,63}")
_RUNTIME_VERSION = re.compile(r"\d{1,4}(\.\d{1,4}){1,2}")
_FILE_NAME = re.compile(r"[^/\\\0]{1,255}")
_GOLDEN_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,99}")
_SAME_PROSE = 2
"""The version from which a contract says things in the same words."""

_SAYS_HOW_SURE = 3
"""The version from which a contract says what is known of answers."""

_PROSE = ("resize_in_words", "decoding", "normalization")
_BATCH = (1, None)


def contradiction(contract: Contract) -> str:
    """Say which value of a contract cannot be, by the key it has in the file; "" if none."""
    parts = (
        _about_file(contract),
        _about_images(contract),
        _about_answers(contract),
        _about_confidence(contract),
    )
    return next((problem for part in parts for problem in part), "")


def shortened(value: object) -> str:
    """Return a value as a message shows it, however long it is."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _about_file(contract: Contract) -> Iterator[str]:
    if not _PROGRAM_VERSION.fullmatch(contract.tlearn):
        yield f"tlearn: {shortened(contract.tlearn)} is no version"
    if contract.file is not None and (
        contract.file in (".", "..") or not _FILE_NAME.fullmatch(contract.file)
    ):
        yield f"file: {shortened(contract.file)} is no name of a file"
    if contract.sha256 is not None and not _DIGEST.fullmatch(contract.sha256):
        yield f"sha256: {shortened(contract.sha256)} is no SHA-256"
    yield from _not_among("format", contract.format, FORMATS.values())
    yield from _not_among("quantization", contract.quantization, TOLERANCES)
    if contract.quantization != "none" and contract.format != "tflite":
        yield f"quantization: {contract.quantization!r}, but format is {contract.format!r}"
    if contract.runtime is not None and not _RUNTIME_VERSION.fullmatch(contract.runtime):
        yield f"runtime: {shortened(contract.runtime)} is no version"
    most = tolerance_of(contract.quantization)
    if not 0 < contract.tolerance <= most:
        yield f"tolerance: {contract.tolerance:g}, expected more than 0 and at most {most:g}"


def _about_images(contract: Contract) -> Iterator[str]:
    preprocessing, shape = contract.preprocessing, contract.input.shape
    side = preprocessing.image_size
    yield from _not_among("preprocessing.resize", preprocessing.resize, RESIZE_IN_WORDS)
    if preprocessing.layout is not None:
        yield from _not_among("preprocessing.layout", preprocessing.layout, LAYOUTS)
    if not 1 <= side <= MOST_SIDE:
        yield f"preprocessing.image_size: {shortened(side)}, expected 1 to {MOST_SIDE}"
    sides = (3, side, side) if preprocessing.layout == "NCHW" else (side, side, 3)
    if shape[1:] != sides or shape[0] not in _BATCH:
        yield f"preprocessing.image_size: {side}, but the input is {shortened(shape)}"
    # The decoder knows one way to the input; a contract that says another would mislead an app.
    for key, expected in asdict(_expected(preprocessing)).items():
        found = getattr(preprocessing, key)
        as_earlier = contract.version < _SAME_PROSE and key in _PROSE
        as_earlier |= key == "decoding" and found == EARLIER_DECODING
        if found != expected and not as_earlier:
            yield f"preprocessing.{key}: {shortened(found)}, expected {expected!r}"
    low, high = preprocessing.gray_range or (0, 1)
    if not low < high:
        yield f"preprocessing.gray_range: {shortened((low, high))}, expected low, then high"
    for name in ("input", "output", "known", "map"):
        tensor = getattr(contract, name)
        if tensor and tensor.scale is not None and tensor.scale <= 0:
            yield f"{name}.scale: {tensor.scale:g}, expected more than 0"


def _expected(preprocessing: Preprocessing) -> Preprocessing:
    side, resize = preprocessing.image_size, preprocessing.resize
    expected = Preprocessing.of(side, resize, preprocessing.gray_range)
    return replace(expected, layout=preprocessing.layout)


def _about_answers(contract: Contract) -> Iterator[str]:
    labels, outputs = contract.labels, contract.output.shape
    if contract.task not in (None, LABELS, NUMBER, ONE_CLASS):
        yield f"task: {shortened(contract.task)} is none of {LABELS}, {NUMBER}, {ONE_CLASS}"
    if (contract.task == NUMBER) != (contract.scale is not None):
        yield "scale: missing" if contract.scale is None else "scale: there is no number"
    if contract.scale is not None and not 0 < contract.scale < math.inf:
        yield f"scale: {shortened(contract.scale)}, expected more than 0"
    if contract.thresholds and len(contract.thresholds) != len(labels):
        yield f"confidence.thresholds: {len(contract.thresholds)} for {len(labels)} labels"
    if not all(0 <= threshold <= 1 + _SLACK for threshold in contract.thresholds):
        yield "confidence.thresholds: one is no probability"
    if not labels or "" in labels:
        yield "labels: one is empty" if labels else "labels: there are none"
    if len(set(labels)) < len(labels):
        yield f"labels: {shortened(Counter(labels).most_common(1)[0][0])} is there twice"
    if len(outputs) != 2 or outputs[0] not in _BATCH:
        yield f"output.shape: {shortened(outputs)}, expected (batch, classes)"
    if outputs[1] != len(labels):
        yield f"labels: {len(labels)} for {outputs[1]} outputs"
    sides = contract.map.shape[1:] if contract.map else (1, 1)
    if len(sides) != 2 or not all(1 <= (side or 0) <= MOST_SIDE for side in sides):
        yield f"map.shape: {shortened(contract.map and contract.map.shape)}, expected 3 sizes"
    if contract.embedding and len(contract.embedding.shape) != 2:
        yield f"embedding.shape: {shortened(contract.embedding.shape)}, expected 2 sizes"
    if len(contract.golden) > _MOST_GOLDEN:
        yield f"golden: {len(contract.golden)} images, expected at most {_MOST_GOLDEN}"
    for number, golden in enumerate(contract.golden):
        for key, problem in _about_golden(golden, contract):
            yield f"golden.{number}.{key}: {problem}"


def _about_confidence(contract: Contract) -> Iterator[str]:
    if (contract.known is None) != (contract.refuse is None):
        yield f"{'known' if contract.known is None else 'refuse'}: missing"
    if contract.known and contract.known.shape not in [(batch, 1) for batch in _BATCH]:
        yield f"known.shape: {shortened(contract.known.shape)}, expected (batch, 1)"
    if contract.refuse is not None and not 0 <= contract.refuse < 1:
        yield f"refuse: {shortened(contract.refuse)}, expected 0 to 1"
    point = contract.operating_point
    if point and (problem := point.contradiction(contract.labels)):
        yield f"operating_point.{problem}"
    if contract.prior is not None and not (
        contract.prior.keys() == {*contract.labels}
        and all(0 < share < 1 for share in contract.prior.values())
        and abs(sum(contract.prior.values()) - 1) < _SUM_SLACK
    ):
        yield f"prior: {shortened(contract.prior)}, expected a share for each label"
    if contract.confidence is None:
        if contract.version >= _SAYS_HOW_SURE:
            yield "confidence: missing"
        return
    temperature, scale = contract.confidence.temperature, contract.confidence.known
    if not 0 < temperature.value < _HOTTEST:
        yield f"confidence.temperature.value: {shortened(temperature.value)} is no temperature"
    if scale and not 0 < scale.n <= _MOST_MEASURED:
        yield f"confidence.known.n: {shortened(scale.n)}, expected 1 to {_MOST_MEASURED}"
    if scale and not (
        scale.own
        and all(0 <= own <= 1 for own in scale.own)
        and list(scale.own) == sorted(scale.own)
    ):
        yield "confidence.known.own: no quantiles"
    for number, sets in enumerate(contract.confidence.sets):
        possible = 0 < sets.level < 1 and 0 < sets.n <= _MOST_MEASURED
        possible &= 0 <= sets.threshold <= 1 + _SLACK
        if not (possible and promised_rank(sets.n, sets.level)):
            yield f"confidence.sets.{number}: {shortened(asdict(sets))} is no promise"


def _about_golden(golden: Golden, contract: Contract) -> Iterator[tuple[str, str]]:
    side = contract.preprocessing.image_size
    for key in ("file", "pixels_file"):
        if not _GOLDEN_NAME.fullmatch(getattr(golden, key)):
            yield key, f"{shortened(getattr(golden, key))} is no name of a file in golden/"
    for key in ("sha256", "pixels_sha256"):
        if not _DIGEST.fullmatch(getattr(golden, key)):
            yield key, f"{shortened(getattr(golden, key))} is no SHA-256"
    classes = contract.task is None
    if classes and golden.label not in contract.labels:
        yield "label", f"{shortened(golden.label)} is none of the labels"
    if golden.pixels_shape != (side, side, 3):
        yield "pixels_shape", f"{shortened(golden.pixels_shape)}, expected {(side, side, 3)}"
    for key in ("model_probabilities", "artifact_probabilities"):
        answer = getattr(golden, key)
        if answer is not None and len(answer) != len(contract.labels):
            yield key, f"{len(answer)} probabilities for {len(contract.labels)} labels"
        most = math.inf if contract.task == NUMBER else 1 + _SLACK
        least = -most if contract.task == NUMBER else 0
        if answer is not None and not all(least <= value <= most for value in answer):
            yield key, "one is no probability"
    for key in ("model_known", "artifact_known"):
        known = getattr(golden, key)
        if known is not None and not 0 <= known <= 1:
            yield key, f"{shortened(known)}, expected 0 to 1"
    values, sides = golden.artifact_map, contract.map.shape[1:] if contract.map else ()
    if values is not None and len(values) != math.prod(side or 0 for side in sides):
        yield "artifact_map", f"{len(values)} values, expected one for each position"
    if contract.known and golden.model_known is None:
        yield "model_known", "missing"
    if classes and abs(sum(golden.model_probabilities) - 1) > _SUM_SLACK:
        yield "model_probabilities", f"their sum is {sum(golden.model_probabilities):g}, not 1"


def _not_among(key: str, value: str, known: Any) -> Iterator[str]:
    if value not in known:
        yield f"{key}: {shortened(value)} is none of {', '.join(known)}"
