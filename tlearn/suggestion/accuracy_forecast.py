"""What each way to train is expected to reach on images outside the training set.

*Linear heads* were measured: their cross-validated accuracy, extrapolated to all images along the
learning curve. The gain of a head on other stages over one on the last is shrunk towards a prior
mean (empirical-Bayes shrinkage), the more so the less certain it is:

    prior mean = (1, s, d, d s) . STAGE_GAIN_COEF
    s = similarity - 1/2,  d = share of the stages that are cut off

which is the textbook in four numbers: the less similar the images, the earlier the best stage.

*Fine-tuning* was not measured. It starts from a solved head and multiplies its error by a factor,

    error(tuned) = error(head) * exp(tuning_covariates . TUNING_COEF)

with coefficients fitted to the trials in `benchmarks/results/advice.jsonl` by

    python -m benchmarks.advice score benchmarks/results/advice.jsonl

An interval covers the accuracy on a test split of that size in `INTERVAL_COVERAGE` of cases. Its
width has three parts: the sampling of both splits, and the error of the model (`MODEL_SD`). Its
ends are accuracies that such a split can have: where one error in 200 is expected, one in 60 is not
rare, and has to be inside.

References:
    Efron and Morris 1973, Stein's estimation rule and its competitors: an empirical Bayes approach.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from tlearn.suggestion.matrix import Evidence, HeadEvidence, Policy

INTERVAL_COVERAGE = 0.9
INTERVAL_Z = NormalDist().inv_cdf((1 + INTERVAL_COVERAGE) / 2)
"""Half the width of an interval in standard deviations."""

STAGE_GAIN_COEF: dict[bool, tuple[float, ...]] = {
    False: (0.0613, -0.0736, -0.28, -0.0854),
    True: (0.0257, -0.0388, 0.0, 0.0),
}
"""Prior mean of the gain over a head on the last stage, of a head on one other stage (False) and of
one on several stages (True); coefficients of `gain_covariates`."""

STAGE_GAIN_SD: dict[bool, float] = {False: 0.083, True: 0.02}
"""Standard deviation of gains around the prior mean."""

RESAMPLING_SD = 0.03
"""Standard deviation of a gain from one sample of training images to another, beyond what the folds
of one sample show: on 208 tests, gains differed from cross-validated ones by more than chance."""

TUNING_COEF: dict[Policy, tuple[float, ...]] = {
    Policy.TOP_STAGES: (-0.1817, 0.0, 0.0, 0.1498, 0.0213, 0.0033),
    Policy.DEEP: (-0.1837, 0.0, 0.0, 0.1352, 0.0206, -0.0093),
}
"""Coefficients of `tuning_covariates` for the log ratio of the tuned error to the head's."""

MODEL_SD: dict[Policy, float] = {
    Policy.LINEAR_HEAD: 0.0,
    Policy.TOP_STAGES: 0.06,
    Policy.DEEP: 0.05,
}
"""Standard deviation of the forecast's own error, as a multiple of sqrt(p (1 - p))."""


_ROUNDING = 1e-9


@dataclass(frozen=True)
class Option:
    """A way to train, with its forecast.

    Attributes:
        policy: How much is trained.
        head_stages: Stages that the head reads; "last" for the whole network.
        accuracy: Expected on images outside the training set.
        low: Lower end of the interval.
        high: Upper end of the interval.
        measured: Whether heads like it were cross-validated; otherwise it is a forecast only.
        doubt: Standard error of its gain from reading another stage than the last.
        error: Standard deviation of the forecast's own error; 0 where heads were measured.
        seconds: Forecast for this machine; None where nothing was timed.
        size_bytes: Of network and head in float32; None where they were not counted.
        tried: Accuracy of a trial on the validation split, or None.
        tried_head: Accuracy of the head that the trial began with, on the same images, or None.
    """

    policy: Policy
    head_stages: str
    accuracy: float
    low: float
    high: float
    measured: bool
    doubt: float = 0.0
    error: float = 0.0
    seconds: float | None = None
    size_bytes: int | None = None
    tried: float | None = None
    tried_head: float | None = None

    @property
    def name(self) -> str:
        """Return the option as people write it: "linear-head on stage 3"."""
        return option_label(self.policy, self.head_stages)


