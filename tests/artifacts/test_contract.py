"""One record, written and read in one place."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from tlearn.artifacts.contract import (
    RESIZE_IN_WORDS,
    VERSION,
    Contract,
    Golden,
    Preprocessing,
    Tensor,
    artifact_digest,
    contract_path,
    from_bytes,
    read_contract,
    to_bytes,
    tolerance_of,
    write_contract,
)
from tlearn.artifacts.metadata import append_files
from tlearn.errors import ExportError
from tlearn.export.quantization import MODES

LABELS = ("a [b  c]", 'q"uote', "two\nlines", "☃", "bytes\udcff")
GOLDEN = Golden("1.png", "f00d", "☃", "1.pixels.png", "beef", (8, 8, 3), (0.1,) * 5, (0.2,) * 5)
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
    output=Tensor("probabilities", (None, 5), "uint8", 1 / 256, 0),
    labels=LABELS,
    provenance={"model": "1", "plan": "2", "split": "3"},
    tolerance=0.001,
    golden=(GOLDEN,),
)


def test_it_reads_back_what_was_written(tmp_path: Path) -> None:
    write_contract(CONTRACT, tmp_path / "model.tflite")
    assert read_contract(tmp_path / "model.tflite") == (CONTRACT, True)
    assert to_bytes(CONTRACT) == (tmp_path / "model.contract.json").read_bytes()


def test_a_vector_stands_on_one_line() -> None:
    lines = to_bytes(CONTRACT).decode().splitlines()
    assert '      "model_probabilities": [0.1, 0.1, 0.1, 0.1, 0.1],' in lines
    assert '    "shape": [1, 8, 8, 3],' in lines


def test_inside_it_says_nothing_of_its_own_hash_and_answers() -> None:
    inside = CONTRACT.inside()
    assert inside.sha256 is inside.file is inside.golden[0].artifact_probabilities is None
    assert inside.golden[0].model_probabilities == GOLDEN.model_probabilities
    assert from_bytes(to_bytes(inside), "x") == inside


def edited(**changes: Any) -> bytes:
    document = json.loads(to_bytes(CONTRACT)) | changes
    kept = {key: value for key, value in document.items() if value is not ...}
    return json.dumps(kept).encode()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"[]", "no contract"),
        (edited(version=...), "no contract"),
        (edited(version=VERSION + 1), f"version {VERSION + 1}"),
        (edited(version="1"), "version '1'"),
        (edited(labels=...), "labels: Field required"),
        (edited(tolerance="wide"), "tolerance"),
        (edited(extra=1), "extra"),
        (edited(golden=[{}]), "golden.0.file"),
        (edited(input={"name": "x", "shape": ["wide"], "dtype": "float32"}), "input.shape"),
        (
            edited(preprocessing=asdict(Preprocessing.of(9, "pad"))),
            "image_size: 9, where the input",
        ),
        (
            edited(preprocessing=asdict(Preprocessing.of(8, "pad")) | {"resize": "fit"}),
            "resize: 'fit'",
        ),
        (edited(output={"name": "y", "shape": [], "dtype": "uint8"}), "output.shape"),
        (edited(golden=[asdict(replace(GOLDEN, model_probabilities=()))]), "golden.0"),
        (edited(golden=[asdict(replace(GOLDEN, artifact_probabilities=(1.0,)))]), "golden.0"),
    ],
)
def test_what_is_no_contract_is_a_fault(content: bytes, words: str) -> None:
    with pytest.raises(ExportError, match=words) as error:
        from_bytes(content, "model.contract.json")
    assert "model.contract.json" in error.value.message and error.value.hint


@pytest.mark.parametrize("where", [b'"labels"', b"PK\x01\x02"], ids=["content", "directory"])
def test_a_damaged_archive_is_a_fault(tmp_path: Path, where: bytes) -> None:
    path = tmp_path / "model.tflite"
    content = bytearray(append_files(b"model", {"contract.json": to_bytes(CONTRACT.inside())}))
    content[content.find(where)] ^= 1
    path.write_bytes(content)
    with pytest.raises(ExportError, match="is damaged"):
        read_contract(path)


def test_no_contract_at_all(tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(b"neither a model nor an archive")
    with pytest.raises(ExportError, match=r"model\.contract\.json is not beside it"):
        read_contract(tmp_path / "model.tflite")


@pytest.mark.parametrize(
    ("name", "contract"),
    [
        ("model_int8.tflite", "model_int8.contract.json"),
        ("saved_model", "saved_model.contract.json"),
        ("model.onnx", "model.onnx.contract.json"),  # model.tflite may lie beside it
    ],
)
def test_names(name: str, contract: str) -> None:
    assert contract_path(Path("out", name)) == Path("out", contract)


def test_digest_of_a_directory_is_that_of_names_and_contents(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name / "variables").mkdir(parents=True)
        (tmp_path / name / "variables" / "data").write_text("weights")
        (tmp_path / name / "graph.pb").write_text("graph")
    digest = artifact_digest(tmp_path / "a")
    assert digest == artifact_digest(tmp_path / "b")
    (tmp_path / "b" / "graph.pb").rename(tmp_path / "b" / "other.pb")
    assert digest != artifact_digest(tmp_path / "b")
    (tmp_path / "a" / "graph.pb").write_text("grape")
    assert digest != artifact_digest(tmp_path / "a")


def test_weights_beside_a_graph_count(tmp_path: Path) -> None:
    (tmp_path / "model.xml").write_text("graph")
    alone = artifact_digest(tmp_path / "model.xml")
    (tmp_path / "model.bin").write_text("weights")
    assert artifact_digest(tmp_path / "model.xml") != alone


def test_every_rule_and_mode_is_known() -> None:
    from tlearn.data.decode import RESIZE_RULES

    assert set(RESIZE_IN_WORDS) == set(RESIZE_RULES)
    assert tolerance_of("none") == min(tolerance_of(mode) for mode in MODES)
