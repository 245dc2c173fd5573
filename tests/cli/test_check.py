"""Checks as a table and a document, and what the exit code says."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.conftest import Command
from tlearn.artifacts.contract import Contract, Preprocessing, Tensor
from tlearn.artifacts.verification import ContractCheck, Verdict, VerificationReport
from tlearn.commands.check import CheckResult
from tlearn.confidence.answers import Answer
from tlearn.confidence.operating_point import OperatingPoint, Rate, SensitivityKept
from tlearn.evaluation.metrics import Report, score
from tlearn.evaluation.predictions import Prediction
from tlearn.evaluation.scores import Scores

RED = "\x1b[31m"
LABELS = ("[bold]cats[/bold]", f"{RED}dogs", "a\nb")


@pytest.fixture
def passed(tmp_path: Path) -> VerificationReport:
    contract = Contract(
        version=1,
        tlearn="0.1.0",
        file="model.tflite",
        sha256="f00d",
        format="tflite",
        quantization="int8",
        signature="serving_default",
        input=Tensor("image", (1, 224, 224, 3), "uint8"),
        preprocessing=Preprocessing.of(224, "crop"),
        output=Tensor("probabilities", (1, 3), "float32"),
        labels=LABELS,
        provenance={},
        tolerance=0.05,
        golden=(),
    )
    checks = (
        ContractCheck("file", Verdict.KEPT, "SHA-256 f00d..., as promised"),
        ContractCheck("decoder", Verdict.WARNING, f"{RED}other pixels"),
        ContractCheck("answers", Verdict.UNCHECKED, "no [golden] image to run it on"),
    )
    return VerificationReport(tmp_path / "[my] model.tflite", contract, True, checks)


@pytest.fixture
def failed(passed: VerificationReport) -> VerificationReport:
    broken = ContractCheck("labels", Verdict.BROKEN, "output 0 is 'a' inside the file")
    return replace(passed, checks=(*passed.checks, broken))


def test_a_line_for_each_check_and_the_next_step(
    command: Command,
    calls: Callable[..., Any],
    passed: VerificationReport,
    fits: Callable[[str], None],
) -> None:
    recorded = calls("check", CheckResult(passed))
    result = command("check", "model.tflite")
    assert result.exit_code == 0
    fits(result.stdout)
    assert recorded[0][0] == (Path("model.tflite"), None)
    lines = [line.split() for line in result.stdout.splitlines() if line[:1] in "✓!·" and line]
    signs = {name: sign for sign, name, *_ in lines}
    assert signs["file"] == "✓" and signs["decoder"] == "!" and signs["answers"] == "·"
    assert "contract   version 1" in result.stdout
    assert "runs on    NPUs and CPUs" in result.stdout
    assert "224 x 224 RGB" in result.stdout and "[bold]cats[/bold]" in result.stdout
    last = result.stdout.splitlines()[-1]
    assert last.startswith("next") and last.endswith("[my] model.tflite' FOLDER")


def test_a_failed_check_exits_1_and_is_named(
    command: Command,
    calls: Callable[..., Any],
    failed: VerificationReport,
    fits: Callable[[str], None],
) -> None:
    calls("check", CheckResult(failed))
    result = command("check", "model.tflite")
    assert result.exit_code == 1
    fits(result.stdout)
    assert "✗" in result.stdout and "does not keep its contract: labels" in result.stderr
    assert "tlearn export RUN --quantize int8" in result.stderr and "next" not in result.stdout


def test_a_contract_is_somebody_elses_text(
    command: Command, calls: Callable[..., Any], passed: VerificationReport
) -> None:
    how = replace(passed.contract.preprocessing, color_order=RED, resize_in_words=RED)
    contract = replace(passed.contract, format=RED, quantization=RED, tlearn=RED, preprocessing=how)
    calls("check", CheckResult(replace(passed, contract=contract)))
    assert "\x1b" not in command("check", "model.tflite").stdout


def test_a_folder_is_scored(
    command: Command,
    calls: Callable[..., Any],
    passed: VerificationReport,
    report: Callable[[str], Report],
    fits: Callable[[str], None],
) -> None:
    calls("check", CheckResult(passed, Scores(report("images"), None)))
    result = command("check", "model.tflite", "images")
    assert result.exit_code == 0
    fits(result.stdout)
    assert "90.0%" in result.stdout and "95% interval" in result.stdout
    assert "Each class" in result.stdout
    assert "trained on   not known here" in result.stdout
    assert "What the numbers mean" in command("check", "model.tflite", "images", "-v").stdout


def test_loose_images_are_classified(
    command: Command, calls: Callable[..., Any], passed: VerificationReport
) -> None:
    prediction = Prediction.of("one.jpg", Answer(np.array([0.7, 0.2, 0.1])), LABELS)
    calls("check", CheckResult(passed, predictions=(prediction,)))
    assert "70.0%" in command("check", "model.tflite", "one.jpg").stdout
    document = json.loads(command("check", "model.tflite", "one.jpg", "--json").stdout)
    assert document["predictions"][0]["label"] == LABELS[0] and document["report"] is None


@pytest.mark.parametrize("good", [True, False])
def test_json_says_whether_every_check_passed(
    command: Command,
    calls: Callable[..., Any],
    passed: VerificationReport,
    failed: VerificationReport,
    good: bool,
) -> None:
    calls("check", CheckResult(passed if good else failed))
    result = command("check", "model.tflite", "--json")
    assert result.exit_code == (0 if good else 1) and not result.stderr
    document = json.loads(result.stdout)
    assert document["passed"] is good and document["contract"] == "beside"
    assert document["checks"][0] == {
        "name": "file",
        "verdict": "kept",
        "detail": "SHA-256 f00d..., as promised",
    }
    assert document["report"] is document["predictions"] is None


def test_strict_fails_what_was_not_checked_or_gave_a_warning(
    command: Command,
    calls: Callable[..., Any],
    passed: VerificationReport,
    failed: VerificationReport,
) -> None:
    calls("check", CheckResult(passed))
    assert "2 of 3 passed, 1 of 3 not checked" in command("check", "model.tflite").stdout
    result = command("check", "model.tflite", "--strict")
    assert result.exit_code == 1 and "next" not in result.stdout
    assert "1 of 3 not checked: answers; 1 of 3 with a warning: decoder" in result.stderr
    document = json.loads(command("check", "model.tflite", "--strict", "--json").stdout)
    assert document["passed"] is False and document["strict"] is True
    counts = {key: value for key, value in document.items() if key.startswith("n_")}
    assert counts == {"n_passed": 2, "n_failed": 0, "n_not_checked": 1}
    for n_checks, code in ((2, 1), (1, 0)):
        calls("check", CheckResult(replace(passed, checks=passed.checks[:n_checks])))
        assert command("check", "model.tflite", "--strict").exit_code == code
    calls("check", CheckResult(failed))
    result = command("check", "model.tflite", "--strict")
    assert "2 of 4 passed, 1 of 4 failed, 1 of 4 not checked" in result.stdout
    assert "does not keep its contract: labels" in result.stderr


def test_what_is_not_there_exits_2(command: Command, tmp_path: Path) -> None:
    result = command("check", tmp_path / "model.tflite")
    assert result.exit_code == 2 and "does not exist" in result.stderr


def test_github_is_told_what_failed_and_what_was_not_sure(
    command: Command, calls: Callable[..., Any], failed: VerificationReport
) -> None:
    calls("check", CheckResult(failed))
    shown = command("check", "model.tflite", "--output", "github")
    assert shown.exit_code == 1
    lines = [line for line in shown.stdout.splitlines() if line.startswith("::")]
    assert [line.split()[0] for line in lines] == ["::warning", "::notice", "::error", "::notice"]
    assert "\x1b" not in shown.stdout and "output 0 is 'a'" in lines[2]
    strict = command("check", "model.tflite", "--strict", "--output", "github", "--json")
    assert json.loads(strict.stdout)["passed"] is False
    assert strict.stderr.count("::error ") == 3


def test_a_promise_of_sensitivity_that_is_broken_exits_1(
    command: Command,
    calls: Callable[..., Any],
    passed: VerificationReport,
    fits: Callable[[str], None],
) -> None:
    rate = Rate(0.95, (0.76, 0.99), 19, 20)
    point = OperatingPoint(f"{RED}sick", 0.31, "sensitivity 0.95", rate, rate, rate, rate)
    contract = replace(passed.contract, labels=("well", f"{RED}sick"), operating_point=point)
    kept = SensitivityKept(f"{RED}sick", 0.95, 0.5, 30, 60, 1e-6)
    rows, labels = np.array([[0.9, 0.1], [0.3, 0.7]]), np.array([0, 1])
    scores = Scores(score(rows, labels, contract.labels, "new", point=point), None)
    result = CheckResult(replace(passed, contract=contract), scores, sensitivity=kept)
    calls("check", result)
    shown = command("check", "model.tflite", "new")
    fits(shown.stdout)
    assert shown.exit_code == 1 and "\x1b" not in shown.stderr
    assert "answers    \\x1b[31msick from a probability of 0.31 on" in shown.stdout
    assert "30 of 60 images of \\x1b[31msick are found (50.0%), not 95.0%" in shown.stderr
    document = json.loads(command("check", "model.tflite", "new", "--json").stdout)
    assert document["passed"] is False and document["sensitivity_kept"]["holds"] is False
    assert document["operating_point"]["threshold"] == 0.31
    calls("check", replace(result, sensitivity=replace(kept, p_value=0.3)))
    assert command("check", "model.tflite", "new").exit_code == 0
