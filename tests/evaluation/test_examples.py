from __future__ import annotations

from typing import Any

import numpy as np

from tlearn.evaluation.examples import (
    N_ERRORS,
    N_LEAST_CERTAIN,
    N_RIGHT,
    Examples,
    pick_examples,
    with_maps,
)
from tlearn.evaluation.predictions_file import SplitPredictions


def predictions(confidence: list[float], right: list[bool], labels: list[int]) -> SplitPredictions:
    """Answers of three classes; a wrong one is the next class, the third gets nothing."""
    truth = np.array(labels)
    answers = np.where(right, truth, (truth + 1) % 3)
    rows = np.zeros((len(truth), 3))
    rows[np.arange(len(truth)), (answers + 1) % 3] = 1 - np.array(confidence)
    rows[np.arange(len(truth)), answers] = confidence
    names = [f"{number}.jpg" for number in range(len(truth))]
    return SplitPredictions("test", "abc", names, truth, rows)


def numbered(n: int) -> np.ndarray:
    """Images that hold their own number."""
    return np.full((n, 2, 2, 3), np.arange(n).reshape(n, 1, 1, 1), np.uint8)


def test_images_come_in_three_groups_that_do_not_overlap() -> None:
    rng, n = np.random.default_rng(0), 90
    confidence, right = rng.uniform(0.5, 1, n), rng.random(n) < 0.6
    known = predictions(confidence.tolist(), right.tolist(), (np.arange(n) % 3).tolist())
    examples = pick_examples(known, numbered(n))
    groups = (examples.errors, examples.right, examples.least_certain)
    assert [len(group) for group in groups] == [N_ERRORS, N_RIGHT, N_LEAST_CERTAIN]
    names = [image.name for group in groups for image in group]
    assert len(set(names)) == len(names)
    errors = [image.probability for image in examples.errors]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] == max(confidence[~right])
    unsure = [image.probability for image in examples.least_certain]
    assert unsure == sorted(unsure)
    for image in (image for group in groups for image in group):
        assert f"{image.pixels[0, 0, 0]}.jpg" == image.name
    assert all(image.truth != image.answer for image in examples.errors)


def test_right_answers_come_from_every_class_in_turn() -> None:
    confidence = [0.99, 0.98, 0.97, 0.6, 0.7, 0.55]
    known = predictions(confidence, [True] * 6, [0, 0, 0, 1, 1, 2])
    right = pick_examples(known, numbered(6)).right
    assert [image.truth for image in right] == ["a", "b", "c", "a", "b", "a"]
    assert [image.probability for image in right[:3]] == [0.99, 0.7, 0.55]


def test_the_runner_up_is_the_second_most_probable_class() -> None:
    image = pick_examples(predictions([0.75], [True], [2]), numbered(1)).right[0]
    assert (image.answer, image.runner_up, image.runner_up_probability) == ("c", "a", 0.25)


def test_without_errors_there_are_none_to_show() -> None:
    examples = pick_examples(predictions([0.9], [True], [0]), numbered(1))
    assert not examples.errors and len(examples.right) == 1 and not examples.least_certain


def mapped(seconds: float) -> tuple[Examples, list[str]]:
    """Examples of 16 x 16 pixels with as many maps as fit into a time, and the images of these."""
    known = predictions([0.9, 0.8, 0.7, 0.6, 0.95, 0.85], [False, False, *[True] * 4], [0, 1] * 3)
    pixels = np.random.default_rng(0).integers(0, 255, (6, 16, 16, 3)).astype(np.uint8)

    def open_answer() -> Any:
        return lambda images: np.full((len(images), 3), 1 / 3) + np.eye(3)[0] * 0.1

    examples = with_maps(pick_examples(known, pixels), open_answer, seconds)
    shown = [*examples.errors, *examples.right, *examples.least_certain]
    return examples, [image.name for image in shown if image.map is not None]


def test_errors_and_one_right_answer_of_each_class_get_maps() -> None:
    examples, names = mapped(seconds=600)
    assert examples.mapped
    assert names == ["0.jpg", "1.jpg", "4.jpg", "5.jpg"]


def test_without_time_there_are_no_maps() -> None:
    examples, names = mapped(seconds=0)
    assert not examples.mapped and not names
    assert len(examples.errors) == 2
