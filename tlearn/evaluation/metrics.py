"""Scores of answers on held-out images: accuracy with its interval, per class, calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tlearn.data.intervals import Interval, mean_interval, share_interval
from tlearn.data.order import answered, ranking
from tlearn.evaluation.calibration import (
    brier_scores,
    calibration_error,
    log_losses,
    measure_calibration,
    reliability_bins,
)
from tlearn.evaluation.operating_point import OperatingPoint, measure, most_probable
from tlearn.evaluation.positive_class import PositiveClass, guess_positive
from tlearn.evaluation.roc import average_precision, macro_roc_auc, roc_auc, roc_curve
from tlearn.evaluation.step_scores import StepScores, score_steps
from tlearn.evaluation.wording import percent, percent_interval

TOP_K = (1, 3, 5)


@dataclass(frozen=True)
class Report:
    """Scores of a model on one held-out split.

    Attributes:
        split: "test", "val", or the name of another folder.
        n: Number of images.
        classes: Names, in the order of the model's outputs.
        accuracy: Share of images whose most probable class is right.
        interval: 95% Wilson interval of the accuracy, of fewer images where some of a group are
            right or wrong together: see `design_effect`.
        top_k: Share of images whose class is among the k most probable, for k below the number
            of classes.
        balanced_accuracy: Mean recall of the classes that occur in the labels.
        macro_f1: Mean F1 of the classes that occur in the labels.
        log_loss: Mean of -log p(true class), p clipped to at least 1e-7; nats.
        calibration_error: Expected calibration error over 15 bins, 0 to 1.
        per_class: For each class: name, n, precision, recall, f1, and average_precision, the area
            under its curve of precision against recall. A class that is absent from the labels
            has n = 0, three zeros and None, and is left out of every mean.
        confusion: Counts, rows true, columns predicted.
        reliability: For each bin that holds images: confidence, accuracy, n.
        n_groups: Number of groups of images; None where it is not known.
        ece: The same as calibration_error, under its usual name.
        ece_interval: Its 95% interval, less what chance adds; from 0 where chance explains it.
        ece_by_chance: Error that chance alone gives on as many images, on average.
        ece_by_chance_high: Error that a perfectly calibrated model exceeds in 5% of cases.
        ece_before: Before the temperature; None where none is known. So are the others.
        log_loss_interval: Its 95% interval; None for one image or one group.
        log_loss_before: Before the temperature.
        brier: Mean squared error of the probabilities: summed over the classes, 0 to 2; of two
            classes, of one of them, 0 to 1.
        brier_interval: Its 95% interval, like that of the log loss.
        brier_before: Before the temperature.
        reliability_before: The bins before the temperature.
        roc_auc: Area under the ROC curve, of more than two classes the mean of each against the
            rest; None where there is one class only.
        roc_auc_interval: Its 95% interval, for two classes.
        roc: For two classes, points of the curve: false and true positive rate.
        positive_by: How the positive class of the operating point was found: "given", "names" (a
            guess) or "order" (the second class).
        operating_point: For two classes, the threshold on the positive one and its rates.
        steps: Of classes in order, how far answers are off; None of others.
    """

    split: str
    n: int
    classes: tuple[str, ...]
    accuracy: float
    interval: Interval
    top_k: dict[int, float]
    balanced_accuracy: float
    macro_f1: float
    log_loss: float
    calibration_error: float
    per_class: tuple[dict[str, Any], ...]
    confusion: list[list[int]]
    reliability: tuple[dict[str, float], ...]
    n_groups: int | None = None
    ece: float | None = None
    ece_interval: Interval | None = None
    ece_by_chance: float | None = None
    ece_by_chance_high: float | None = None
    ece_before: float | None = None
    log_loss_interval: Interval | None = None
    log_loss_before: float | None = None
    brier: float | None = None
    brier_interval: Interval | None = None
    brier_before: float | None = None
    reliability_before: tuple[dict[str, float], ...] = ()
    roc_auc: float | None = None
    roc_auc_interval: Interval | None = None
    roc: tuple[tuple[float, float], ...] = ()
    positive_by: str | None = None
    operating_point: OperatingPoint | None = None
    steps: StepScores | None = None

    @property
    def n_correct(self) -> int:
        """Return the number of images whose most probable class is right."""
        return round(self.accuracy * self.n)

    def in_words(self) -> str:
        """Return the accuracy as a sentence: "right on 166 of 189 images it had not seen (...)"."""
        images = SPLITS_IN_WORDS.get(self.split, f"images of {self.split}")
        shares = f"{percent(self.accuracy)}, {percent_interval(*self.interval)}"
        return f"right on {self.n_correct:,} of {self.n:,} {images} ({shares})"

    def to_json(self) -> dict[str, Any]:
        """Return the scores as plain Python values, ready for JSON."""
        return plain(asdict(self))


SPLITS_IN_WORDS = {"test": "images it had not seen", "val": "validation images"}
"""What the images of a split are called."""


def images_of(split: str, n: int) -> str:
    """Return n images of a split in words: "1 image it had not seen"."""
    images = SPLITS_IN_WORDS.get(split, f"images of {split}")
    return f"{n:,} {images if n != 1 else images.replace('images', 'image', 1)}"


def plain(value: Any) -> Any:
    """Return a value with keys that are strings and lists for tuples, ready for JSON."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    return [*map(plain, value)] if isinstance(value, list | tuple) else value


