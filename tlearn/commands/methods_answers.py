"""Sentences on what answers in a run, how it was solved and what it scored, by task."""

from __future__ import annotations

from tlearn.commands.methods_training import join
from tlearn.commands.references import Citations
from tlearn.data.targets import CLASSES, LABELS, NUMBER, ONE_CLASS
from tlearn.evaluation.good_scores import GoodReport
from tlearn.evaluation.label_scores import LabelReport
from tlearn.evaluation.number_scores import NumberReport
from tlearn.recipe.plan import Plan
from tlearn.runs.metrics import RunMetrics

PURPOSES = {"train": "training", "val": "validation", "test": "test"}


def what_answers(plan: Plan, metrics: RunMetrics, cite: Citations) -> str:
    """Return what answers, on which features.

    Args:
        plan: What ran.
        metrics: What came of it.
        cite: Formats a citation and collects its reference.
    """
    if plan.task == ONE_CLASS:
        return _normality(metrics, cite)
    layer = {
        CLASSES: "The classifier is a linear layer with softmax",
        LABELS: "The classifier is a linear layer with a sigmoid for each label",
        NUMBER: "The number is answered by a linear layer",
    }[plan.task]
    if plan.task == NUMBER and _of_logarithm(metrics):
        layer = "The logarithm of the number is answered by a linear layer"
    numbers = plan.head.stages
    if len(numbers) > 1:
        stages = join([str(number) for number in numbers])
        return (
            f"{layer} on the global averages of the feature"
            f" maps of stages {stages}, side by side {cite('evci2022head2toe')}."
        )
    cut = plan.backbone.fingerprint != plan.backbone.whole
    where = f"of stage {numbers[0]}, after which the network was cut off" if cut else "it ends with"
    return f"{layer} on the global average of the feature map {where}."


def solved_head(plan: Plan, folds: int, metrics: RunMetrics, cite: Citations) -> str:
    """Return how the head was solved.

    Args:
        plan: What ran.
        folds: Of the cross-validation.
        metrics: What came of it.
        cite: Formats a citation and collects its reference.
    """
    how = "set beforehand"
    if "solved_head_l2" in plan.reasons:
        loss = "squared error" if plan.task == NUMBER else "log loss"
        how = f"chosen by {loss} in {folds}-fold cross-validation on the training images"
    weights = ", every class weighted equally" if plan.head.class_weights else ""
    penalty = f"({plan.head.solved_l2:.2g} on features of mean variance one)"
    if plan.task == NUMBER:
        what = "the logarithm of the number" if _of_logarithm(metrics) else "the number"
        return (
            f"With the backbone frozen, {what} was fitted by ridge regression"
            f" {cite('hoerl1970ridge')}; its penalty {penalty} was {how}."
        )
    solved = f"solved to convergence by an inexact Newton method {cite('dembo1982newton')}"
    if plan.task == LABELS:
        weights = ", images with and without the label weighted equally" if weights else ""
        return (
            "With the backbone frozen, each label was fitted by a logistic regression of its own"
            f"{weights}, {solved}; their L2 penalty {penalty} was {how}, one for all labels."
        )
    bends = " on how its weights bend from class to class" if plan.ordered else ""
    return (
        "With the backbone frozen, the classifier was fitted as a multinomial logistic regression"
        f"{weights}, {solved}; its L2 penalty{bends} {penalty} was {how}."
    )


