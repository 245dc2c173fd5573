from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tlearn.evaluation.metrics import score
from tlearn.evaluation.report import MATRIX_LIMIT, N_MISTAKES, write_report

VOID = {"meta", "img", "br", "use", "path"}


class Page(HTMLParser):
    """The tags, attributes and text of a page; fails on tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        return [a for t, a in self.tags if t == tag and attributes.items() <= a.items()]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def write(path: Path, classes: tuple[str, ...] = ("ant", "bee"), n: int = 40, **more: Any) -> Page:
    rng = np.random.default_rng(0)
    labels = np.arange(n) % len(classes)
    rows = rng.random((n, len(classes))) + 0.7 * np.eye(len(classes))[labels]
    report = score(rows / rows.sum(axis=1, keepdims=True), labels, classes, "test")
    write_report(path, **{"title": "insects", "plan": {}, "report": report, **more})
    return Page(path.read_text("utf-8"))


@dataclass(frozen=True)
class Found:
    kind: str = "conflicting_labels"
    severity: str = "warning"
    message: str = "3 pictures"


def gray(value: int) -> np.ndarray:
    return np.full((40, 60, 3), value, np.uint8)


def test_a_full_page_says_it_all(tmp_path: Path) -> None:
    history = [
        {"epoch": e, "accuracy": e / 9, "val_accuracy": e / 10, "loss": 1 / e} for e in (1, 2)
    ]
    plan = {
        "policy": "top_stages",
        "horizontal_flip": True,
        "weights": None,
        "learning_rate": 1e-3,
        "stages": [
            {"name": "stage 1", "parameters": 896, "learning_rate": 0.0},
            {"name": "head", "parameters": 6405, "learning_rate": 0.001},
        ],
        "origins": {"policy": "suggestion", "horizontal_flip": "default"},
    }
    page = write(
        tmp_path / "report.html",
        plan=plan,
        history=history,
        findings=[Found(), {"kind": "tiny", "severity": "note", "message": "few"}],
        timings={"features": 75.4, "training": 3723.0},
        mistakes=[(gray(9), "ant", "bee", 0.7), (Image.new("P", (9, 9)), "bee", "ant", 0.9)],
    )
    for words in ("top_stages", "suggestion", "conflicting labels", "3 pictures", "frozen"):
        assert words in page.text
    for words in ("1 min 15 s", "1 h 2 min", "6,405", "accuracy by epoch", "95 % interval"):
        assert words.lower() in page.text.lower()
    assert len(page.all("svg")) == 3 and len(page.all("img")) == 2
    first = page.all("img")[0]
    assert first["alt"] == "a picture of bee, called ant"
    image = base64.b64decode(str(first["src"]).split(",")[1])
    assert Image.open(io.BytesIO(image)).format == "JPEG"


def test_the_least_page_has_no_empty_sections(tmp_path: Path) -> None:
    page = write(tmp_path / "report.html")
    for heading in ("How training went", "Where the time went", "most confident", "found in"):
        assert heading not in page.text
    assert len(page.all("svg")) == 1


def test_names_of_a_person_come_out_inert(tmp_path: Path) -> None:
    evil = (
        "<script>alert(1)</script>",
        "{{1234*5678}}",
        '"><img src=x onerror=alert(1)>',
        "$\\frac$",
    )
    page = write(
        tmp_path / "report.html",
        evil,
        title=evil[0],
        plan={evil[1]: evil[0], "stages": [{"name": evil[2], "parameters": 1, "learning_rate": 0}]},
        findings=[Found(evil[0], evil[2], evil[1])],
        timings={evil[2]: 1.0},
        history=[{"epoch": 1, "accuracy": 0.5, evil[0]: 1}] * 3,
        mistakes=[(gray(9), evil[2], evil[0], 0.7)],
    )
    assert not page.all("script") and len(page.all("img")) == 1
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert all(name in page.text for name in evil) and "7006652" not in page.text


def test_the_page_asks_nothing_of_the_network(tmp_path: Path) -> None:
    history = [{"epoch": 1, "accuracy": 0.5}, {"epoch": 2, "accuracy": 0.6}]
    page = write(tmp_path / "report.html", mistakes=[(gray(1), "ant", "bee", 0.5)], history=history)
    assert not page.all("link") and not page.all("script") and not page.all("iframe")
    for _, attributes in page.tags:
        for name in ("src", "href", "xlink:href", "action"):
            assert str(attributes.get(name) or "#").startswith(("#", "data:"))
    text = (tmp_path / "report.html").read_text("utf-8")
    assert "@import" not in text and not re.search(r"url\((?!#)", text)
    policy = page.all("meta", **{"http-equiv": "Content-Security-Policy"})[0]["content"]
    assert str(policy).startswith("default-src 'none'")


@pytest.mark.parametrize("n_classes", [2, 12, 13, MATRIX_LIMIT, MATRIX_LIMIT + 1])
def test_the_matrix_has_a_number_in_each_cell_while_it_is_readable(
    tmp_path: Path, n_classes: int
) -> None:
    classes = tuple(f"class {index}" for index in range(n_classes))
    page = write(tmp_path / "report.html", classes, 2 * n_classes)
    cells = [a for kind in ("right", "wrong", "zero") for a in page.all("td", **{"class": kind})]
    assert len(cells) == (n_classes**2 if n_classes <= MATRIX_LIMIT else 0)
    assert bool(page.all("div", **{"class": "scroll dense"})) == (12 < n_classes <= MATRIX_LIMIT)


def test_the_most_confident_mistakes_come_first_and_are_few(tmp_path: Path) -> None:
    mistakes = [(gray(1), "ant", f"bee {i}", i / 100) for i in range(40)]
    page = write(tmp_path / "report.html", mistakes=mistakes)
    calls = [str(image["alt"]).rsplit(" ", 1)[1] for image in page.all("img")]
    assert calls == [str(i) for i in range(39, 39 - N_MISTAKES, -1)]


def test_a_history_of_a_solved_head_draws_no_curve(tmp_path: Path) -> None:
    for history in ([], [{"epoch": 1, "accuracy": 0.9}], [{"epoch": 1, "loss": None}] * 3):
        assert len(write(tmp_path / "report.html", history=history).all("svg")) == 1


def test_all_right_is_one_hundred_and_nearly_is_not(tmp_path: Path) -> None:
    for wrong, words in ((0, "100.0 % right"), (1, "> 99.9 % right")):
        labels = np.zeros(3000, int)
        rows = np.tile([0.9, 0.1], (3000, 1))
        rows[:wrong] = [0.1, 0.9]
        report = score(rows, labels, ("ant", "bee"), "val")
        write_report(tmp_path / "r.html", title="t", plan={}, report=report)
        text = Page((tmp_path / "r.html").read_text("utf-8")).text
        assert words in text and "validation pictures" in text and "none among these" in text


def test_a_name_that_is_not_unicode_can_be_written(tmp_path: Path) -> None:
    write(tmp_path / "report.html", ("ant", "b\udcff"))
