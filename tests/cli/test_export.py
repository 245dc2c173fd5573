"""Which files are written, the document, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tlearn.cli.export import choose_formats
from tlearn.confidence.operating_point import OperatingPoint, Rate
from tlearn.errors import ExportError
from tlearn.export.comparison import ChangedPrediction, ClassChange
from tlearn.export.formats import FORMATS
from tlearn.export.parity import Artifact

KEYS = {"path", "format", "quantization", "size_bytes", "agreement", "accuracy", "drop"}
KEYS |= {"milliseconds", "drop_interval", "largest_difference", "changed", "classes", "threads"}
GOOD = Artifact(
    Path("runs/r/export/model.tflite"), "tflite", "none", 9_000_000, 1.0, 0.95, 0.0, 3.6, True, ""
)
BAD = replace(
    GOOD,
    path=Path("runs/r/export/model_int8.failed.tflite"),
    quantization="int8",
    agreement=0.6,
    accuracy=0.55,
    accuracy_drop=0.4,
    passed=False,
    failure="accuracy drops by 40.0 points, [more] than 1.0",
    drop_interval=(0.301, 0.502),
    changed_predictions=tuple(
        ChangedPrediction(f"[a]/{n}.png", "cats", "cats", "\x1b[31mdogs") for n in range(5)
    ),
    changed_classes=(ClassChange("cats", 10, 1.0, 0.5),),
    advice=("try --quantize dynamic",),
)


def test_json_of_a_failed_check_is_still_one_document(
    command: Command, calls: Callable[..., Any]
) -> None:
    calls("export", [GOOD, BAD])
    result = command("export", "--tflite", "--json")
    assert result.exit_code == 1 and not result.stderr
    first, second = json.loads(result.stdout)["artefacts"]
    assert first.keys() >= KEYS and first["passed"] and not second["passed"]
    assert first["path"] == str(GOOD.path)
    assert second["changed"][0]["before"] == "cats" and len(second["changed"]) == 5
    assert second["classes"] == [{"name": "cats", "n": 10, "before": 1.0, "after": 0.5}]


def test_what_is_refused_and_expected_goes_to_the_export_and_is_shown(
    command: Command, calls: Callable[..., Any]
) -> None:
    file = replace(GOOD, refuse=0.1, prior={"cats": 0.9, "dogs": 0.1})
    exported = calls("export", [file])
    words = ("export", "--tflite", "--refuse", "10%", "--prior", "cats=.9", "--prior", "dogs=10%")
    shown = command(*words).stdout
    assert exported[0][1]["options"].refuse == 0.1
    assert exported[0][1]["options"].prior == {"cats": 0.9, "dogs": 0.1}
    assert "answers are set for 90.0% cats, 10.0% dogs" in shown
    assert "about 10.0% of images of the classes are refused" in shown
    (artifact,) = json.loads(command(*words, "--json").stdout)["artifacts"]
    assert (artifact["refuse"], artifact["prior"]) == (0.1, {"cats": 0.9, "dogs": 0.1})


def test_without_either_the_usual_is_done_and_nothing_is_said_of_it(
    command: Command, calls: Callable[..., Any]
) -> None:
    exported = calls("export", [replace(GOOD, refuse=0.05)])
    shown = command("export", "--tflite").stdout
    asked = exported[0][1]["options"]
    assert asked.refuse is None and not asked.prior
    assert "refused" not in shown and "set for" not in shown


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--refuse", "5"), "--refuse '5': not a share from 0 to 1"),
        (("--refuse", "100%"), "every image would be refused"),
        (("--refuse", "some"), "--refuse 'some': not a share"),
        (("--prior", "cats"), "--prior 'cats': not a class and its share"),
        (("--prior", "cats=-1"), "not a share from 0 to 1"),
    ],
)
def test_what_is_no_share_is_refused_before_anything_is_read(
    command: Command, words: tuple[str, str], message: str
) -> None:
    result = command("export", "runs/there-is-none", "--tflite", *words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.split("hint: ")[1].split("as in: ")[-1].strip().endswith(("5%", "=0.9"))


def test_a_format_that_could_not_be_written_has_no_path_and_no_numbers(
    command: Command, calls: Callable[..., Any]
) -> None:
    failure, advice = "could not be written: no operator", ("use another format: --tflite",)
    lacking = replace(
        GOOD, format="onnx", size_bytes=0, passed=False, failure=failure, advice=advice
    )
    calls("export", [GOOD, lacking])
    result = command("export", "--tflite", "--onnx")
    assert result.exit_code == 1 and "no operator" in result.stdout
    (row,) = [line for line in result.stdout.splitlines() if line.startswith("✗")]
    assert row.split() == ["✗", "onnx", *"------"]
    assert "1 of 2 files could not be written" in result.stderr
    assert result.stderr.rstrip().endswith("hint: use another format: --tflite")
    document = json.loads(command("export", "--tflite", "--onnx", "--json").stdout)
    assert [file["path"] for file in document["artifacts"]] == [str(GOOD.path), None]


def test_nothing_chosen_names_the_choices(command: Command) -> None:
    result = command("export")
    assert result.exit_code == 2
    for flag in ("--tflite", "--onnx", "--openvino", "--saved-model"):
        assert flag in result.stderr


def test_a_missing_extra_is_met_before_the_run_is_opened(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tlearn.artifacts.extras.find_spec", lambda name: None)
    result = command("export", "runs/there-is-none", "--onnx")
    assert result.exit_code == 2
    assert "tf2onnx, onnx, onnxruntime" in result.stderr
    assert "pip install '.[onnx]'" in result.stderr


@pytest.mark.parametrize(
    ("names", "quantize", "expected"),
    [
        (["tflite"], [], [("tflite", "none")]),
        ([], ["int8"], [("tflite", "int8")]),
        (["saved_model", "tflite"], ["INT8", "none", "int8"],
         [("tflite", "int8"), ("tflite", "none"), ("saved_model", "none")]),
        (["saved_model"], [], [("saved_model", "none")]),
        (["openvino", "onnx"], ["int8-float"],
         [("tflite", "int8_float"), ("onnx", "none"), ("openvino", "none")]),
    ],
)  # fmt: skip
def test_flags_choose_formats_and_quantizations(
    names: list[str], quantize: list[str], expected: list[tuple[str, str]]
) -> None:
    assert choose_formats(names, quantize) == expected


def test_every_format_has_a_flag(command: Command) -> None:
    shown = command("export", "--help").stdout
    assert all(f"--{name.replace('_', '-')}" in shown for name in FORMATS)


def test_an_unknown_mode_lists_the_modes() -> None:
    with pytest.raises(ExportError, match="int4") as error:
        choose_formats(["tflite"], ["int4"])
    assert "float16" in error.value.hint


def test_the_operating_point_of_a_file_is_shown(
    command: Command, calls: Callable[..., Any], fits: Callable[[str], None]
) -> None:
    found, left = Rate(0.95, (0.76, 0.99), 19, 20), Rate(0.5, (0.3, 0.7), 10, 20)
    point = OperatingPoint("\x1b[31msick", 0.31, "sensitivity 0.95", found, left, left, left)
    recorded = calls("export", [replace(GOOD, operating_point=point)])
    shown = command("export", "--tflite", "--min-sensitivity", "95%")
    fits(shown.stdout)
    assert recorded[0][1]["options"].choice.min_sensitivity == 0.95
    text = " ".join(shown.stdout.split())
    assert "\\x1b[31msick from a probability of 0.31 on: 19 of 20 found, 10 of 20 left" in text
    document = json.loads(command("export", "--tflite", "--json").stdout)
    assert document["artifacts"][0]["operating_point"]["threshold"] == 0.31


def test_a_positive_class_alone_chooses_nothing(command: Command) -> None:
    result = command("export", "--tflite", "--positive", "sick")
    assert result.exit_code == 2 and "none is chosen" in result.stderr
    assert "--min-sensitivity 0.95 --positive sick" in result.stderr
