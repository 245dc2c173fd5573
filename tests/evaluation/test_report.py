from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tlearn.data.inspection import DataIssue
from tlearn.evaluation.examples import ExampleImage, Examples
from tlearn.evaluation.metrics import Report, score
from tlearn.evaluation.report import CLASSES_SHOWN, MATRIX_LIMIT, write_report
from tlearn.evaluation.report_content import NextStep, ReportContent
from tlearn.recipe.plan import Plan
from tlearn.suggestion.advice import Advice

VOID = {"meta", "img", "br", "wbr", "use", "path"}
HISTORY = [{"epoch": e, "accuracy": e / 9, "val_accuracy": e / 10, "loss": 1 / e} for e in (1, 2)]
ISSUE = DataIssue("conflicting_labels", "warning", "3 images: a.jpg, b.jpg", ("a.jpg", "b.jpg"))
Content = Callable[..., ReportContent]


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
        self.words.append("" if tag == "wbr" else " ")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.words.append(" ")
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        return [a for t, a in self.tags if t == tag and attributes.items() <= a.items()]

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


def page_of(content: ReportContent, path: Path) -> Page:
    write_report(path / "report.html", content)
    return Page((path / "report.html").read_text("utf-8"))


def example(answer: str = "bee", truth: str = "ant", name: str = "ant/a.jpg") -> ExampleImage:
    pixels = np.full((40, 60, 3), 9, np.uint8)
    return ExampleImage(pixels, name, truth, answer, 0.7, truth, 0.25)


def test_a_full_page_says_it_all(
    content: Content, report: Callable[..., Report], plan: Callable[..., Plan], tmp_path: Path
) -> None:
    page_content = content(
        plan=plan(policy="top_stages"),
        reports={"val": report(split="val", seed=1), "test": report()},
        history=HISTORY,
        issues=(ISSUE,),
        timings={"features": 75.4, "train": 3723.0},
        examples=Examples([example()], [example("ant")], [example(name="b.jpg")]),
        provenance={"tlearn": "0.1.0", "keras": "3.15.1", "command": "tlearn finetune insects"},
        next_steps=[NextStep("Try it on your own photo", "tlearn predict runs/x photo.jpg")],
    )
    page = page_of(page_content, tmp_path)
    for words in ("top-stages", "flag", "conflicting labels", "3 images: a.jpg", "frozen"):
        assert words in page.text
    for words in ("1 min 15 s", "1 h 2 min", "1,000", "Accuracy by epoch", "95% interval"):
        assert words in page.text
    for words in ("Test beside validation", "tlearn predict runs/x photo.jpg", "Keras 3.15.1"):
        assert words in page.text
    assert len(page.all("svg")) == 4
    assert [image["alt"] for image in page.all("img")] == [
        "an image of ant, answered bee",
        "an image of ant, answered ant",
        "an image of ant, answered bee",
    ]
    assert page.text.count("ant/a.jpg") == 2 and "ant 25.0%" in page.text
    image = base64.b64decode(str(page.all("img")[0]["src"]).split(",")[1])
    assert Image.open(io.BytesIO(image)).format == "JPEG"


def test_groups_are_named_beside_the_interval_that_they_widen(
    content: Content, report: Callable[..., Report], tmp_path: Path
) -> None:
    page = page_of(content(reports={"test": replace(report(), n_groups=12)}), tmp_path)
    assert "12 groups of images" in page.text
    assert "groups of images" not in page_of(content(reports={"test": report()}), tmp_path).text


def test_what_went_wrong_in_training_leads_the_page(content: Content, tmp_path: Path) -> None:
    page = page_of(content(warnings=("Tuning made it <worse>.",)), tmp_path)
    assert "warning Tuning made it <worse>." in page.text
    assert "warning" not in page_of(content(), tmp_path).text


