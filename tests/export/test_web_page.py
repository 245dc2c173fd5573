"""The page for browsers: its resampling and its decisions are run where there is node."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.export.test_snippets import SIZE, choosing, images, models, set_threshold
from tests.export.web_page import evaluate, node, read_by_page, scripts_of
from tlearn.artifacts.contract_file import read_contract, write_contract
from tlearn.confidence.confidence import UNKNOWN
from tlearn.data.decode import RESIZE_RULES, decode
from tlearn.data.order import middle
from tlearn.export import web_runtime
from tlearn.export.parity import Artifact
from tlearn.export.snippets import write_snippet

__all__ = ["choosing", "images", "models", "node"]


@pytest.mark.parametrize("rule", RESIZE_RULES)
def test_the_page_resamples_as_the_decoder_does(
    models: dict[str, Path], images: list[Path], rule: str, node: Any, tmp_path: Path
) -> None:
    preprocessing = scripts_of(write_snippet(models[rule], "web"))["preprocessing"]
    for image in (path for path in images if path.name in ("narrow.png", "small.png")):
        rgba = np.asarray(Image.open(image).convert("RGBA"))
        height, width, _ = rgba.shape
        call = f"Array.from(fit({rgba.ravel().tolist()}, {width}, {height}))"
        pixels = np.array(evaluate(preprocessing, call, node, tmp_path)).reshape(SIZE, SIZE, 4)
        difference = np.abs(pixels[..., :3] - decode(image, SIZE, rule).astype(int))
        assert difference.max() <= 1, image.name
        assert (pixels[..., 3] == 255).all()


def test_what_is_on_the_page_is_javascript_and_fetches_nothing_from_elsewhere(
    models: dict[str, Path], node: Any, tmp_path: Path
) -> None:
    page = write_snippet(models["squash"], "web")
    (tmp_path / "page.mjs").write_text(scripts_of(page)["page"])
    node("--check", tmp_path / "page.mjs")
    assert {*re.findall(r"https?://[^/\s:]*", page.read_text())} == {"http://localhost"}
    for file in web_runtime.FILES:
        assert page.read_text().count(Path(file).name) >= 2  # where it says what it needs, and how


@pytest.mark.parametrize(
    ("probabilities", "known", "label", "members"),
    [
        ([0.2, 0.7, 0.1], 0.5, "vertical", ["vertical", "horizontal"]),
        ([0.07, 0.03, 0.9], 0.06, "[checks] é", ["[checks] é"]),
        ([0.19, 0.18, 0.17], 0.04, None, ["horizontal"]),
    ],
)
def test_the_page_reads_outputs_by_their_names(
    models: dict[str, Path],
    node: Any,
    tmp_path: Path,
    probabilities: list[float],
    known: float,
    label: str | None,
    members: list[str],
) -> None:
    outputs = {"known": [known], "probabilities": probabilities}
    answer = read_by_page(write_snippet(models["squash"], "web"), outputs, node, tmp_path)
    assert (answer["label"], answer["set"]) == (label, members)
    assert [value for _, value in answer["top"]] == sorted(probabilities, reverse=True)


def test_the_page_turns_whole_numbers_into_probabilities(
    models: dict[str, Path], node: Any, tmp_path: Path
) -> None:
    page = write_snippet(models["crop"], "web")
    outputs = {"known": [255], "probabilities": [64, 128, 64]}
    answer = read_by_page(page, outputs, node, tmp_path)
    assert answer["top"][0] == ["vertical", 0.5]


@pytest.mark.parametrize("probabilities", [[0.4, 0.25, 0.35], [0.5, 0.1, 0.4], [0.2, 0.2, 0.6]])
def test_on_a_scale_the_page_answers_the_middle_class(
    models: dict[str, Path], node: Any, tmp_path: Path, probabilities: list[float]
) -> None:
    path = models["squash"]
    contract, _ = read_contract(path)
    ordered = replace(contract.confidence or UNKNOWN, ordered=True)
    write_contract(replace(contract, confidence=ordered), path)
    outputs = {"known": [1.0], "probabilities": probabilities}
    answer = read_by_page(write_snippet(path, "web"), outputs, node, tmp_path)
    write_contract(contract, path)
    assert answer["label"] == contract.labels[middle(np.array([probabilities]))[0]]
    assert answer["top"][0][0] == answer["label"]


@pytest.mark.parametrize(
    ("threshold", "score", "label"),
    [(0.3, 0.31, "a"), (0.3, 0.29, "b"), (0.8, 0.81, "a"), (0.8, 0.79, "b")],
)
def test_the_page_answers_by_the_operating_point(
    choosing: tuple[Artifact, np.ndarray],
    node: Any,
    tmp_path: Path,
    threshold: float,
    score: float,
    label: str,
) -> None:
    path = choosing[0].path
    set_threshold(path, threshold)
    outputs = {"probabilities": [score, 1 - score]}
    answer = read_by_page(write_snippet(path, "web"), outputs, node, tmp_path)
    assert answer["label"] == answer["top"][0][0] == label
