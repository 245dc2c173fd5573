"""What int8 costs is counted on pictures that a head could have known."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tlearn.commands.int8_cost import measure_int8
from tlearn.features.linear_head import CrossValidation
from tlearn.progress import Timer
from tlearn.suggestion.depth_profile import HeadScore


def bench(labels: np.ndarray, features: np.ndarray) -> Any:
    """A workbench of features that are there already; a digest is the number of its row."""
    dataset = SimpleNamespace(
        manifest=SimpleNamespace(classes=[str(n) for n in np.unique(labels)]),
        labels=lambda split: labels,
        digests=lambda split: [str(n) for n in range(len(labels))],
        pixels=SimpleNamespace(rows=lambda digests: digests),
    )
    known = SimpleNamespace(
        outputs_of=lambda stages: ["embedding"],
        read=lambda outputs, digests: features[[int(digest) for digest in digests]],
        widths=lambda outputs: [features.shape[1]],
    )
    return SimpleNamespace(
        dataset=dataset,
        features=known,
        backbone=None,
        resolved=SimpleNamespace(recipe=SimpleNamespace(seed=0)),
        progress=lambda *_: None,
        timer=Timer(),
    )


def test_of_hundreds_of_classes_none_is_held_out_that_no_head_has_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng, classes = np.random.default_rng(0), 250
    labels = rng.permutation(np.repeat(np.arange(classes), 6))
    features = rng.normal(size=(classes, 60))[labels] + 0.1 * rng.normal(size=(len(labels), 60))
    features = features.astype(np.float32)

    def int8(classifier: Any, calibration: Any, digests: list[str]) -> np.ndarray:
        found = features[[int(digest) for digest in digests]].copy()
        found[::4] = 0  # a quarter of the images says nothing any more
        return found

    monkeypatch.setattr("tlearn.features.int8.int8_embeddings", int8)
    monkeypatch.setattr("tlearn.models.head_template.classifier_on", lambda *_: None)
    monkeypatch.setattr("tlearn.commands.int8_cost.representative", lambda *_: None)
    answers = CrossValidation(1e-3, np.zeros((0, classes)), 1.0, (1.0,))
    cost = measure_int8(bench(labels, features), HeadScore((5,), answers))
    assert cost.n_images == 2 * classes and cost.accuracy > 0.95
    assert cost.drop == pytest.approx(0.25, abs=0.03) and not cost.passes_gate
