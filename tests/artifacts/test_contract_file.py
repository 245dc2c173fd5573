"""Contracts are read as they were written, beside an artifact or inside it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from tlearn.artifacts.contract import VERSION, Contract, Golden, Preprocessing, Tensor
from tlearn.artifacts.contract_file import (
    contract_path,
    from_bytes,
    read_contract,
    to_bytes,
    write_contract,
)
from tlearn.artifacts.metadata import append_files
from tlearn.confidence.answer_sets import AnswerSets
from tlearn.confidence.confidence import Confidence, KnownScale
from tlearn.confidence.operating_point import OperatingPoint, Rate
from tlearn.confidence.temperature import Temperature
from tlearn.errors import ExportError

LABELS = ("a [b  c]", 'q"uote', "two\nlines", "☃", "bytes\udcff")
DIGEST = "f00d" * 16
GOLDEN = Golden(
    *("1.png", DIGEST, "☃", "1.pixels.png", DIGEST, (8, 8, 3)),
    *((0.2,) * 5, (0.1, 0.1, 0.1, 0.6, 0.1), 0.7, 0.6),
)
CONTRACT = Contract(
    version=VERSION,
    tlearn="0.1.0",
    file="model.tflite",
    sha256=DIGEST,
    format="tflite",
    quantization="none",
    signature="serving_default",
    input=Tensor("image", (1, 8, 8, 3), "float32"),
    preprocessing=Preprocessing.of(8, "pad"),
    output=Tensor("probabilities", (None, 5), "uint8", 1 / 256, 0),
    labels=LABELS,
    provenance={"model": "1", "plan": "2", "split": "3"},
    tolerance=0.001,
    golden=(GOLDEN,),
    known=Tensor("known", (None, 1), "uint8", 1 / 256, 0),
    refuse=0.05,
    confidence=Confidence(
        Temperature(1.5, "val", 30),
        KnownScale("val", 30, (0.1, 0.5, 0.9)),
        (AnswerSets(0.9, 0.3, 30),),
    ),
)
OLDER = replace(
    CONTRACT,
    version=2,
    golden=(replace(GOLDEN, model_known=None, artifact_known=None),),
    known=None,
    refuse=None,
    confidence=None,
)
"""What the versions before wrote: probabilities and nothing of how sure they are."""


def test_it_reads_back_what_was_written(tmp_path: Path) -> None:
    write_contract(CONTRACT, tmp_path / "model.tflite")
    assert read_contract(tmp_path / "model.tflite") == (CONTRACT, True)
    assert to_bytes(CONTRACT) == (tmp_path / "model.contract.json").read_bytes()


def test_an_operating_point_is_read_back_and_missing_where_there_is_none(tmp_path: Path) -> None:
    rate = Rate(0.95, (0.76, 0.99), 19, 20)
    point = OperatingPoint("dog", 0.3, "sensitivity 0.95", rate, rate, rate, Rate(None, None, 0, 0))
    golden = replace(
        GOLDEN, label="dog", model_probabilities=(0.1, 0.9), artifact_probabilities=(0.1, 0.9)
    )
    output, labels = replace(CONTRACT.output, shape=(None, 2)), ("cat", "dog")
    plain = replace(CONTRACT, labels=labels, output=output, golden=(golden,))
    contract = replace(plain, operating_point=point)
    write_contract(contract, tmp_path / "model.tflite")
    assert read_contract(tmp_path / "model.tflite") == (contract, True)
    assert "operating_point" not in json.loads(to_bytes(plain))
    for key, value in (("positive", "cow"), ("threshold", 2.0)):
        changed = replace(contract, operating_point=replace(point, **{key: value}))
        with pytest.raises(ExportError, match=rf"operating_point\.{key}: "):
            from_bytes(to_bytes(changed), "it")


def test_a_vector_is_on_one_line() -> None:
    lines = to_bytes(CONTRACT).decode().splitlines()
    assert '      "model_probabilities": [0.2, 0.2, 0.2, 0.2, 0.2],' in lines
    assert '    "shape": [1, 8, 8, 3],' in lines


def test_without_the_file_beside_it_the_contract_inside_counts(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(append_files(b"model", {"contract.json": to_bytes(CONTRACT.embedded())}))
    assert read_contract(path) == (CONTRACT.embedded(), False)
    write_contract(CONTRACT, path)
    assert read_contract(path) == (CONTRACT, True)


def test_the_second_version_is_read_and_says_nothing_of_known() -> None:
    content = to_bytes(OLDER)
    assert b"known" not in content and b"confidence" not in content
    assert from_bytes(content, "contract.json") == OLDER


def test_the_first_version_is_read_under_the_names_of_today() -> None:
    document = json.loads(to_bytes(OLDER)) | {"version": 1}
    how = document.pop("preprocessing")
    how["colour_order"], how["normalisation"] = how.pop("color_order"), how.pop("normalization")
    document |= {"preparation": how, "made_from": document.pop("provenance")}
    for golden in document["golden"]:
        golden["by_model"] = golden.pop("model_probabilities")
        golden["by_artefact"] = golden.pop("artifact_probabilities")
    contract = from_bytes(json.dumps(document).encode(), "contract.json")
    assert contract == replace(OLDER, version=1)


def edited(**changes: Any) -> bytes:
    """Change keys of the contract's document; `...` removes one."""
    document = json.loads(to_bytes(CONTRACT)) | changes
    document = {key: value for key, value in document.items() if value is not ...}
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"[]", "no contract"),
        (edited(version=...), "no contract"),
        (edited(version=VERSION + 1), f"version {VERSION + 1}"),
        (edited(version="1"), "version '1'"),
        (edited(labels=...), "labels: missing"),
        (edited(tolerance="wide"), "tolerance"),
        (edited(extra=1), "extra"),
        (edited(golden=[{}]), "golden.0.file"),
        (edited(input={"name": "x", "shape": ["wide"], "dtype": "float32"}), "input.shape"),
        (
            edited(preprocessing=asdict(Preprocessing.of(9, "pad"))),
            "image_size: 9, but the input",
        ),
        (
            edited(preprocessing=asdict(Preprocessing.of(8, "pad")) | {"resize": "fit"}),
            "resize: 'fit'",
        ),
        (edited(output={"name": "y", "shape": [], "dtype": "uint8"}), "output.shape"),
        (edited(golden=[asdict(replace(GOLDEN, model_probabilities=()))]), "golden.0"),
        (edited(version=True), "version True"),
        (edited(version=2.0), "version 2.0"),
        (edited(tolerance="0.001"), "tolerance: of another type"),
        (edited(output={"name": "y", "shape": [True, 5], "dtype": "uint8"}), "output.shape.0: of"),
        (edited(input={"name": "x", "shape": [1, 8, 8, 3], "dtype": "f"}), "input.scale: missing"),
        (to_bytes(CONTRACT).replace(b"0.001", b"NaN"), "NaN is no finite number"),
        (to_bytes(CONTRACT).replace(b"0.001", b"1e999"), "1e999 is no finite number"),
        (
            to_bytes(CONTRACT).replace(b'"tlearn"', b'"version": 2, "tlearn"'),
            "'version' is there t",
        ),
        (to_bytes(CONTRACT).replace(b"serving", b"s\xff"), "'utf-8' codec"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"version": 2, "input": ' * 50_000, "nested too deeply"),
        (b'{"version": ' + b"9" * 5000 + b"}", "not valid JSON"),
        (edited(golden=[asdict(replace(GOLDEN, artifact_probabilities=(1.0,)))]), "golden.0"),
    ],
)
def test_a_damaged_or_unknown_contract_is_an_error(content: bytes, message: str) -> None:
    with pytest.raises(ExportError, match=message) as error:
        from_bytes(content, "model.contract.json")
    assert "model.contract.json" in error.value.message and error.value.hint


