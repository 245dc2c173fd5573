"""Snippets for labels, a number and good images answer as `tlearn predict` does."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.export.test_snippets import run_alone
from tests.export.web_page import node, read_by_page
from tests.target_runs import DRAWN
from tlearn import api
from tlearn.artifacts.contract_file import read_contract
from tlearn.commands.predict import predict_targets
from tlearn.evaluation.target_predictions import TargetPrediction
from tlearn.export.snippets import PLATFORMS

__all__ = ["node"]

Exported = tuple[Path, Path, list[Path]]


@pytest.fixture(params=[*DRAWN])
def exported(
    request: pytest.FixtureRequest, target_run: Callable[[str], Path], tmp_path: Path
) -> Exported:
    """A run, its file, and images; programs are beside the file."""
    run = target_run(request.param)
    artifacts = api.export(run, [("tflite", "none")])
    api.write_snippets(artifacts, [*PLATFORMS])
    drawn = DRAWN[request.param](tmp_path / "images")
    images = sorted((drawn if drawn.is_dir() else drawn.parent).rglob("*.png"))
    return run, artifacts[0].path, [*images[:8], *images[-8:]]


def in_columns(prediction: TargetPrediction, task: str | None) -> list[str]:
    answers = prediction.answers
    if task == "labels":
        return [f"{label} {answers[label]:.3f}" for label in prediction.labels] or ["none"]
    ((name, value),) = answers.items()
    if task == "one_class":
        return [*prediction.labels, f"{name} {value:.3f}"]
    assert prediction.interval
    return [f"{name} {value:.4g}", "{:.3g} to {:.3g}".format(*prediction.interval)]


def test_the_python_snippet_prints_what_predict_answers(exported: Exported) -> None:
    run, file, images = exported
    task = read_contract(file)[0].task
    lines = run_alone(file.with_name(f"classify_{file.stem}.py"), images)
    said = set()
    for line, prediction in zip(lines, predict_targets(run, images), strict=True):
        name, *columns = line.split("\t")
        assert name == prediction.name
        expected = in_columns(prediction, task)
        assert len(columns) == len(expected)
        for column, wanted in zip(columns, expected, strict=True):
            numbers = re.findall(r"-?\d[\d.]*", column), re.findall(r"-?\d[\d.]*", wanted)
            assert re.sub(r"\d[\d.]*", "", column) == re.sub(r"\d[\d.]*", "", wanted)
            values, others = ([float(number) for number in part] for part in numbers)
            assert values == pytest.approx(others, rel=2e-2, abs=2e-3)
        said.add(columns[0].split()[0])
    assert len(said) > 1 or task == "number"


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_value_is_filled_in(exported: Exported, platform: str) -> None:
    _, file, _ = exported
    contract, _ = read_contract(file)
    text = file.with_name(f"classify_{file.stem}.{PLATFORMS[platform]}").read_text()
    assert not re.search(r"{[{%]|[%}]}\n", text)
    assert text.count("{") == text.count("}") and text.count("(") == text.count(")")
    assert len(max(text.splitlines(), key=len)) <= 110
    assert f'"{contract.output.name}"' in text
    assert contract.confidence
    number = contract.confidence.number
    assert all(f"{least}" in text for least in contract.confidence.thresholds)
    assert number is None or f"{number.half_width:.7g}" in text


def test_the_page_answers_by_the_thresholds(exported: Exported, node: Any, tmp_path: Path) -> None:
    _, file, _ = exported
    contract, _ = read_contract(file)
    page, name = file.with_name(f"classify_{file.stem}.html"), contract.output.name
    least = contract.thresholds
    for shift in (0.01, -0.01):
        values = [least[n] + shift * (-1) ** n for n in range(len(least))]
        if contract.task == "number":
            values = [30 + shift]
        answer = read_by_page(page, {"other": [], name: values}, node, tmp_path)["label"]
        if contract.task == "labels":
            assert answer == ("circle" if shift > 0 else "square")
        elif contract.task == "one_class":
            assert answer == ("bad" if shift > 0 else "good")
        else:
            assert re.fullmatch(r"30\.01|29\.99", answer.split()[0]) and "9 of 10 within" in answer
