"""A time budget goes into real trials, and what they reach counts."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.written_run import make_manifest
from tlearn import api
from tlearn.commands.advice import advise
from tlearn.commands.session import Session
from tlearn.commands.trials import run_trials, untried
from tlearn.commands.workspace import Workspace
from tlearn.errors import DataError
from tlearn.suggestion.accuracy_forecast import Option
from tlearn.suggestion.matrix import Policy


@pytest.fixture
def flags(tiny_backbone_flags: dict[str, Any], converted: None) -> dict[str, Any]:
    return tiny_backbone_flags


@pytest.mark.slow
def test_policies_that_may_be_best_are_tried(
    image_folder: Callable[..., Path],
    flags: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = image_folder(classes=3, per_class=16)
    advice = api.suggest(folder, flags=flags | {"epochs": 1}, trial_seconds=600)
    tried = {option.name: option.tried for option in advice.options if option.tried is not None}
    assert tried and {name.split()[0] for name in tried} <= {"top-stages", "deep"}
    n_val = advice.dataset.manifest.count("val") if advice.dataset else 0
    for accuracy in tried.values():
        assert accuracy * n_val == pytest.approx(round(accuracy * n_val))
    assert not list(tmp_path.glob("**/model.keras"))  # trials are not kept


def test_what_does_not_fit_into_the_time_is_not_begun(
    image_folder: Callable[..., Path], flags: dict[str, Any]
) -> None:
    folder = image_folder(classes=3, per_class=16)
    advice = api.suggest(folder, flags=flags, trial_seconds=1e-9)
    assert all(option.tried is None for option in advice.options)
    assert "nothing was tried: the quickest trial takes about" in untried(advice.options)
    heads = [option for option in advice.options if option.measured]
    assert untried(heads) == "nothing was tried: no forecast of tuning reaches the best head"
    assert untried([replace(heads[0], tried=0.5)]) == ""


def test_a_trial_counts_beside_the_head_it_begins_with(
    image_folder: Callable[..., Path], flags: dict[str, Any]
) -> None:
    trials = []

    def reached(session: Session, workspace: Workspace, option: Option) -> np.ndarray:
        trials.append(option)
        accuracy = option.accuracy + (0.1 if option.measured else 0.13)  # this split is easier
        return np.arange(100) < round(100 * accuracy)

    head = Option(Policy.LINEAR_HEAD, "last", 0.7, 0.6, 0.8, True, seconds=1.0)
    tuned = replace(head, policy=Policy.TOP_STAGES, measured=False)
    deep, too_long = replace(tuned, policy=Policy.DEEP), replace(tuned, seconds=1e6)
    hopeless = replace(deep, accuracy=0.5, low=0.4, high=0.65)
    elsewhere = replace(tuned, head_stages="3")
    options = [head, replace(head, head_stages="3"), tuned, deep, elsewhere, too_long, hopeless]
    with Session(image_folder(classes=3, per_class=16), None, flags) as session:
        workspace = session.extract_features(session.open_workspace())
        advice = advise(session, workspace)
        advice = replace(advice, options=options)
        manifest = make_manifest(("a", "b"), {"train": 2, "val": 50, "test": 2})
        workspace = replace(workspace, dataset=replace(workspace.dataset, manifest=manifest))
        after = run_trials(session, workspace, advice, seconds=600, reach=reached).options
    assert trials == [head, tuned, deep, options[1], elsewhere]  # each head once, before its own
    for option, updated in zip(options, after, strict=True):
        if option in (tuned, deep, elsewhere):
            assert updated.tried == pytest.approx(0.83) and 0.7 < updated.accuracy < 0.73
            assert updated.tried_head == pytest.approx(0.8)
        else:
            assert updated == option


def test_without_a_validation_split_there_is_nothing_to_try_on(
    image_folder: Callable[..., Path], flags: dict[str, Any]
) -> None:
    few, done = image_folder(classes=3, per_class=4), list[str]()
    with pytest.raises(DataError, match="validation split"):
        api.suggest(few, flags=flags, trial_seconds=60, progress=lambda step, *_: done.append(step))
    assert set(done) == {"read images", "compare images"}  # nothing was measured in vain