def option_label(policy: Policy, head_stages: str) -> str:
    """Return a policy and the stages its head reads: "linear-head on stage 3"."""
    return policy.label + f" on {stages_in_words(head_stages)}" * (head_stages != "last")


def stages_in_words(head_stages: str) -> str:
    """Return the stages that a head reads: "stage 3", "stages 3,4,5", "the last stage"."""
    if head_stages == "last":
        return "the last stage"
    return f"stage{'s' if ',' in head_stages else ''} {head_stages}"


def forecast_options(evidence: Evidence, also: str = "last") -> list[Option]:
    """Return the ways to train, ordered from the smallest network and the cheapest training on.

    First linear heads: on the last stage, on the other stage expected to be best, on several
    stages, and on `also`; then every policy and starting head of `tuning_starts`.

    Args:
        evidence: With heads measured, the first of them on the last stage.
        also: Stages of a head to include in any case.
    """
    heads = [evidence.heads[0], *best_alternative_heads(evidence)]
    heads += [head for head in evidence.heads if head.head_stages == also and head not in heads]
    heads.sort(key=_depth)
    solved = [
        _option(evidence, Policy.LINEAR_HEAD, head, expected_accuracy(evidence, head))
        for head in heads
    ]
    tuned = [_tuned_option(evidence, policy, head) for policy, head in tuning_starts(evidence)]
    return [*solved, *tuned]


def forecast_head(evidence: Evidence, head_stages: str) -> list[Option]:
    """Return the ways to train with a head on given stages; none if it was not measured."""
    head = next((head for head in evidence.heads if head.head_stages == head_stages), None)
    if head is None:
        return []
    accuracy = expected_accuracy(evidence, head)
    solved = _option(evidence, Policy.LINEAR_HEAD, head, accuracy)
    return [solved, *(_tuned_option(evidence, policy, head) for policy in TUNING_COEF)]


def tuning_starts(evidence: Evidence) -> list[tuple[Policy, HeadEvidence]]:
    """Return every policy that tunes with each head it may start from.

    The heads are those on the best other stage, on several stages, and on the last stage.
    """
    others = [head for head in evidence.heads[1:] if not _is_multi_stage(head)]
    # By plain cross-validation, not by the shrunk forecast: so were the trials that were fitted.
    starts = [max(others, key=lambda head: head.accuracy)] if others else []
    starts += [head for head in evidence.heads[1:] if _is_multi_stage(head)]
    return [(policy, head) for policy in TUNING_COEF for head in (*starts, evidence.heads[0])]


def best_alternative_heads(evidence: Evidence) -> list[HeadEvidence]:
    """Return the heads expected to be best: the one on a single other stage, the one on several."""
    best = []
    for multi_stage in (False, True):
        heads = [head for head in evidence.heads[1:] if _is_multi_stage(head) is multi_stage]
        best += [max(heads, key=lambda head: expected_accuracy(evidence, head))] if heads else []
    return best


def tuning_covariates(evidence: Evidence, start: HeadEvidence) -> np.ndarray:
    """Return what the success of fine-tuning depends on, (6,).

    They are 1, the logarithms of images and of images per class, the similarity, the log ratio of
    the best head's error to the starting head's, and whether the starting head reads several stages
    (these receive gradients directly, from which deep tuning gains more).

    Args:
        evidence: What was measured.
        start: The head that tuning starts from.
    """
    half = 0.5 / evidence.n_train  # additive smoothing keeps the logarithms finite
    heads = [evidence.heads[0], *best_alternative_heads(evidence)]
    errors = [1 - expected_accuracy(evidence, head) + half for head in heads]
    return np.array(
        [
            1.0,
            np.log(evidence.n_train / 200),
            np.log(evidence.n_train / evidence.n_classes / 20),
            evidence.similarity - 0.5,
            np.log(min(errors) / (1 - expected_accuracy(evidence, start) + half)),
            float(_is_multi_stage(start)),
        ]
    )


