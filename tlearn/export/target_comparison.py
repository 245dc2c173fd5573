"""Compare an artifact's answers with the model's, where these are no classes."""

from __future__ import annotations

import math

import numpy as np

from tlearn.confidence.alike import same_answers
from tlearn.confidence.answers import Answers
from tlearn.data.intervals import mean_interval
from tlearn.data.targets import NUMBER, mean_of_median, rightness
from tlearn.evaluation.wording import significant
from tlearn.export.comparison import ChangedPrediction, Comparison, ensure_shape, map_difference
from tlearn.export.inputs import ExportInputs


def compare_targets(inputs: ExportInputs, of_artifact: Answers) -> Comparison:
    """Compare answers of several labels, of a number, or of how unlike good images one is.

    Accuracy is the share of an image's labels that are right or, of a number, what the answer takes
    away of the error of always answering the median.

    Args:
        inputs: The images, their targets and the model's answers.
        of_artifact: Its answers for the same images.

    Raises:
        ExportError: They have another shape.
    """
    answers = of_artifact.probabilities
    ensure_shape(answers, inputs.expected.probabilities)
    finite = np.isfinite(answers).all(axis=1)
    targets, expected = inputs.check.targets, inputs.expected.probabilities
    assert targets is not None
    names = inputs.class_names
    thresholds = inputs.confidence.thresholds_of(len(names))
    same = same_answers(inputs.task, expected, answers, thresholds, inputs.scale)
    before = rightness(inputs.task, expected, targets, thresholds)
    after = rightness(inputs.task, np.nan_to_num(answers), targets, thresholds) * finite
    lost = before - after
    ends = mean_interval(lost, inputs.check.groups, least=-math.inf)
    difference = np.where(finite[:, None], np.abs(answers - expected), 1.0) / (inputs.scale or 1.0)
    unit = ""
    if inputs.task == NUMBER:
        usual = mean_of_median(targets)
        was, now = (usual * (1 - float(part.mean())) for part in (before, after))
        unit = f"{names[0]} is off by {significant(now)} instead of {significant(was)} on average"
    changed = tuple(
        ChangedPrediction(
            inputs.check.names[row],
            *(_in_words(inputs, part[row]) for part in (targets, expected, answers)),
        )
        for row in np.flatnonzero(~same).tolist()
    )
    return Comparison(
        agreement=float(same.mean()),
        accuracy=float(after.mean()),
        accuracy_drop=float(lost.mean()),
        drop_interval=ends or (float(lost.mean()),) * 2,
        largest_difference=float(difference.max()),
        changed_predictions=changed,
        changed_classes=(),
        unusable=int((~finite).sum()),
        n=len(targets),
        unit=unit,
        map_difference=map_difference(inputs.expected, of_artifact, same, relative=False),
    )


def _in_words(inputs: ExportInputs, answer: np.ndarray) -> str:
    if inputs.task == NUMBER:
        return significant(answer[0], 4)
    least = inputs.confidence.thresholds_of(len(inputs.class_names))
    said = zip(inputs.class_names, answer, least, strict=True)
    return ", ".join(name for name, value, start in said if value >= start) or "none"
