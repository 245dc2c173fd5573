"""From good images to a network that tells what is unlike them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tlearn.backend.silence import import_keras
from tlearn.backend.tracing import trace_once
from tlearn.commands.fitted import FittedModel
from tlearn.commands.heads import held_out_splits
from tlearn.commands.session import Session
from tlearn.commands.train_targets import TargetCalibration
from tlearn.commands.workspace import Workspace
from tlearn.confidence.confidence import Confidence
from tlearn.confidence.false_alarms import choose_threshold
from tlearn.confidence.normality import Normality, fit_normality
from tlearn.data.dataset import Dataset
from tlearn.data.pixel_store import PixelArray
from tlearn.data.sampling import stratified
from tlearn.evaluation.predictions import batches, predict_pixels
from tlearn.recipe.plan import Plan

if TYPE_CHECKING:
    import keras

MOST_IMAGES = 1_000
"""Good images that are learned from: the places of all of them are in memory at once."""


def fit_one_class(session: Session, workspace: Workspace, plan: Plan) -> FittedModel:
    """Learn what good images are like, and from where on an image is called bad.

    Args:
        session: Timer and progress.
        workspace: Images and backbone.
        plan: What to learn.
    """
    import_keras()
    from tlearn.models.one_class import build_one_class, one_class_maps, set_normality

    dataset = workspace.dataset
    backbone = session.load_backbone(workspace.backbone)
    model = build_one_class(backbone.trunk, *one_class_maps(backbone))
    session.progress("learn the good images", 0, 0)
    with session.timer.time("train"):
        normality = _learn(model, dataset, plan)
        set_normality(model, normality)
    network = trace_once(model)

    def run(pixels: PixelArray) -> np.ndarray:
        return predict_pixels(lambda batch: network.predict_on_batch(batch)[0], pixels)

    session.progress("score the model", 0, 0)
    with session.timer.time("check"):
        answers = {split: run(dataset.rows(split)) for split in held_out_splits(workspace)}
    alarms = choose_threshold(normality.held_out, plan.head.false_alarm_rate)
    promise = TargetCalibration(promise=Confidence(false_alarms=alarms))
    return FittedModel(plan, None, answers, model, run, calibration=promise)


def _learn(model: keras.Model, dataset: Dataset, plan: Plan) -> Normality:
    from tlearn.models.one_class import normality_features

    rows = np.sort(stratified(dataset.labels("train"), MOST_IMAGES, plan.seed))
    digests = dataset.digests("train")
    pixels = dataset.pixels.rows([digests[row] for row in rows])
    network = trace_once(normality_features(model))
    parts = []
    for batch in batches(pixels):
        *features, patches = network.predict_on_batch(batch)
        parts.append([*features, np.asarray(patches, np.float16)])
    *features, patches = (np.concatenate(column) for column in zip(*parts, strict=True))
    fold_of = np.zeros(len(digests), int)
    for number, (_, held_out) in enumerate(dataset.folds(plan.seed)):
        fold_of[held_out] = number
    return fit_normality(features, patches, fold_of[rows])
