"""Promises in words: what was promised, what was found, and whether that is a break."""

from __future__ import annotations

from rich.console import Console

from tlearn.cli.confidence_view import broken_promise, draw_confidence, to_json, unlike
from tlearn.confidence.answer_sets import Coverage
from tlearn.confidence.strangers import KnownShare, StrangerScores

KEPT, BROKEN = Coverage(0.9, 0.91, 1.8, 188, 0.6), Coverage(0.95, 0.7, 1.2, 100, 1e-12)
LIKE, UNLIKE = KnownShare(0.957, 188, 0.4), KnownShare(0.01, 80, 1e-20)


def words(*blocks: object) -> str:
    console = Console(width=80)
    with console.capture() as captured:
        for block in blocks:
            console.print(block)
    return " ".join(captured.get().split())


def test_a_promise_is_said_beside_what_was_found() -> None:
    text = words(*draw_confidence([KEPT], LIKE, StrangerScores(0.998, 0.0125, 480)))
    assert "hold the right one for 91.0% of 188 images, 90% promised" in text
    assert "95.7% of 188 images" in text
    assert "98.8% of 480 images of no class refused" in text
    assert "not like" not in text


def test_refused_images_are_said_to_count_in_the_scores() -> None:
    text = words(*draw_confidence([], LIKE, refused={"ok": 1, "[bad]": 7}))
    assert "(1 of ok, 7 of [bad]), but count above as if they were answered" in text
    assert "count above" not in words(*draw_confidence([], LIKE, refused={"ok": 0, "bad": 0}))


def test_images_unlike_those_of_training_are_said_to_be() -> None:
    assert "not like the images of training" in words(*draw_confidence([], UNLIKE))
    assert "do not rely on the answers" in words(unlike(UNLIKE))


def test_a_broken_promise_says_by_how_much() -> None:
    assert broken_promise([BROKEN]).startswith(
        "sets of answers hold the right one for 70.0% of 100 images, not 95%"
    )


def test_nothing_promised_and_nothing_known_are_not_mentioned() -> None:
    assert draw_confidence([], None) == []
    nothing = {"conformal": [], "known_rate": None, "unlike_training": None, "refused": {}}
    assert to_json([], None) == nothing


def test_the_document_says_whether_each_promise_holds() -> None:
    document = to_json([KEPT, BROKEN], UNLIKE)
    assert [row["holds"] for row in document["conformal"]] == [True, False]
    assert [row["level"] for row in document["conformal"]] == [0.9, 0.95]
    assert (document["known_rate"], document["unlike_training"]) == (0.01, True)