def test_training_from_scratch_starts_from_no_head(
    content: Content, plan: Callable[..., Plan], tmp_path: Path
) -> None:
    page = page_of(content(plan=plan(policy="from_scratch"), history=HISTORY), tmp_path)
    assert "with random weights" in page.text and "head solved" not in page.text


def test_every_link_leads_to_a_section(
    content: Content, advice: Callable[..., Advice], tmp_path: Path
) -> None:
    page_content = content(
        advice=advice(),
        history=HISTORY,
        examples=Examples([example()]),
        provenance={"tlearn": "1"},
        next_steps=[NextStep("a", "b")],
    )
    page = page_of(page_content, tmp_path)
    sections = {section["id"] for section in page.all("section")}
    links = [str(link["href"])[1:] for link in page.all("a")]
    assert len(links) == 10 and set(links) <= sections


def test_the_least_page_has_no_empty_sections(content: Content, tmp_path: Path) -> None:
    page = page_of(content(), tmp_path)
    sections = [section["id"] for section in page.all("section")]
    assert sections == ["classes", "errors", "probabilities", "threshold", "settings"]
    assert len(page.all("svg")) == 2 and not page.all("img")


def test_evidence_stands_beside_the_result(
    content: Content, advice: Callable[..., Advice], tmp_path: Path
) -> None:
    page = page_of(content(advice=advice(), seconds=12.0), tmp_path)
    assert len(page.all("td", **{"class": "here"})) == 1
    assert len(page.all("tr", **{"class": "taken"})) == 1
    for words in ("linear-head taken", "it reached", "100 training images", "0.80 of 1", "12 s"):
        assert words in page.text
    assert "this model, on test images" in page.text and "1 min 35 s" in page.text
    least = page_of(content(advice=advice(similarity=None, profile=None, options=())), tmp_path)
    for words in ("Depth profile", "Ways to train", "Similarity to"):
        assert words in page.text and words not in least.text


def test_of_two_classes_the_page_says_what_is_found(
    content: Content, report: Callable[..., Report], tmp_path: Path
) -> None:
    scores = report(("<b>normal</b>", "pneumonia"))
    assert scores.operating_point
    page = page_of(content(("<b>normal</b>", "pneumonia"), reports={"test": scores}), tmp_path)
    rate = scores.operating_point.sensitivity
    for words in (
        *("Looking for pneumonia", "a guess by the names", "ROC curve", "others called pneumonia"),
        f"{rate.n_right} of {rate.n} of the images of pneumonia, how many are found",
    ):
        assert words in page.text
    three = ("ant", "bee", "cat")
    assert "Looking for" not in page_of(content(three), tmp_path).text
    one_class = score(np.array([[0.9, 0.1]] * 3), np.zeros(3, int), ("ant", "bee"), "test")
    page = page_of(content(reports={"test": one_class}), tmp_path)
    assert "ROC" not in page.text and "0 of 0" in page.text


def test_probabilities_before_calibration_stand_beside_those_after(
    content: Content, tmp_path: Path
) -> None:
    before = np.tile([[0.9, 0.1], [0.2, 0.8]], (20, 1))
    labels = np.arange(40) % 2
    after = score(before / 2 + 0.25, labels, ("ant", "bee"), "test", before=before)
    text = page_of(content(reports={"test": after}), tmp_path).text
    assert "before calibration" in text and f"{after.log_loss_before:.3f}" in text
    assert "before calibration" not in page_of(content(), tmp_path).text


def test_private_images_are_neither_shown_nor_named(
    content: Content, plan: Callable[..., Plan], tmp_path: Path
) -> None:
    examples = Examples([example()], [example()], [example()])
    page_content = content(plan=plan(keep_samples=False), examples=examples, issues=(ISSUE,))
    page = page_of(page_content, tmp_path)
    assert not page.all("img") and ".jpg" not in (tmp_path / "report.html").read_text("utf-8")
    assert "2 found" in page.text