def expected_accuracy(evidence: Evidence, head: HeadEvidence) -> float:
    """Return the accuracy expected of a head on other images, solved on all training images.

    It is the accuracy of the head on the last stage, plus the gain over it after shrinkage towards
    the prior mean (`STAGE_GAIN_COEF`), with the error corrected along the learning curve.
    """
    gain, _ = _shrunk_gain(evidence, head)
    # Additive smoothing: no error among n images is not an error rate of zero.
    n = evidence.n_train
    last = (n * evidence.heads[0].accuracy + 0.5) / (n + 1)
    return float(1 - min(max(1 - last - gain, 0.25 / n), 1.0) * evidence.learning_curve_correction)


def _shrunk_gain(evidence: Evidence, head: HeadEvidence) -> tuple[float, float]:
    """Return the expected gain over the last stage, and its standard error if it was selected.

    Inverse-variance weighting of the measured gain (`head.error`, `RESAMPLING_SD`) and of the
    prior (`STAGE_GAIN_COEF`, `STAGE_GAIN_SD`).
    """
    if head is evidence.heads[0]:
        return 0.0, 0.0
    multi_stage = _is_multi_stage(head)
    prior_mean = float(np.dot(STAGE_GAIN_COEF[multi_stage], gain_covariates(evidence, head)))
    prior_sd = STAGE_GAIN_SD[multi_stage]
    variance = head.error**2 + RESAMPLING_SD**2
    weight = prior_sd**2 / (prior_sd**2 + variance)
    error = 0.0 if multi_stage else float(np.sqrt(weight * variance))
    return prior_mean + weight * (head.gain - prior_mean), error


def gain_covariates(evidence: Evidence, head: HeadEvidence) -> np.ndarray:
    """Return what the prior mean of a head's gain depends on, (4,): similarity and depth."""
    n_stages = sum(not _is_multi_stage(other) for other in evidence.heads)
    cut_off = 0.0 if head is evidence.heads[0] else 1 - _depth(head) / n_stages
    similarity = evidence.similarity - 0.5
    return np.array([1.0, similarity, cut_off, cut_off * similarity])


def interval_half_width(evidence: Evidence, policy: Policy, accuracy: float) -> float:
    """Return half the width of the interval around an expected accuracy.

    The binomial variance uses Laplace smoothing, (n p + 1) / (n + 2). Images of groups count less,
    by their design effect.
    """
    n = evidence.n_train
    p = (accuracy * n + 1) / (n + 2)
    train_term = evidence.train_effect / n
    test_term = evidence.test_effect / evidence.n_tested if evidence.n_tested else 0.0
    variance = p * (1 - p) * (train_term + test_term + MODEL_SD[policy] ** 2)
    return float(INTERVAL_Z * np.sqrt(variance))


def _tuned_option(evidence: Evidence, policy: Policy, start: HeadEvidence) -> Option:
    factor = float(np.exp(np.dot(TUNING_COEF[policy], tuning_covariates(evidence, start))))
    error = (1 - expected_accuracy(evidence, start)) * factor
    accuracy = 1 - min(error, 1 - 1 / evidence.n_classes)
    return _option(evidence, policy, start, accuracy)


def _option(evidence: Evidence, policy: Policy, head: HeadEvidence, accuracy: float) -> Option:
    half_width = interval_half_width(evidence, policy, accuracy)
    low, high = max(accuracy - half_width, 0.0), min(accuracy + half_width, 1.0)
    if n := evidence.n_tested:
        low, high = math.floor(low * n + _ROUNDING) / n, math.ceil(high * n - _ROUNDING) / n
    _, doubt = _shrunk_gain(evidence, head)
    return Option(
        policy,
        head.head_stages,
        accuracy,
        low=low,
        high=high,
        measured=policy is Policy.LINEAR_HEAD,
        doubt=doubt,
        error=MODEL_SD[policy] * float(np.sqrt(accuracy * (1 - accuracy))),
    )


def _is_multi_stage(head: HeadEvidence) -> bool:
    return "," in head.head_stages


def _depth(head: HeadEvidence) -> float:
    """Return the number of stages that are left; the whole network sorts last."""
    numbers = head.head_stages.split(",")
    return np.inf if numbers == ["last"] else max(int(number) for number in numbers)
