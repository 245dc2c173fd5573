"""Ways to train, and what each is expected to reach on pictures nobody has seen.

Heads were measured: their cross-validated accuracy, lifted to all the pictures along the learning
curve, a gain over the last stage drawn towards what such gains are as far as it is uncertain:

    gain = (1, s, d, d s) . GAIN   with s = similarity - 1/2, d = share of the stages left out

which is the textbook in four numbers: the less alike, the earlier.
Tuning was not measured; it begins with the head on the last stage, or on another with the rest cut
off, and multiplies its error by a factor that depends on the circumstances,

    error(tuned) = error(head) * exp(weights . circumstances)

with weights fitted to the trials in `benchmarks/results/advice.jsonl` by

    python -m benchmarks.advice score benchmarks/results/advice.jsonl

An interval holds the accuracy that a test of that many pictures will show in `INTERVAL_COVERAGE` of cases:
the chance of both samples, and what the formula does not know (`MODEL_SD`, in the same unit).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np

from tlearn.suggestion.matrix import Evidence, HeadEvidence, Policy

INTERVAL_COVERAGE = 0.9
TIE = 0.0005
"""Expected accuracy that is not worth a larger network or a longer training. Fitted forecasts are
drawn together, what they differ by is larger in truth: .0025 cost .4 points of regret."""

MIN_MARGIN_SE = 1.0
"""Standard errors by which an earlier stage has to be better: the best of those that are all in
doubt looks better than it is. A head on the last few together has no such doubt: nothing was
chosen."""

STAGE_GAIN_COEF: dict[bool, tuple[float, ...]] = {
    False: (0.0613, -0.0736, -0.28, -0.0854),
    True: (0.0257, -0.0388, 0.0, 0.0),
}
"""Usual gain of a head on another stage (False), or on several (True), over one on the last."""

STAGE_GAIN_SD: dict[bool, float] = {False: 0.083, True: 0.02}
"""Standard deviation of gains around the usual ones."""

RESAMPLING_SD = 0.03
"""Standard deviation of a gain from one draw of training pictures to another, beyond what the folds
of one draw show: gains on 208 tests were further from cross-validated ones than chance alone."""

TUNING_COEF: dict[Policy, tuple[float, ...]] = {
    Policy.TOP_STAGES: (-0.1817, 0.0, 0.0, 0.1498, 0.0213, 0.0033),
    Policy.DEEP: (-0.1837, 0.0, 0.0, 0.1352, 0.0206, -0.0093),
}
MODEL_SD: dict[Policy, float] = {
    Policy.LINEAR_HEAD: 0.0,
    Policy.TOP_STAGES: 0.06,
    Policy.DEEP: 0.05,
}


@dataclass(frozen=True)
class Option:
    """A way to train.

    Attributes:
        policy: What is tuned.
        head_stages: Stages that the head reads; "last" for the whole network.
        accuracy: Expected on pictures that were not trained on.
        low: Lower end of the interval.
        high: Upper end.
        doubt: Standard error of what it gains by reading another stage than the last.
        measured: Whether heads like it were solved and scored, or it is a forecast.
        seconds: Forecast for this machine; None where nothing was measured.
        tried: Accuracy of a trial on the validation split, or None.
    """

    policy: Policy
    head_stages: str
    accuracy: float
    low: float
    high: float
    measured: bool
    doubt: float = 0.0
    seconds: float | None = None
    tried: float | None = None

    @property
    def name(self) -> str:
        """As a person says it: "linear_head on stage 3"."""
        return option_label(self.policy, self.head_stages)


def option_label(policy: Policy, head_stages: str) -> str:
    """A policy and what its head reads, in words."""
    return str(policy) + f" on {stages_in_words(head_stages)}" * (head_stages != "last")


def forecast_options(evidence: Evidence, also: str = "last") -> list[Option]:
    """Ways to train, from the smallest network and the cheapest on.

    Of the heads: on the last stage, on the other stage that is expected to be best, on several,
    and where `also` says.

    Args:
        evidence: With heads measured, the first on the last stage.
        also: Stages of a head that is wanted among them.
    """
    shown = [evidence.heads[0], *best_alternative_heads(evidence)]
    shown += [head for head in evidence.heads if head.head_stages == also and head not in shown]
    shown.sort(key=_depth)
    heads = [_head(evidence, head) for head in shown]
    return [*heads, *(_tuned(evidence, *way) for way in tuned_ways(evidence))]


def tuned_ways(evidence: Evidence) -> list[tuple[Policy, HeadEvidence]]:
    """Policies that tune, and heads to begin with: on the last stage, on another, on several."""
    others = [head for head in evidence.heads[1:] if not _on_multi_stage(head)]
    # An earlier stage is better where it is as good. The trials began where cross-validation said.
    starts = [max(others, key=lambda head: head.accuracy)] if others else []
    starts += [head for head in evidence.heads[1:] if _on_multi_stage(head)]
    return [(policy, head) for policy in TUNING_COEF for head in (*starts, evidence.heads[0])]


def best_alternative_heads(evidence: Evidence) -> list[HeadEvidence]:
    """The heads on one other stage, and on several, that are expected to be best."""
    found = []
    for several in (False, True):
        heads = [head for head in evidence.heads[1:] if _on_multi_stage(head) is several]
        found += [max(heads, key=lambda head: expected_accuracy(evidence, head))] if heads else []
    return found


def pick_best(options: Sequence[Option]) -> Option:
    """The best option; ties go to the one that comes first, as `forecast_options` orders them."""
    worth = [option.accuracy - MIN_MARGIN_SE * option.doubt for option in options]
    return next(
        option for option, value in zip(options, worth, strict=True) if value >= max(worth) - TIE
    )


def update_with_trial(option: Option, tried: float, n_images: int) -> Option:
    """An option after a trial: forecast and trial, each weighed by its precision.

    Args:
        option: The forecast.
        tried: Accuracy that the trial reached.
        n_images: Pictures it was scored on.
    """
    z = _quantile()
    believed = ((option.high - option.low) / (2 * z)) ** 2
    p = (tried * n_images + 1) / (n_images + 2)
    seen = p * (1 - p) / n_images
    share = believed / (believed + seen)
    accuracy = option.accuracy + share * (tried - option.accuracy)
    half = z * float(np.sqrt(believed * seen / (believed + seen)))
    low, high = max(accuracy - half, 0.0), min(accuracy + half, 1.0)
    return replace(option, accuracy=accuracy, low=low, high=high, tried=tried)


def stages_in_words(head_stages: str) -> str:
    """What a head reads: "stage 3", "stages 3,4,5", "the last stage"."""
    if head_stages == "last":
        return "the last stage"
    return f"stage{'s' if ',' in head_stages else ''} {head_stages}"


def tuning_covariates(evidence: Evidence, start: HeadEvidence) -> np.ndarray:
    """What the success of tuning depends on: amount, amount a class, similarity, head.

    Of the head: how far it is from the best one, and whether it reads several stages. Those that it
    reads learn from it directly, which deep tuning makes more of.

    Args:
        evidence: What was measured.
        start: The head that tuning begins with.
    """
    half = 0.5 / evidence.n_train
    heads = [evidence.heads[0], *best_alternative_heads(evidence)]
    errors = [1 - expected_accuracy(evidence, head) + half for head in heads]
    return np.array(
        [
            1.0,
            np.log(evidence.n_train / 200),
            np.log(evidence.n_train / evidence.n_classes / 20),
            evidence.similarity - 0.5,
            np.log(min(errors) / (1 - expected_accuracy(evidence, start) + half)),
            float(_on_multi_stage(start)),
        ]
    )


def expected_accuracy(evidence: Evidence, head: HeadEvidence) -> float:
    """Accuracy expected of a head on other pictures, solved on all there are.

    Its gain over the last stage is the mean of what such gains are (`STAGE_GAIN_COEF`) and of what was
    measured, each weighed by its precision.
    """
    gain, _ = _gain(evidence, head)
    # None wrong among few is not none wrong: half a image more is counted as one.
    n = evidence.n_train
    last = (n * evidence.heads[0].accuracy + 0.5) / (n + 1)
    return float(1 - min(max(1 - last - gain, 0.25 / n), 1.0) * evidence.learning_curve_correction)


def _gain(evidence: Evidence, head: HeadEvidence) -> tuple[float, float]:
    """Gain expected over the last stage, and its standard error where it was chosen of many."""
    if head is evidence.heads[0]:
        return 0.0, 0.0
    several = _on_multi_stage(head)
    known, spread = (
        float(np.dot(STAGE_GAIN_COEF[several], gain_covariates(evidence, head))),
        STAGE_GAIN_SD[several],
    )
    variance = head.error**2 + RESAMPLING_SD**2
    share = spread**2 / (spread**2 + variance)
    doubt = 0.0 if several else float(np.sqrt(share * variance))
    return known + share * (head.gain - known), doubt


def gain_covariates(evidence: Evidence, head: HeadEvidence) -> np.ndarray:
    """What the usual gain of a head depends on: similarity, and how much is cut off."""
    n_stages = sum(not _on_multi_stage(one) for one in evidence.heads)
    left_out = 0.0 if head is evidence.heads[0] else 1 - _depth(head) / n_stages
    alike = evidence.similarity - 0.5
    return np.array([1.0, alike, left_out, left_out * alike])


def _on_multi_stage(head: HeadEvidence) -> bool:
    return "," in head.head_stages


def _head(evidence: Evidence, head: HeadEvidence) -> Option:
    return _option(evidence, Policy.LINEAR_HEAD, head, expected_accuracy(evidence, head))


def _tuned(evidence: Evidence, policy: Policy, start: HeadEvidence) -> Option:
    factor = float(np.exp(np.dot(TUNING_COEF[policy], tuning_covariates(evidence, start))))
    error = (1 - expected_accuracy(evidence, start)) * factor
    accuracy = 1 - min(error, 1 - 1 / evidence.n_classes)
    return _option(evidence, policy, start, accuracy)


def _option(evidence: Evidence, policy: Policy, head: HeadEvidence, accuracy: float) -> Option:
    half = interval_half_width(evidence, policy, accuracy)
    low, high = max(accuracy - half, 0.0), min(accuracy + half, 1.0)
    _, doubt = _gain(evidence, head)
    return Option(
        policy, head.head_stages, accuracy, low, high, policy is Policy.LINEAR_HEAD, doubt
    )


def interval_half_width(evidence: Evidence, policy: Policy, accuracy: float) -> float:
    """Half the interval around an expected accuracy."""
    n = evidence.n_train
    # An error of none in so many images is still an error of some.
    p = (accuracy * n + 1) / (n + 2)
    tested = 1 / evidence.n_tested if evidence.n_tested else 0.0
    variance = p * (1 - p) * (1 / n + tested + MODEL_SD[policy] ** 2)
    return float(_quantile() * np.sqrt(variance))


def _quantile() -> float:
    return NormalDist().inv_cdf((1 + INTERVAL_COVERAGE) / 2)


def _depth(head: HeadEvidence) -> float:
    """Depth of the network that is left; the whole one comes last."""
    return (
        np.inf if head.head_stages == "last" else max(int(n) for n in head.head_stages.split(","))
    )
