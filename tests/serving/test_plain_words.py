"""Every answer is said in words."""

from __future__ import annotations

from typing import Any

import pytest

from tlearn.serving.plain_words import in_words, map_in_words

CAT: dict[str, Any] = {
    "label": "cat",
    "known": 0.481,
    "set": ["cat", "dog"],
    "top": [{"label": "cat", "probability": 0.9}, {"label": "dog", "probability": 0.06}],
}
REFUSED = CAT | {"label": None, "known": 0.001, "set": []}
SILENT = CAT | {"known": None, "set": [], "top": CAT["top"][:1]}
CASES: dict[str, tuple[str, dict[str, Any], str, list[str]]] = {
    "a class": (
        "classes",
        CAT,
        "cat",
        ["90.0%", "second: dog (6.0%)", "set of answers: cat, dog", "known: 0.48 of 1"],
    ),
    "no class": (
        "classes",
        REFUSED,
        "none of these",
        ["nearest: cat (90.0%)", "second: dog (6.0%)", "known: 0.00 of 1"],
    ),
    "a class of which no more is known": ("classes", SILENT, "cat", ["90.0%"]),
    "labels": (
        "labels",
        {"labels": ["b", "a"], "answers": {"a": 0.5, "b": 0.75}},
        "b, a",
        ["b (75.0%)", "a (50.0%)"],
    ),
    "no label": ("labels", {"labels": [], "answers": {"a": 0.1}}, "no label", ["a (10.0%)"]),
    "a number": (
        "number",
        {"answers": {"age": 31.25}, "interval": [29.0, 33.5]},
        "age 31.25",
        ["29 to 33.5, which holds 9 of 10 true numbers"],
    ),
    "a number without a promise": (
        "number",
        {"answers": {"age": 31.25}, "interval": None},
        "age 31.25",
        [],
    ),
    "a bad image": (
        "one_class",
        {"labels": ["bad"], "answers": {"anomaly": 0.99}},
        "bad",
        ["anomaly 0.990 (half of good images are below 0.5)"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_an_answer_in_words(name: str) -> None:
    task, record, headline, lines = CASES[name]
    assert in_words(task, record) == (headline, lines)


def test_the_colors_of_a_map_are_said() -> None:
    assert map_in_words("classes", "cat").endswith("speaks for cat")
    assert "up" in map_in_words("number", "up") and "down" in map_in_words("number", "up")
    assert map_in_words("one_class", "bad").endswith("unlike good images")
