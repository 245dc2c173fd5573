"""The content of a report, made without training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tlearn.evaluation.metrics import Report, score
from tlearn.evaluation.report_content import ReportContent
from tlearn.features.extractor import StageInfo
from tlearn.features.head import CrossValidation
from tlearn.recipe.loading import load_recipe
from tlearn.recipe.plan import Plan
from tlearn.recipe.planning import BackboneInfo, SplitCounts, make_plan
from tlearn.suggestion.accuracy_forecast import Option
from tlearn.suggestion.advice import Advice
from tlearn.suggestion.depth_profile import DepthProfile, HeadScore
from tlearn.suggestion.matrix import Policy, Suggestion
from tlearn.suggestion.similarity import Similarity

LABELS = np.array([0, 0, 0, 1])


def make_report(
    classes: tuple[str, ...] = ("ant", "bee"), n: int = 40, split: str = "test", seed: int = 0
) -> Report:
    labels = np.arange(n) % len(classes)
    rows = (
        np.random.default_rng(seed).random((n, len(classes))) + 0.7 * np.eye(len(classes))[labels]
    )
    return score(rows / rows.sum(axis=1, keepdims=True), labels, classes, split)


def make_report_plan(classes: tuple[str, ...] = ("ant", "bee"), **keys: Any) -> Plan:
    stages = [StageInfo(f"stage {n}", n, 56, 8, 1000 * n, 0) for n in (1, 2, 3)]
    backbone = BackboneInfo("mobilenet_v2", 224, "f00d")
    keys = {"policy": "linear_head", **keys}
    return make_plan(load_recipe(None, keys), SplitCounts(classes, 100, 20, 40), backbone, stages)


def make_profile() -> DepthProfile:
    """Three stages right on 2, 3 and 1 of four images, and all three together on 2."""

    def head(stages: tuple[int, ...], right: int) -> HeadScore:
        return HeadScore(stages, CrossValidation(1.0, np.eye(2)[LABELS], right / 4, (0.0,)))

    single = [head((number,), right) for number, right in ((1, 2), (2, 3), (3, 1))]
    names = [f"stage {number}" for number in (1, 2, 3)]
    return DepthProfile(names, single, head((1, 2, 3), 2), LABELS)


def make_advice(**changes: Any) -> Advice:
    options = (
        Option(Policy.LINEAR_HEAD, "2", 0.7, 0.6, 0.8, measured=True, seconds=9.0),
        Option(Policy.LINEAR_HEAD, "last", 0.65, 0.5, 0.8, measured=True, seconds=9.0),
        Option(Policy.DEEP, "last", 0.9, 0.85, 0.95, measured=False, seconds=95.0),
    )
    suggestion = Suggestion(
        Policy.LINEAR_HEAD, "last", "little", "similar", ("100 training images",), 100, 2
    )
    similarity = Similarity(0.8, 30.0, 4.9, True, {"letters": 0.1, "flowers": 0.6})
    values = {"similarity": similarity, "profile": make_profile(), "options": options}
    return Advice(suggestion, **{**values, **changes})


@pytest.fixture
def advice() -> Callable[..., Advice]:
    """Make advice: `advice(**changed fields)`."""
    return make_advice


@pytest.fixture
def report() -> Callable[..., Report]:
    """Make scores: `report(classes, n, split, seed)`."""
    return make_report


@pytest.fixture
def plan() -> Callable[..., Plan]:
    """Make a plan: `plan(classes, **recipe keys)`."""
    return make_report_plan


@pytest.fixture
def content() -> Callable[..., ReportContent]:
    """Make the content of a report, the least there can be: `content(classes, n, **fields)`."""

    def make(
        classes: tuple[str, ...] = ("ant", "bee"), n: int = 40, **fields: Any
    ) -> ReportContent:
        reports = {"test": make_report(classes, n)}
        values = {"title": "insects", "plan": make_report_plan(classes), "reports": reports}
        return ReportContent(**{**values, **fields})

    return make
