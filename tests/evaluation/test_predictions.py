from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from tlearn.confidence.answer_sets import AnswerSets
from tlearn.confidence.answers import Answer
from tlearn.confidence.confidence import Confidence
from tlearn.confidence.operating_point import OperatingPoint, Rate
from tlearn.evaluation.predictions import (
    Prediction,
    answer_pixels,
    csv_text,
    predict_pixels,
    to_csv,
    top_k,
)


def brightness(batch: np.ndarray) -> np.ndarray:
    light = batch.astype(np.float64).mean(axis=(1, 2, 3)) / 255
    return np.stack([light, 1 - light], axis=1)


def test_rank_is_best_first_and_stable() -> None:
    assert top_k(np.array([0.2, 0.5, 0.2, 0.1]), "abcd", 3) == (("b", 0.5), ("a", 0.2), ("c", 0.2))
    assert len(top_k(np.array([0.6, 0.4]), "ab", 5)) == 2


def test_a_prediction_agrees_with_its_ranking() -> None:
    item = Prediction.of("x.jpg", Answer(np.array([0.1, 0.9])), ("cat", "dog"))
    assert (item.label, item.probability) == item.top[0] == ("dog", 0.9)
    assert item.problem is None
    assert Prediction.unreadable("y.jpg", "not an image").top == ()


def test_an_image_that_is_not_known_has_no_label_and_no_set_of_answers() -> None:
    confidence = Confidence(sets=(AnswerSets(0.9, 0.5, 100), AnswerSets(0.95, 0.2, 100)))

    def of(known: float | None, refuse: float = 0.05) -> Prediction:
        row = np.array([0.1, 0.6, 0.3])
        return Prediction.of("x.jpg", Answer(row, known), "abc", confidence, refuse)

    refused = of(0.04)
    assert (refused.label, refused.answers, refused.known) == ("", (), 0.04)
    assert refused.top[0] == ("b", refused.probability), "what it was nearest to can be seen"
    for answered in (of(None), of(0.05), of(0.04, refuse=0.01)):
        assert (answered.label, answered.answers) == ("b", ("b", "c"))


@pytest.mark.parametrize(("n", "calls"), [(1, [1]), (32, [32]), (33, [32, 1]), (70, [32, 32, 6])])
def test_pixels_go_through_in_batches(tmp_path: Path, n: int, calls: list[int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (n, 4, 4, 3), dtype=np.uint8)
    np.save(tmp_path / "pixels.npy", pixels)
    stored = np.load(tmp_path / "pixels.npy", mmap_mode="r")
    seen: list[np.ndarray] = []

    def model(batch: np.ndarray) -> np.ndarray:
        seen.append(batch)
        return brightness(batch)

    result = predict_pixels(model, stored)
    assert [len(batch) for batch in seen] == calls
    assert all(type(batch) is np.ndarray and batch.dtype == np.uint8 for batch in seen)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, brightness(pixels), rtol=1e-6)


def test_both_outputs_of_a_model_are_kept_in_step() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (33, 4, 4, 3), dtype=np.uint8)

    def two(batch: np.ndarray) -> list[np.ndarray]:
        return [brightness(batch), batch[:, :1, 0, 0] / 255]

    answers = answer_pixels(two, pixels)
    assert answers.known is not None
    np.testing.assert_allclose(answers.probabilities, brightness(pixels), rtol=1e-6)
    np.testing.assert_allclose(answers.known, pixels[:, 0, 0, 0] / 255, rtol=1e-6)
    assert answer_pixels(brightness, pixels).known is None


def test_no_pixels_is_a_bug() -> None:
    with pytest.raises(ValueError, match="at least one"):
        predict_pixels(brightness, np.empty((0, 4, 4, 3)))


def test_the_table_reads_back() -> None:
    items = [
        Prediction.of('a, "b"\n.jpg', Answer(np.array([0.25, 0.75]), 0.5), ("cat", "dog")),
        Prediction.unreadable("broken.jpg", "truncated"),
    ]
    rows = list(csv.DictReader(io.StringIO(to_csv(items))))
    assert rows[0]["image"] == 'a, "b"\\n.jpg'
    assert (rows[0]["label"], float(rows[0]["probability"])) == ("dog", 0.75)
    assert (rows[0]["label_2"], float(rows[0]["probability_2"])) == ("cat", 0.25)
    assert float(rows[0]["known"]) == 0.5
    assert rows[1] == {
        "image": "broken.jpg",
        "label": "",
        "probability": "",
        "problem": "truncated",
        "known": "",
        "label_2": "",
        "probability_2": "",
    }


@pytest.mark.parametrize("start", "=+-@\uff1d")
def test_no_cell_starts_a_formula(start: str) -> None:
    text = start + 'HYPERLINK("x")'
    items = [
        Prediction.of(text, Answer(np.array([0.4, 0.6])), (text, text)),
        Prediction.unreadable(text, text),
    ]
    cells = [cell for row in csv.reader(io.StringIO(to_csv(items), newline="")) for cell in row]
    assert not any(cell.startswith(start) for cell in cells)
    assert (cells.count("'" + text), cells.count("./" + text)) == (3, 2)


def test_an_empty_list_gives_a_header() -> None:
    assert to_csv([]) == "image,label,probability,problem,known\n"


def test_text_of_a_cell_cannot_break_the_line_or_turn_around() -> None:
    assert csv_text("a\r\n\u202egpj\udcff.jpg") == "a\\r\\n\\u202egpj\\udcff.jpg"
    assert csv_text("Über Größe\u00a0螞蟻.jpg") == "Über Größe\u00a0螞蟻.jpg"


@pytest.mark.parametrize(("share", "label"), [(0.29, "cat"), (0.3, "dog"), (0.6, "dog")])
def test_a_class_is_answered_from_the_operating_point_on(share: float, label: str) -> None:
    rate = Rate(None, None, 0, 0)
    point = OperatingPoint("dog", 0.3, "cost 10:1", rate, rate, rate, rate)
    answer = Answer(np.array([1 - share, share]), 0.9)
    item = Prediction.of("x.jpg", answer, ("cat", "dog"), point=point)
    assert item.label == label and (item.label, item.probability) == item.top[0]
    assert {*item.top} == {("cat", 1 - share), ("dog", share)}
    stranger = Prediction.of("x.jpg", answer._replace(known=0.01), ("cat", "dog"), point=point)
    assert stranger.label == ""


def test_the_middle_class_of_a_scale_is_answered() -> None:
    probabilities = np.array([0.4, 0.3, 0.3], np.float32)
    said = Prediction.of("a", Answer(probabilities), ["1", "2", "3"], Confidence(ordered=True))
    assert said.label == said.top[0][0] == "2" and said.probability == pytest.approx(0.3)
    assert [label for label, _ in said.top[1:]] == ["1", "3"]
