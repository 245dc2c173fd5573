"""The advice beside the result, laid out for the page: what was expected, and what came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tlearn.evaluation.report_content import ReportContent
from tlearn.evaluation.wording import (
    duration,
    percent,
    percent_interval,
    policy_in_words,
    split_in_words,
)
from tlearn.suggestion.accuracy_forecast import (
    INTERVAL_COVERAGE,
    Option,
    option_label,
    stages_in_words,
)
from tlearn.suggestion.depth_profile import DepthProfile
from tlearn.suggestion.matrix import LITTLE, LITTLE_PER_CLASS, MATRIX

_MARGIN = 0.02
"""Accuracy left free at both ends of the scale on which forecasts are drawn."""


@dataclass(frozen=True)
class Cell:
    """A cell of the size x similarity matrix; `here` marks the folder's own."""

    policy: str
    here: bool


@dataclass(frozen=True)
class MatrixRow:
    """A row of the matrix: how much data, and a cell for similar and for different images."""

    size: str
    cells: Sequence[Cell]


@dataclass(frozen=True)
class ProfileRow:
    """A bar of the depth profile: `kind` is "guess", "head", "best" or "result"."""

    name: str
    accuracy: float
    kind: str


@dataclass(frozen=True)
class OptionRow:
    """An option and its place on the scale of the table, in percent of its width.

    Attributes:
        option: The forecast.
        name: Policy and stages in words.
        taken: Whether the plan carried it out.
        start: Left end of the interval.
        width: Of the interval.
        dot: Where the expected accuracy lies.
        basis: How the forecast was come by.
    """

    option: Option
    name: str
    taken: bool
    start: float
    width: float
    dot: float
    basis: str


@dataclass(frozen=True)
class EvidenceRows:
    """What led to the plan, beside what came of it.

    Attributes:
        matrix: The size x similarity matrix; empty without a similarity.
        profile: Bars from guessing to the result; empty where nothing was measured.
        options: Every option considered.
        scale: Ends of the scale that options are drawn on.
        result: Where the measured accuracy lies on it, in percent of its width.
        verdict: The forecast of what was taken against the result, in a sentence; may be empty.
        departure: What was suggested, where the plan carries out something else; may be empty.
    """

    matrix: Sequence[MatrixRow]
    profile: Sequence[ProfileRow]
    options: Sequence[OptionRow]
    scale: tuple[float, float]
    result: float
    verdict: str
    departure: str


def evidence_rows(content: ReportContent) -> EvidenceRows | None:
    """Lay out the advice of a run, None where it was trained without."""
    advice = content.advice
    if not advice:
        return None
    scale = _scale(advice.options, content.leading.accuracy)

    def position(accuracy: float) -> float:
        return round(100 * (accuracy - scale[0]) / (scale[1] - scale[0]), 2)

    options = [
        OptionRow(
            option,
            policy_in_words(option.name),
            option is content.taken,
            position(option.low),
            round(position(option.high) - position(option.low), 2),
            position(option.accuracy),
            _basis(option),
        )
        for option in advice.options
    ]
    matrix = _matrix(advice.suggestion.size, advice.suggestion.similarity)
    profile = _profile(advice.profile, content) if advice.profile else []
    result = position(content.leading.accuracy)
    texts = verdict(content), _departure(content)
    return EvidenceRows(matrix, profile, options, scale, result, *texts)


def verdict(content: ReportContent) -> str:
    """Return what was expected of the option that was taken, and what came, in a sentence."""
    option, report = content.taken, content.leading
    if not option:
        return ""
    expected = f"{percent(option.accuracy)} ({INTERVAL_COVERAGE:.0%} interval "
    expected += f"{percent_interval(option.low, option.high)})"
    inside = option.low <= report.accuracy <= option.high
    result = f"{percent(report.accuracy)}, {'inside' if inside else 'outside'} the interval"
    if option.seconds and content.seconds:
        expected += f" in {duration(option.seconds)}"
        result += f", in {duration(content.seconds)}"
    return f"expected {expected}; it reached {result}"


def _departure(content: ReportContent) -> str:
    suggestion = content.advice.suggestion if content.advice else None
    if not suggestion:
        return ""
    suggested = (str(suggestion.policy), suggestion.head_stages)
    taken = content.taken
    if taken and (str(taken.policy), taken.head_stages) == suggested:
        return ""
    name = policy_in_words(option_label(suggestion.policy, suggestion.head_stages))
    return f"{name} was suggested; {policy_in_words(content.plan.policy)} was asked for instead"


def _matrix(size: str, similarity: str) -> list[MatrixRow]:
    sizes = {
        "little": f"little data (under {LITTLE} images or {LITTLE_PER_CLASS} per class)",
        "lot": "a lot of data",
    }
    return [
        MatrixRow(
            label,
            [
                Cell(policy_in_words(MATRIX[row, column]), (row, column) == (size, similarity))
                for column in ("similar", "different")
            ],
        )
        for row, label in sizes.items()
    ]


def _profile(profile: DepthProfile, content: ReportContent) -> list[ProfileRow]:
    names = [*profile.names]
    names += [stages_in_words(score.head_stages) for score in profile.scores[len(names) :]]
    heads = [
        ProfileRow(name, score.accuracy, "best" if score is profile.best else "head")
        for name, score in zip(names, profile.scores, strict=True)
    ]
    report = content.leading
    return [
        ProfileRow("always the largest class", profile.guessing, "guess"),
        *heads,
        ProfileRow(
            f"this model, on {split_in_words(report.split)} images", report.accuracy, "result"
        ),
    ]


def _scale(options: Sequence[Option], accuracy: float) -> tuple[float, float]:
    low = min([accuracy, *(option.low for option in options)]) - _MARGIN
    high = max([accuracy, *(option.high for option in options)]) + _MARGIN
    return max(low, 0.0), min(high, 1.0)


def _basis(option: Option) -> str:
    if option.tried is not None:
        return f"trial: {percent(option.tried)} on validation images"
    return "measured" if option.measured else "forecast"