def test_every_key_has_to_be_there() -> None:
    document = json.loads(to_bytes(CONTRACT))
    del document["golden"][0]["artifact_known"]  # the contract inside an artifact has none
    confidence = document["confidence"]
    parts = [document, document["input"], document["preprocessing"], document["golden"][0]]
    parts += [confidence, confidence["temperature"], confidence["known"], confidence["sets"][0]]
    for part in parts:
        for key, value in list(part.items()):
            del part[key]
            with pytest.raises(ExportError, match=r"no contract|missing"):
                from_bytes(json.dumps(document).encode(), "contract")
            part[key] = value


def test_a_contract_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "model.contract.json").open("wb") as file:
        file.truncate(40_000_000_000)
    with pytest.raises(ExportError, match=r"model\.contract\.json' has 40,000 MB, more than 16 MB"):
        read_contract(tmp_path / "model.tflite")


def test_beside_an_artifact_a_contract_has_its_hash_and_answers(tmp_path: Path) -> None:
    lacking = [
        replace(GOLDEN, **{key: None}) for key in ("artifact_probabilities", "artifact_known")
    ]
    changes = [("file", None), ("sha256", None), *(("golden", (golden,)) for golden in lacking)]
    for key, value in changes:
        write_contract(replace(CONTRACT, **{key: value}), tmp_path / "model.tflite")
        with pytest.raises(ExportError, match=f"damaged: {key}.*: missing"):
            read_contract(tmp_path / "model.tflite")


@pytest.mark.parametrize("where", [b'"labels"', b"PK\x01\x02"], ids=["content", "directory"])
def test_a_damaged_archive_is_an_error(tmp_path: Path, where: bytes) -> None:
    path = tmp_path / "model.tflite"
    content = bytearray(append_files(b"model", {"contract.json": to_bytes(CONTRACT.embedded())}))
    content[content.find(where)] ^= 1
    path.write_bytes(content)
    with pytest.raises(ExportError, match="is damaged"):
        read_contract(path)


def test_without_a_contract_the_error_names_the_file_to_look_for(tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(b"neither a model nor an archive")
    with pytest.raises(ExportError, match=r"'model\.contract\.json' is not beside it"):
        read_contract(tmp_path / "model.tflite")


@pytest.mark.parametrize(
    ("name", "contract"),
    [
        ("model_int8.tflite", "model_int8.contract.json"),
        ("saved_model", "saved_model.contract.json"),
        ("model.onnx", "model.onnx.contract.json"),  # model.tflite may be beside it
    ],
)
def test_a_contract_is_named_after_its_artifact(name: str, contract: str) -> None:
    assert contract_path(Path("out", name)) == Path("out", contract)
