from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from tlearn.evaluation.predictions_file import SplitPredictions, write_errors, write_predictions

CLASSES = ("ant", "bee")
VAL = SplitPredictions(
    "val", CLASSES, ("ant/1.jpg", "bee/2.jpg"), np.array([0, 1]), np.array([[0.4, 0.6], [0.1, 0.9]])
)
TEST = SplitPredictions(
    "test",
    CLASSES,
    ("ant/3.jpg", "bee/4.jpg"),
    np.array([0, 1]),
    np.array([[0.5, 0.5], [0.8, 0.2]]),
)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_held_out_image_has_a_row(tmp_path: Path) -> None:
    write_predictions(tmp_path / "predictions.csv", [VAL, TEST])
    rows = read(tmp_path / "predictions.csv")
    assert list(rows[0]) == [
        *("path", "split", "truth", "answer", "probability_ant", "probability_bee"),
    ]
    assert [(row["path"], row["split"], row["answer"]) for row in rows] == [
        ("ant/1.jpg", "val", "bee"),
        ("bee/2.jpg", "val", "bee"),
        ("ant/3.jpg", "test", "ant"),  # a tie goes to the first class
        ("bee/4.jpg", "test", "ant"),
    ]
    assert rows[1]["truth"] == "bee" and float(rows[1]["probability_bee"]) == 0.9


def test_errors_of_all_splits_come_most_confident_first(tmp_path: Path) -> None:
    write_errors(tmp_path / "errors.csv", [VAL, TEST])
    assert read(tmp_path / "errors.csv") == [
        dict(path="bee/4.jpg", split="test", truth="bee", answer="ant", probability="0.800000"),
        dict(path="ant/1.jpg", split="val", truth="ant", answer="bee", probability="0.600000"),
    ]


def test_without_errors_there_is_a_header(tmp_path: Path) -> None:
    right = SplitPredictions("val", CLASSES, ("a.jpg",), np.array([1]), np.array([[0.1, 0.9]]))
    write_errors(tmp_path / "errors.csv", [right])
    assert (tmp_path / "errors.csv").read_text() == "path,split,truth,answer,probability\n"


def test_names_cannot_break_a_line_or_start_a_formula(tmp_path: Path) -> None:
    names = ('=HYPERLINK("x")', "a\n\u202egpj.exe", "b\udcff.jpg", 'c,"d".jpg')
    classes = ("-1+2", "b\re")
    rows = np.tile([0.3, 0.7], (4, 1))
    evil = SplitPredictions("val", classes, names, np.zeros(4, int), rows)
    write_predictions(tmp_path / "p.csv", [evil])
    write_errors(tmp_path / "e.csv", [evil])
    for file in ("p.csv", "e.csv"):
        written = read(tmp_path / file)
        assert [row["path"] for row in written] == [
            './=HYPERLINK("x")',
            "a\\n\\u202egpj.exe",
            "b\\udcff.jpg",
            'c,"d".jpg',
        ]
        assert {(row["truth"], row["answer"]) for row in written} == {("'-1+2", "b\\re")}
        assert len((tmp_path / file).read_bytes().splitlines()) == 5