def test_names_of_a_person_come_out_inert(content: Content, tmp_path: Path) -> None:
    evil = (
        "<script>alert(1)</script>",
        "{{1234*5678}}",
        '"><img src=x onerror=alert(1)>',
        "$\\frac$",
    )
    page_content = content(
        evil,
        title=evil[0],
        issues=(DataIssue(evil[0], evil[2], evil[1], ()),),
        timings={evil[2]: 1.0},
        history=[{"epoch": 1, "accuracy": 0.5, evil[0]: 1}] * 3,
        examples=Examples([example(evil[2], evil[0], f"{evil[2]}/{evil[0]}")]),
        provenance={evil[1]: evil[0]},
        next_steps=[NextStep(evil[2], evil[0])],
    )
    page = page_of(page_content, tmp_path)
    assert not page.all("script") and len(page.all("img")) == 1
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert all(name in page.text for name in evil) and "7006652" not in page.text


def test_a_name_cannot_turn_the_text_around_it(content: Content, tmp_path: Path) -> None:
    page_content = content(
        ("ant", "b\udcff\u202egpj\x07"), examples=Examples([example(name="\u202ea.jpg")])
    )
    page = page_of(page_content, tmp_path)
    assert "\u202e" not in page.text and "\x07" not in page.text
    assert "b\\udcff\\u202egpj\\x07" in page.text and "\\u202ea.jpg" in page.text


def test_the_page_asks_nothing_of_the_network(content: Content, tmp_path: Path) -> None:
    page = page_of(content(examples=Examples([example()]), history=HISTORY), tmp_path)
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
    content: Content, tmp_path: Path, n_classes: int
) -> None:
    classes = tuple(f"class {index}" for index in range(n_classes))
    page = page_of(content(classes, 2 * n_classes), tmp_path)
    cells = [a for kind in ("right", "wrong", "zero") for a in page.all("td", **{"class": kind})]
    assert len(cells) == (n_classes**2 if n_classes <= MATRIX_LIMIT else 0)
    assert bool(page.all("div", **{"class": "scroll dense"})) == (12 < n_classes <= MATRIX_LIMIT)
    if n_classes <= MATRIX_LIMIT:  # a column carries its name, not a number that a class may have
        assert f"answer → {' '.join(classes)} class 0" in page.text


def test_of_many_classes_the_weakest_are_shown_and_the_others_folded(
    content: Content, tmp_path: Path
) -> None:
    classes = tuple(f"class {index}" for index in range(CLASSES_SHOWN + 5))
    page = page_of(content(classes, 2 * len(classes)), tmp_path)
    assert "5 more classes" in page.text and all(name in page.text for name in classes)


def test_a_history_of_a_solved_head_draws_no_curve(content: Content, tmp_path: Path) -> None:
    for history in ([], [{"epoch": 1, "accuracy": 0.9}], [{"epoch": 1, "loss": None}] * 3):
        assert len(page_of(content(history=history), tmp_path).all("svg")) == 2


def test_all_right_is_one_hundred_and_nearly_is_not(content: Content, tmp_path: Path) -> None:
    for wrong, words in ((0, "100.0% right"), (1, ">99.9% right")):
        labels = np.zeros(3000, int)
        rows = np.tile([0.9, 0.1], (3000, 1))
        rows[:wrong] = [0.1, 0.9]
        scores = score(rows, labels, ("ant", "bee"), "val")
        text = page_of(replace(content(), reports={"val": scores}), tmp_path).text
        assert words in text and "3,000 validation images" in text and "none among these" in text


def test_the_same_content_gives_the_same_page(
    content: Content, advice: Callable[..., Advice], tmp_path: Path
) -> None:
    page_content = content(advice=advice(), history=HISTORY, examples=Examples([example()]))
    page_of(page_content, tmp_path / "first"), page_of(page_content, tmp_path / "second")
    first, second = ((tmp_path / run / "report.html").read_bytes() for run in ("first", "second"))
    assert first == second
