"""Records as the API returns them, with hostile names, and a way to run a command on them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from tlearn import api
from tlearn.cli.app import app
from tlearn.data.dataset import Dataset
from tlearn.data.image_folder import ImageFolder
from tlearn.data.inspection import DataIssue
from tlearn.data.manifest import SplitManifest
from tlearn.data.pixel_store import PixelStore
from tlearn.evaluation.metrics import Report, score
from tlearn.features.engine import EngineChoice
from tlearn.features.extractor import StageInfo
from tlearn.features.head import CrossValidation
from tlearn.recipe.loading import load_recipe
from tlearn.recipe.planning import BackboneInfo, SplitCounts, make_plan
from tlearn.runs.directory import RunDirectory
from tlearn.suggestion.accuracy_forecast import forecast_options
from tlearn.suggestion.depth_profile import DepthProfile, HeadScore
from tlearn.suggestion.learning_curve import LearningCurve
from tlearn.suggestion.matrix import Evidence, HeadEvidence, textbook_policy
from tlearn.suggestion.similarity import Similarity

Command = Callable[..., Result]

_HOMES = {name: getattr(api, name).__module__ for name in api.__all__}

RED = "\x1b[31m"
CLASSES = ("[bold]cats[/bold]", f"{RED}dogs", "a\nb")
"""Names that would color the screen, or break a line, if they were obeyed."""


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run one command line in this process, on a terminal 80 columns wide."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(*words: object) -> Result:
        return CliRunner().invoke(app, [str(word) for word in words])

    return run


@pytest.fixture
def fits() -> Callable[[str], None]:
    """Check that text is plain, and at most 80 columns wide but for what is to be copied."""

    def check(text: str) -> None:
        assert "\x1b" not in text
        for line in text.splitlines():
            copied = re.match(r"(next|error:|hint:| +tlearn|  once online:) ", line)
            assert len(line.rstrip()) <= 80 or copied, line

    return check


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """Twelve images of three classes, with two issues."""
    labels = np.arange(12) % 3
    names = tuple(f"{n}.png" for n in range(12))
    splits = ("train",) * 6 + ("val",) * 3 + ("test",) * 3
    manifest = SplitManifest(CLASSES, names, labels, splits, names, "test", 0)
    issues = (
        DataIssue("unreadable", "warning", "1 of 13 images cannot be read: [x].png", ("[x].png",)),
        DataIssue("few", "note", f"3 classes have {RED}few", CLASSES),
    )
    folder = ImageFolder(tmp_path, CLASSES, (), "classes", ("notes.txt",))
    store: Any = None
    pixels: PixelStore = store
    return Dataset(folder, pixels, issues, manifest, "squash", 7)


@pytest.fixture
def advice(dataset: Dataset) -> api.Advice:
    """Little data, different from the source; the third stage is best."""
    measured = "0.20 of 1, from an effective dimension of 12"
    heads = (HeadEvidence("last", 0.81), HeadEvidence("2", 0.9, 0.09, 0.03))
    evidence = Evidence(6, 3, 0.2, measured, heads)
    options = [
        replace(option, seconds=12.0 if option.measured else 131.0)
        for option in forecast_options(evidence)
    ]
    *single, several = [
        HeadScore(stages, CrossValidation(1.0, np.full((6, 3), 1 / 3), accuracy, (0.8, 0.82)))
        for stages, accuracy in (((1,), 0.4), ((2,), 0.9), ((3,), 0.81), ((2, 3), 0.95))
    ]
    names = ["stage 1", "stage 2", "stage 3"]
    profile = DepthProfile(names, single, several, np.arange(6) % 3)
    return api.Advice(
        replace(textbook_policy(evidence), reasons=("little data", "measured: 81.0%")),
        Similarity(0.2, 12.0, None, True),
        profile,
        dataset,
        "mobilenet_v2",
        {"decode": 0.5, "advice": 0.1},
        EngineChoice({"backbone": "litert"}),
        options=options,
        curve=LearningCurve(6, (0.5, 0.7, 0.81), 0.01, 0.5, np.zeros(3), np.array([1, 0.5, 0.9])),
        nearest={"[bold]cats[/bold]": [("tabby", 0.6), ("lynx", 0.1)]},
    )


@pytest.fixture
def report() -> Callable[[str], Report]:
    """Ten images, nine right."""

    def make(split: str) -> Report:
        labels = np.arange(10) % 3
        probabilities = np.full((10, 3), 0.05)
        probabilities[np.arange(10), labels] = 0.9
        probabilities[0] = (0.1, 0.8, 0.1)
        return score(probabilities, labels, CLASSES, split)

    return make


@pytest.fixture
def outcome(
    dataset: Dataset, advice: api.Advice, report: Callable[[str], Report], tmp_path: Path
) -> api.FinetuneResult:
    """A finished top-stages run."""
    resolved = load_recipe("top-stages", {"epochs": 7}, {"policy": "top_stages"})
    stages = [StageInfo(f"stage {n}", n, 56, 32, 10**n * 100, 0) for n in (1, 2, 3)]
    data = SplitCounts(CLASSES, 6, 3, 3)
    plan = make_plan(resolved, data, BackboneInfo("mobilenet_v2", 224, "abc"), stages)
    return api.FinetuneResult(
        RunDirectory(tmp_path / "runs" / "20260101-120000-top_stages"),
        plan,
        advice,
        dataset,
        {split: report(split) for split in ("val", "test")},
        ({"epoch": 1, "epochs": 7, "val_accuracy": 0.9},),
        {"decode": 0.5, "train": 61.0, "total": 65.2},
        EngineChoice({"backbone": "litert"}, {"backbone": {"litert": 240.0, "keras": 80.0}}),
        interpolation=0.9,
        forecast_seconds=131.0,
    )


@pytest.fixture
def planned(outcome: api.FinetuneResult) -> api.FinetuneResult:
    """The same before it was trained."""
    unknown = {"reports": {}, "history": (), "interpolation": None}
    return replace(outcome, run=None, seconds={"decode": 0.5}, **unknown)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Any]]:
    """Put an answer in the place of an API function; returns the list of its calls."""

    def install(name: str, answer: Any, steps: Sequence[tuple[str, int, int]] = ()) -> list[Any]:
        recorded: list[Any] = []

        def fake(*positional: Any, **named: Any) -> Any:
            recorded.append((positional, named))
            for progress in steps:
                named["progress"](*progress)
            if isinstance(answer, BaseException):
                raise answer
            return answer(**named) if callable(answer) else answer

        for home in (api, sys.modules[_HOMES[name]]):  # some are called where they are at home
            monkeypatch.setattr(home, name, fake, raising=False)
        return recorded

    return install


@pytest.fixture
def finetunes(calls: Callable[..., list[Any]]) -> Callable[[api.FinetuneResult], list[Any]]:
    """Let `finetune` settle a plan, train for an epoch and return an outcome; see `calls`."""

    def install(outcome: api.FinetuneResult) -> list[Any]:
        def answer(**named: Any) -> api.FinetuneResult:
            named["on_plan"](outcome)
            record = {"epochs": 7, "val_accuracy": 0.9, "val_loss": 0.4}
            named["on_epoch"](record | {"epoch": 0})
            named["on_epoch"](record | {"epoch": 1, "loss": 0.5, "accuracy": 0.8})
            return outcome

        return calls("finetune", answer)

    return install
