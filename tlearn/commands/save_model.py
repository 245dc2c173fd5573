"""From a trained model to the file of a run, read back before it is called done."""

from __future__ import annotations

import numpy as np

from tlearn.backend.tracing import trace_once
from tlearn.commands.fitted import FittedModel
from tlearn.commands.session import Session
from tlearn.commands.workspace import Workspace
from tlearn.errors import RunError, quoted
from tlearn.evaluation.predictions import answer_pixels
from tlearn.models.head_template import (
    head_weights,
    keep_template,
    make_template,
    open_template,
    read_weights,
    with_weights,
)
from tlearn.models.keras_file import save_model
from tlearn.models.known_weights import known_weights
from tlearn.runs.answering import keep_converted
from tlearn.runs.directory import RunDirectory
from tlearn.storage.atomic import write_atomic

_READ_BACK_IMAGES = 64
"""Held-out images on which the saved model is compared with the trained one."""

_TOLERANCE = 2e-3
"""Largest difference of a probability that passes, as Keras does not compute alike in every batch;
of numbers, times the largest answer."""


def save_trained(
    session: Session, workspace: Workspace, fitted: FittedModel, run: RunDirectory
) -> None:
    """Save what was trained, read it back and compare its answers.

    Args:
        session: Cache and progress.
        workspace: Images and backbone.
        fitted: What training gave.
        run: Where to.

    Raises:
        RunError: The saved model does not answer as the trained one.
    """
    if fitted.model is None:
        _save_solved(session, workspace, fitted, run)
        return
    model = fitted.model
    write_atomic(run.model_path, lambda path: save_model(model, path))
    _read_back(workspace, fitted, run)
    keep_converted(session.cache, run.model_path, fitted.plan, model)


def _save_solved(
    session: Session, workspace: Workspace, fitted: FittedModel, run: RunDirectory
) -> None:
    """Save a solved head; TensorFlow only the first time that this backbone is used."""
    head, plan, novelty = fitted.head, fitted.plan, fitted.calibration.novelty
    assert head is not None and novelty is not None
    layers = {**head_weights(head.kernel, head.bias), **known_weights(novelty)}
    stored = open_template(session.cache, plan.backbone.fingerprint)
    template = stored or make_template(
        session.load_backbone(workspace.backbone), plan.head.stages, novelty.subspace.axes.shape[1]
    )
    write_atomic(run.model_path, with_weights(template, layers))
    saved = read_weights(run.model_path, template, layers)
    for name, expected in layers.items():
        if not all(map(np.array_equal, saved[name], expected)):
            raise _not_as_saved(run, f"its layer {name!r} is another one")
    if stored is None:
        _read_back(workspace, fitted, run)
        keep_template(session.cache, plan.backbone.fingerprint, template)


def _read_back(workspace: Workspace, fitted: FittedModel, run: RunDirectory) -> None:
    """Reload the model from disk and check that it reproduces the scored probabilities."""
    import keras

    split, expected = next(iter(fitted.probabilities.items()))
    sample = workspace.dataset.rows(split)[:_READ_BACK_IMAGES]

    def answers(model: keras.Model) -> np.ndarray:
        return answer_pixels(trace_once(model).predict_on_batch, sample).probabilities

    saved = answers(keras.models.load_model(run.model_path, compile=False, safe_mode=True))
    difference = _difference(saved, expected[:_READ_BACK_IMAGES])
    if difference > _TOLERANCE and fitted.model is not None and fitted.answer is not None:
        # A network that has hardly been trained may answer otherwise when it is compiled anew.
        as_scored = _difference(fitted.answer(sample), expected[:_READ_BACK_IMAGES])
        difference = max(as_scored, _difference(saved, answers(fitted.model)))
    if not difference <= _TOLERANCE:
        problem = f"an answer moved by {difference:.3g} on {len(saved)} {split} images"
        raise _not_as_saved(run, problem)


def _difference(answers: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest difference, as a share of the largest answer above 1."""
    return float(np.abs(answers - expected).max() / max(1.0, float(np.abs(expected).max())))


def _not_as_saved(run: RunDirectory, problem: str) -> RunError:
    return RunError(
        f"{quoted(run.model_path)} was saved but answers differently when read back: {problem}",
        "this is a bug of tlearn or of Keras; please report it with the plan.yaml beside it",
    )