def result_sentence(plan: Plan, metrics: RunMetrics, cite: Citations) -> str:
    """Return what the run scored.

    Args:
        plan: What ran.
        metrics: What came of it.
        cite: Formats a citation and collects its reference.
    """
    report = metrics.report
    apart = ", which took no part in training or in any choice," if report.split == "test" else ""
    if report.split == "val" and plan.training.epochs:
        apart = ", which had also served to choose the weights,"
    in_groups = ""
    if report.n_groups and report.n_groups < report.n:
        in_groups = f", widened for {report.n_groups:,} groups of images"
    of = f"{report.n:,} {PURPOSES[report.split]} images{apart}"
    if isinstance(report, LabelReport):
        return _of_labels(report, of, in_groups)
    if isinstance(report, NumberReport):
        return _of_number(report, of, in_groups, cite)
    if isinstance(report, GoodReport):
        return _of_good(report)
    if in_groups:
        in_groups += f" {cite('rao1992clustered')}"
    low, high = report.interval
    right = round(report.accuracy * report.n)
    return (
        f"Of the {of} {right:,}"
        f" ({100 * report.accuracy:.1f}%, 95% Wilson interval {100 * low:.1f}% to"
        f" {100 * high:.1f}% {cite('wilson1927interval')}{in_groups}) were classified correctly;"
        f" macro-averaged F1 was {report.macro_f1:.3f}, balanced accuracy"
        f" {100 * report.balanced_accuracy:.1f}%, and the expected calibration error"
        f" {100 * report.calibration_error:.1f}% {cite('guo2017calibration')}."
    )


def _of_logarithm(metrics: RunMetrics) -> bool:
    return bool(metrics.confidence.number and metrics.confidence.number.relative)


def _normality(metrics: RunMetrics, cite: Citations) -> str:
    text = (
        "What good images are like was learned from the frozen network alone: a Gaussian of the"
        f" pooled features of each of its last stages {cite('rippel2021gaussian')}, and one of the"
        f" places of a finer stage {cite('defard2021padim')}."
    )
    if alarms := metrics.confidence.false_alarms:
        text += (
            f" The threshold was chosen on {alarms.n:,} good images that each took no part in what"
            f" judged them, so that {100 * alarms.asked:.3g}% of new ones may be called bad"
            f" {cite('vovk2005algorithmic')}."
        )
    return text


def _of_labels(report: LabelReport, of: str, in_groups: str) -> str:
    ends = report.intervals.get("mean_average_precision")
    around = f", 95% bootstrap interval {_percents(ends)}{in_groups}" if ends else ""
    same = 100 * report.baseline["f1_micro"]
    return (
        f"On the {of} the mean average precision was"
        f" {100 * report.mean_average_precision:.1f}%{around}; with thresholds chosen by F1 on"
        f" held-out images, F1 of all answers together was {100 * report.f1_micro:.1f}%, where an"
        f" answer that is always the same gets {same:.1f}%."
    )


def _of_number(report: NumberReport, of: str, in_groups: str, cite: Citations) -> str:
    ends = report.mae_interval
    around = f", 95% interval {ends[0]:.3g} to {ends[1]:.3g}{in_groups}" if ends else ""
    text = (
        f"On the {of} the mean absolute error was {report.mae:.3g}{around}, where the median of"
        f" the training images is off by {report.mae_of_median:.3g}"
    )
    if report.r2 is not None:
        text += f"; R\N{SUPERSCRIPT TWO} was {report.r2:.2f}"
    if report.half_width is not None and report.coverage is not None:
        width = f"{100 * report.half_width:.3g}%" if report.relative else f"{report.half_width:.3g}"
        text += (
            f". An interval of {width} to both sides, from held-out images for 90% of new ones"
            f" {cite('vovk2005algorithmic')}, held {100 * report.coverage:.1f}% of these"
        )
    return f"{text}."


def _of_good(report: GoodReport) -> str:
    parts = [
        f"{round(share * n):,} of {n:,} {name} images (95% Wilson interval {_percents(ends)})"
        for name, share, ends, n in (
            ("bad", report.found, report.found_interval, report.n_bad),
            ("good", report.false_alarm_rate, report.false_alarm_interval, report.n_good),
        )
        if share is not None and ends is not None
    ]
    text = f"Of the test images, {join(parts)} were called bad"
    area = f"; the area under the ROC curve was {report.roc_auc:.3f}" if report.roc_auc else ""
    return f"{text}{area}."


def _percents(ends: tuple[float, float]) -> str:
    return "{:.1f}% to {:.1f}%".format(*(100 * end for end in ends))