def score(
    probabilities: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    split: str,
    groups: Sequence[str] = (),
    copies: Sequence[str] = (),
    *,
    before: np.ndarray | None = None,
    positive: PositiveClass | None = None,
    point: OperatingPoint | None = None,
    ordered: bool = False,
) -> Report:
    """Score probabilities against labels.

    Args:
        probabilities: (n, classes); rows of a quantized model do not add up to exactly one.
        labels: (n,) indices into `classes`.
        classes: Names, in the order of the columns.
        split: Name of the split.
        groups: (n,) what images of a group share; nothing where it is not known.
        copies: (n,) what copies of one file share, which are in one group; nothing without groups.
        before: (n, classes), the same before a temperature was applied; None where none is known.
        positive: Of two classes, the one that is looked for; None guesses by the names.
        point: Of two classes, a threshold chosen on others; None answers the more probable class.
        ordered: Whether the classes are steps of a scale.

    Raises:
        ValueError: The shapes disagree, a label is out of range, a probability is not finite.
    """
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    probabilities, labels = _checked(probabilities, labels, len(classes))
    n, indices = len(labels), np.arange(len(classes))
    order = ranking(probabilities, ordered)
    predicted, hits = order[:, 0], order == labels[:, None]
    columns = precision_recall_fscore_support(labels, predicted, labels=indices, zero_division=0)
    per_class = tuple(
        {"name": name, "n": int(count), "precision": float(p), "recall": float(r), "f1": float(f)}
        | {"average_precision": average_precision(probabilities[:, index], labels == index)}
        for index, name, p, r, f, count in zip(indices, classes, *columns, strict=True)
    )
    present = [row for row in per_class if row["n"]]
    return Report(
        split=split,
        n=n,
        classes=tuple(classes),
        accuracy=int(hits[:, 0].sum()) / n,
        interval=share_interval(hits[:, 0], groups, copies),
        top_k={k: float(hits[:, :k].any(axis=1).mean()) for k in TOP_K if k < len(classes)},
        balanced_accuracy=float(np.mean([row["recall"] for row in present])),
        macro_f1=float(np.mean([row["f1"] for row in present])),
        per_class=per_class,
        confusion=confusion_matrix(labels, predicted, labels=indices).tolist(),
        n_groups=len({*groups}) if groups else None,
        steps=score_steps(predicted, labels, groups, copies) if ordered else None,
        **_believed(probabilities, labels, before, groups, ordered),
        **_ranked(probabilities, labels, classes, positive, point, groups),
    )


def _answers(
    probabilities: np.ndarray, labels: np.ndarray, ordered: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return how probable each answer is, and whether it is right: both (n,)."""
    answers = answered(probabilities, ordered)
    return probabilities[np.arange(len(answers)), answers], answers == labels


def _believed(
    probabilities: np.ndarray,
    labels: np.ndarray,
    before: np.ndarray | None,
    groups: Sequence[str],
    ordered: bool,
) -> dict[str, Any]:
    """Return how far the probabilities can be believed, by the fields of a report."""
    confidence, hits = _answers(probabilities, labels, ordered)
    calibration = measure_calibration(confidence, hits, groups)
    losses, squares = log_losses(probabilities, labels), brier_scores(probabilities, labels)
    fields = {
        "calibration_error": calibration.error,
        "ece": calibration.error,
        "ece_interval": calibration.interval,
        "ece_by_chance": calibration.by_chance,
        "ece_by_chance_high": calibration.by_chance_high,
        "log_loss": float(losses.mean()),
        "log_loss_interval": mean_interval(losses, groups),
        "brier": float(squares.mean()),
        "brier_interval": mean_interval(squares, groups),
        "reliability": reliability_bins(confidence, hits),
    }
    if before is None:
        return fields
    bins = reliability_bins(*_answers(before, labels, ordered))
    return fields | {
        "ece_before": calibration_error(bins),
        "log_loss_before": float(log_losses(before, labels).mean()),
        "brier_before": float(brier_scores(before, labels).mean()),
        "reliability_before": bins,
    }


def _ranked(
    probabilities: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    positive: PositiveClass | None,
    point: OperatingPoint | None,
    groups: Sequence[str],
) -> dict[str, Any]:
    """Return how well the probabilities rank images, by the fields of a report."""
    if len(classes) != 2:
        return {"roc_auc": macro_roc_auc(probabilities, labels)}
    positive = positive or guess_positive(classes)
    point = point or most_probable(positive.name)
    column = classes.index(positive.name)
    scores, truth = probabilities[:, column], labels == column
    area, interval = roc_auc(scores, truth, groups) or (None, None)
    return {
        "roc_auc": area,
        "roc_auc_interval": interval,
        "roc": roc_curve(scores, truth),
        "positive_by": positive.why,
        "operating_point": measure(point, probabilities, labels, classes, groups),
    }


def most_confused(report: Report, k: int) -> list[tuple[str, str, int]]:
    """Return the k most frequent confusions as (true class, predicted class, count)."""
    pairs = [
        (report.classes[true], report.classes[predicted], count)
        for true, row in enumerate(report.confusion)
        for predicted, count in enumerate(row)
        if count and true != predicted
    ]
    return sorted(pairs, key=lambda pair: -pair[2])[:k]


def _checked(
    probabilities: np.ndarray, labels: np.ndarray, n_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    probabilities, labels = np.asarray(probabilities, np.float64), np.asarray(labels)
    if labels.ndim != 1 or not len(labels):
        raise ValueError(f"expected labels (n,) with n > 0. Received: {labels.shape}")
    if probabilities.shape != (len(labels), n_classes):
        expected = (len(labels), n_classes)
        raise ValueError(f"expected probabilities {expected}. Received: {probabilities.shape}")
    if labels.min() < 0 or labels.max() >= n_classes:
        raise ValueError(f"expected labels below {n_classes}. Received: {np.unique(labels)}")
    if not (np.isfinite(probabilities).all() and probabilities.min() >= 0):
        raise ValueError("expected probabilities of zero and above. Received: NaN or negative")
    return probabilities, labels
