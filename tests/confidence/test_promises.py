"""Promises are held against images that the model has not seen, and against no others."""

import numpy as np

from tlearn.confidence.answer_sets import AnswerSets
from tlearn.confidence.answers import Answer, Answers
from tlearn.confidence.confidence import UNKNOWN, Confidence, KnownScale
from tlearn.confidence.promises import hold_promises
from tlearn.confidence.temperature import NO_TEMPERATURE

SETS = (AnswerSets(0.9, 0.3, 40), AnswerSets(0.95, 0.2, 40))
SCALE = KnownScale("val", 40, tuple(np.linspace(0, 1, 11).tolist()))
CONFIDENCE = Confidence(NO_TEMPERATURE, SCALE, SETS)
ANSWERS = Answers(
    np.array([[0.9, 0.1], [0.1, 0.9], [0.75, 0.25], [0.9, 0.1]], np.float32),
    np.array([0.9, 0.01, 0.5, 0.6], np.float32),
)
LABELS = np.array([0, 0, 1, 0])


def test_sets_for_other_shares_are_held_against_images_drawn_by_them() -> None:
    """The second class is never in its set, and is promised to be rare."""
    labels = np.repeat([0, 1], [60, 60])
    answers = Answers(np.tile(np.array([0.9, 0.1], np.float32), (120, 1)))
    confidence = Confidence(sets=(AnswerSets(0.9, 0.5, 100),))
    (kept,) = hold_promises(confidence, answers, labels, None, 0.05, (0.95, 0.05)).coverage
    assert kept.n == 63 and kept.coverage == 60 / 63 and kept.holds
    (whole,) = hold_promises(confidence, answers, labels, None, 0.05).coverage
    assert whole.n == 120 and not whole.holds
    assert not hold_promises(confidence, answers, 0 * labels, None, 0.05, (0.9, 0.1)).coverage


def test_only_new_images_count() -> None:
    kept = hold_promises(CONFIDENCE, ANSWERS, LABELS, np.array([True, False, False, True]), 0.05)
    assert [(of.level, of.coverage, of.n) for of in kept.coverage] == [(0.9, 0, 2), (0.95, 0.5, 2)]
    assert kept.known is not None
    assert (kept.known.share, kept.known.n) == (0.5, 2)


def test_refused_images_are_counted_by_class() -> None:
    kept = hold_promises(CONFIDENCE, ANSWERS, LABELS, None, 0.05, classes=("a", "b"))
    assert kept.refused == {"a": 1, "b": 0}
    new = hold_promises(CONFIDENCE, ANSWERS, LABELS, LABELS == 0, 0.05, classes=("a", "b"))
    assert new.refused == {"a": 0, "b": 0}


def test_all_count_where_nothing_is_known_of_their_past() -> None:
    kept = hold_promises(CONFIDENCE, ANSWERS, LABELS, None, 0.05)
    assert {of.n for of in kept.coverage} == {4}


def test_nothing_new_and_nothing_promised_say_nothing() -> None:
    trained_on = np.full(4, True)
    assert hold_promises(CONFIDENCE, ANSWERS, LABELS, trained_on, 0.05).coverage == ()
    assert hold_promises(UNKNOWN, ANSWERS, LABELS, None, 0.05).coverage == ()
    assert hold_promises(None, ANSWERS, LABELS, None, 0.05).known is None


def test_the_strongest_promise_gives_the_set() -> None:
    assert CONFIDENCE.answer_sets() == SETS[1]
    assert UNKNOWN.answer_sets() is None


def test_answers_come_side_by_side_and_one_by_one() -> None:
    together = Answers.of([Answer(np.array([0.2, 0.8]), 0.5), Answer(np.array([0.6, 0.4]), 0.1)])
    assert together.known is not None
    assert together.known.tolist() == [np.float32(0.5), np.float32(0.1)]
    assert [round(answer.known or 0, 3) for answer in together] == [0.5, 0.1]
    plain = Answers.of([Answer(np.array([0.2, 0.8]))])
    assert plain.known is None
    assert [answer.known for answer in plain] == [None]
