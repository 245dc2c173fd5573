"""Limits that scores are held against, and by how much they are missed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from tlearn.errors import RecipeError, pasted
from tlearn.evaluation.metrics import Report
from tlearn.evaluation.wording import percent, points
from tlearn.storage.text import escape_invisible

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Gates:
    """Limits for the scores of a run, each from 0 to 1; None where there is none.

    Attributes:
        min_accuracy: Smallest accuracy.
        min_recall: Class to its smallest recall.
        max_ece: Largest expected calibration error.
        min_auc: Smallest area under the ROC curve; of more than two classes, of the mean of each
            against the rest.
    """

    min_accuracy: float | None = None
    min_recall: Mapping[str, float] = field(default_factory=dict)
    max_ece: float | None = None
    min_auc: float | None = None

    def __bool__(self) -> bool:
        return self != Gates()

    def check_classes(self, classes: Sequence[str]) -> None:
        """Make sure that the classes exist.

        Raises:
            RecipeError: A class with a limit is none of `classes`.
        """
        for name in self.min_recall:
            if name not in classes:
                raise no_such_class("--min-recall", name, classes)


@dataclass(frozen=True)
class GateOutcome:
    """A score held against its limit.

    Attributes:
        gate: "accuracy", "recall", "ece" or "auc".
        label: The class, of a recall.
        passed: Whether the limit is kept.
        value: The score; null where these images do not tell.
        limit: The limit.
        n_missing: Images that would have to be right too; null where that cannot be counted.
        message: All of it in a sentence.
    """

    gate: str
    label: str | None
    passed: bool
    value: float | None
    limit: float
    n_missing: int | None
    message: str


def no_such_class(
    flag: str, name: str, classes: Sequence[str], command: str = "evaluate"
) -> RecipeError:
    """Return the error for a class that a run does not have.

    Args:
        flag: What named it.
        name: The name.
        classes: Those of the run.
        command: That took the flag.
    """
    by_plain_name = {label.casefold(): label for label in classes}
    matches = get_close_matches(name.casefold(), by_plain_name, n=1)
    meant = by_plain_name[matches[0]] if matches else None
    known = ", ".join(classes[:8]) + ", ..." * (len(classes) > 8)
    example = pasted((meant or classes[0]) + "=0.9" * (flag != "--positive"))
    return RecipeError(
        f"{flag}: the run has no class '{name}'" + f"; did you mean '{meant}'?" * bool(meant),
        f"name one of its classes ({known}), as in: tlearn {command} {flag} {example}",
    )


def check_gates(report: Report, gates: Gates) -> tuple[GateOutcome, ...]:
    """Hold a report against limits.

    Args:
        report: On images that the model did not learn from.
        gates: The limits; every class is one of the report's.
    """
    return tuple(_outcomes(report, gates))


def _outcomes(report: Report, gates: Gates) -> Iterator[GateOutcome]:
    if gates.min_accuracy is not None:
        yield _share("accuracy", None, report.n_correct, report.n, gates.min_accuracy)
    rows = {row["name"]: (index, row["n"]) for index, row in enumerate(report.per_class)}
    for label, limit in gates.min_recall.items():
        index, n = rows[label]
        yield _share("recall", label, report.confusion[index][index], n, limit)
    if gates.max_ece is not None:
        yield _calibration(report, gates.max_ece)
    if gates.min_auc is not None:
        yield _area(report, gates.min_auc)


def _share(gate: str, label: str | None, right: int, n: int, limit: float) -> GateOutcome:
    of_class = "" if label is None else f" of '{escape_invisible(label)}'"
    if not n:
        message = f"{gate}{of_class} cannot be told: there is no such image"
        return GateOutcome(gate, label, False, None, limit, None, message)
    missing = max(math.ceil(limit * n - _ROUNDING) - right, 0)
    value, counts = right / n, f"{right:,} of {n:,} images right"
    if not missing:
        message = f"{gate}{of_class} is {percent(value)}, at least {_limit(limit)} ({counts})"
        return GateOutcome(gate, label, True, value, limit, 0, message)
    message = (
        f"{gate}{of_class} is {percent(value)}, {points(limit - value)} below {_limit(limit)}:"
        f" {counts}, {missing:,} more would have to be"
    )
    return GateOutcome(gate, label, False, value, limit, missing, message)


def _calibration(report: Report, limit: float) -> GateOutcome:
    value, chance = report.calibration_error, report.ece_by_chance
    passed = value <= limit + _ROUNDING
    if passed:
        message = f"calibration error is {points(value)}, at most {points(limit)}"
    else:
        message = (
            f"calibration error is {points(value)}, {points(value - limit)} above {points(limit)}"
        )
        if chance is not None and chance > limit:
            message += (
                f"; on {report.n:,} images chance alone gives {points(chance)},"
                " so this limit needs more of them"
            )
    return GateOutcome("ece", None, passed, value, limit, None, message)


def _area(report: Report, limit: float) -> GateOutcome:
    name, value = "area under the ROC curve", report.roc_auc
    if value is None:
        message = f"{name} cannot be told: all images are of one class"
        return GateOutcome("auc", None, False, None, limit, None, message)
    passed = value >= limit - _ROUNDING
    message = f"{name} is {value:.3f}, at least {limit:g}"
    if not passed:
        message = f"{name} is {value:.3f}, {limit - value:.3f} below {limit:g}"
    return GateOutcome("auc", None, passed, value, limit, None, message)


def _limit(share: float) -> str:
    return f"{100 * share:.4g}%"
