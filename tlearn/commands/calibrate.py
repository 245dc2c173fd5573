"""What the answers of a trained model are worth: temperature, `known`, and sets of answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from tlearn.backend.tracing import trace_once
from tlearn.confidence.answer_sets import promise_sets
from tlearn.confidence.answers import logits_of
from tlearn.confidence.confidence import Confidence, KnownScale
from tlearn.confidence.novelty import (
    REFUSED,
    Novelty,
    count_axes,
    fit_novelty,
    fit_subspace,
    level,
    margins,
)
from tlearn.confidence.strangers import Taught, score_strangers
from tlearn.confidence.temperature import NO_TEMPERATURE, Temperature, fit_temperature
from tlearn.data.dataset import Dataset
from tlearn.data.pixel_store import PixelArray
from tlearn.data.sampling import stratified
from tlearn.data.split import Fold
from tlearn.data.unknown import Strangers
from tlearn.evaluation.predictions import predict_pixels
from tlearn.features.features import Features, HeadProblem
from tlearn.features.head import LinearHead, centered
from tlearn.models.known_weights import AXES, known_stages
from tlearn.recipe.plan import Plan

if TYPE_CHECKING:
    import keras

Run = Callable[[PixelArray], tuple[np.ndarray, np.ndarray]]
"""Images to their probabilities (n, classes) and to what `known` reads of them (n, width)."""

_MOST_IMAGES = 2_000
"""Training images that the subspace is fitted on; more would not move its axes."""

_OUT_OF_FOLD, _AND_VAL = "out-of-fold", "out-of-fold and val"

_FEWEST_VALIDATION = 20
"""Validation images below which they say too little about a tuned network."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """What is known of the answers of a model.

    Attributes:
        temperature: What its logits have to be divided by.
        novelty: Tells its own kinds of images from others; None where too few were held out.
        taught: What has taught it that; None where nothing has.
    """

    temperature: Temperature = NO_TEMPERATURE
    novelty: Novelty | None = None
    taught: Taught | None = None

    def confidence(self, probabilities: Mapping[str, np.ndarray], dataset: Dataset) -> Confidence:
        """Return what is kept of it, with promises from calibrated answers on validation images."""
        novelty, val = self.novelty, probabilities.get("val")
        return Confidence(
            self.temperature,
            KnownScale(novelty.fitted_on, novelty.n, novelty.own) if novelty else None,
            () if val is None else promise_sets(val, dataset.labels("val")),
        )


UNCALIBRATED = Calibration()
"""Where too few images were held out."""


def calibrate_head(
    features: Features,
    problem: HeadProblem,
    folds: Sequence[Fold],
    plan: Plan,
    head: LinearHead,
    dataset: Dataset,
) -> Calibration:
    """Calibrate a solved head by images that it, or the heads of the folds, had not seen.

    Those of the folds are more; those of validation are answered by the head itself.

    Args:
        features: Outputs of the frozen network.
        problem: What the head was solved on.
        folds: Rows to solve on and to hold out; those held out are images as they are.
        plan: Its penalty is None where cross-validation chose it.
        head: The solution.
        dataset: Holds the validation images, if there are any, and strangers.
    """
    held_out = [rows for _, rows in folds]
    rows, val = np.concatenate(held_out), dataset.digests("val")
    of_val = head.probabilities(features.read(features.outputs_of(problem.stages), val))
    of_folds = _held_out_answers(features, problem, folds, plan.head.solved_l2)
    answers, n = np.concatenate([of_folds, of_val]), len(rows)
    labels = np.concatenate([problem.labels[rows], dataset.labels("val")])
    temperature = fit_temperature(answers, labels, _OUT_OF_FOLD if not val else _AND_VAL)
    margin = margins(logits_of(answers)) / temperature.value

    outputs = features.outputs_of(known_stages(problem.stages))
    blocks = features.widths(outputs)
    n_axes = count_axes(sum(blocks), sum(stage.parameters for stage in plan.stages[:-1]))
    sample = np.sort(stratified(problem.labels[rows], _MOST_IMAGES, plan.seed))
    keys = [problem.keys[row] for row in rows[sample]] + val
    embeddings, unseen = np.split(level(features.read(outputs, keys), blocks), [len(sample)])
    strangers = dataset.strangers
    others = level(features.read(outputs, strangers.taught), blocks) if strangers else None
    fit = partial(fit_subspace, blocks=blocks, n_axes=n_axes, strangers=others)
    residual = np.empty(len(sample))
    for own in held_out:
        apart = np.isin(rows[sample], own)
        residual[apart] = fit(embeddings[~apart]).residuals(embeddings[apart])
    subspace = fit(embeddings)
    residual = np.concatenate([residual, subspace.residuals(unseen)])
    margin = np.concatenate([margin[sample], margin[n:]])
    novelty = fit_novelty(subspace, margin, residual, temperature.fitted_on)

    def known(keys: Sequence[str]) -> np.ndarray:
        logits = head.logits(features.read(features.outputs_of(problem.stages), keys))
        logits = centered(logits) / temperature.value
        return novelty.known(level(features.read(outputs, keys), blocks), logits)

    if strangers is None:
        return Calibration(temperature, novelty)
    reported = dataset.digests(dataset.manifest.report_split)
    taught = _taught(plan, strangers, known(reported), known(strangers.tested))
    return Calibration(temperature, novelty, taught)


def _taught(plan: Plan, strangers: Strangers, own: np.ndarray, tested: np.ndarray) -> Taught:
    scores = score_strangers(own, tested, REFUSED)
    return Taught(plan.split.unknown or "", len(strangers.taught), scores, strangers.taught)


def _held_out_answers(
    features: Features, problem: HeadProblem, folds: Sequence[Fold], penalty: float | None
) -> np.ndarray:
    """Return the answers on rows that were held out, fold by fold."""
    if penalty is not None:
        return np.concatenate(features.held_out(problem, folds, penalty))
    used = np.unique(np.concatenate([rows for fold in folds for rows in fold]))
    rows = np.concatenate([held_out for _, held_out in folds])
    cv = features.cross_validate(problem, folds)  # stored when it chose the penalty
    return cv.probabilities[np.searchsorted(used, rows)]


def open_network(model: keras.Model) -> Run:
    """Return what runs a tuned network: its probabilities, and what `known` reads, in one pass.

    Args:
        model: From `fine_tune`; later changes of its weights count.
    """
    import keras

    from tlearn.models.known import known_embedding

    outputs = [model.outputs[0], known_embedding(model).outputs[0]]
    network, n_classes = trace_once(keras.Model(model.inputs[0], outputs)), outputs[0].shape[-1]

    def run(pixels: PixelArray) -> tuple[np.ndarray, np.ndarray]:
        both = predict_pixels(lambda batch: np.hstack(network.predict_on_batch(batch)), pixels)
        return both[:, :n_classes], both[:, n_classes:]

    return run


def calibrate_network(
    model: keras.Model,
    run: Run,
    held_out: Mapping[str, tuple[np.ndarray, np.ndarray]],
    dataset: Dataset,
    plan: Plan,
) -> Calibration:
    """Calibrate a tuned network by its validation images.

    Args:
        model: From `fine_tune`.
        run: From `open_network`.
        held_out: What it gives for the images of each split that was held out.
        dataset: Training images, for the subspace, and strangers.
        plan: What was trained.
    """
    from tlearn.models.known import pooled_widths

    if dataset.manifest.count("val") < _FEWEST_VALIDATION:
        return UNCALIBRATED
    val, unseen = held_out["val"]
    temperature = fit_temperature(val, dataset.labels("val"), "val")
    sample = np.sort(stratified(dataset.labels("train"), _MOST_IMAGES, plan.seed))
    digests = dataset.digests("train")
    train = dataset.pixels.rows([digests[row] for row in sample])
    strangers = dataset.strangers
    others = run(strangers.rows(strangers.taught))[1] if strangers else None
    n_axes = model.get_layer(AXES).units
    subspace = fit_subspace(run(train)[1], pooled_widths(model), n_axes, others)
    residual = subspace.residuals(unseen)
    margin = margins(logits_of(val)) / temperature.value
    novelty = fit_novelty(subspace, margin, residual, "val")

    def known(probabilities: np.ndarray, embeddings: np.ndarray) -> np.ndarray:
        return novelty.known(embeddings, logits_of(probabilities) / temperature.value)

    if strangers is None:
        return Calibration(temperature, novelty)
    own, tested = held_out[dataset.manifest.report_split], run(strangers.rows(strangers.tested))
    taught = _taught(plan, strangers, known(*own), known(*tested))
    return Calibration(temperature, novelty, taught)
