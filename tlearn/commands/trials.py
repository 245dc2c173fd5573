"""Short real trials of what the evidence cannot tell apart, within a time budget."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from tlearn.commands.advice import plan_option
from tlearn.commands.choose_mirror import choose_mirror
from tlearn.commands.session import Session
from tlearn.commands.train import fit
from tlearn.commands.workspace import Workspace
from tlearn.data.dataset import Dataset
from tlearn.data.order import answered
from tlearn.errors import DataError
from tlearn.evaluation.wording import duration
from tlearn.suggestion.accuracy_forecast import Option
from tlearn.suggestion.advice import Advice
from tlearn.suggestion.decision import decide
from tlearn.suggestion.trial import HeadTrial, update_with_trial


def check_validation(dataset: Dataset) -> None:
    """Refuse a folder on which nothing can be tried, before minutes are spent.

    Raises:
        DataError: The folder has no validation split.
    """
    if not dataset.manifest.count("val"):
        raise DataError(
            "--try needs a validation split, and this folder has none",
            "with so few images cross-validation says what can be said: leave out --try",
        )


def val_right(session: Session, workspace: Workspace, option: Option) -> np.ndarray:
    """Return on which validation images an option is right, by training it."""
    plan = choose_mirror(session, workspace, plan_option(session, workspace, option))
    fitted = fit(session, workspace, plan)
    answers = answered(fitted.probabilities["val"], plan.ordered)
    return np.asarray(answers == workspace.dataset.labels("val"))


def run_trials(
    session: Session,
    workspace: Workspace,
    advice: Advice,
    seconds: float,
    reach: Callable[[Session, Workspace, Option], np.ndarray] = val_right,
) -> Advice:
    """Train the tuning policies that may be best, and update the forecasts with the results.

    Test images are not looked at. A policy whose forecast does not fit into the time that is left
    is not begun. The head that tuning begins with is scored on the same images.

    Args:
        session: Recipe, cache and progress.
        workspace: Images and backbone; `check_validation` has passed the images.
        advice: What was measured.
        seconds: Time to spend.
        reach: Returns on which images of the validation split an option is right.
    """
    end = time.perf_counter() + seconds
    options, heads = list(advice.options), dict[str, HeadTrial | None]()
    groups = workspace.dataset.groups("val")
    for index in _doubtful(options):
        option = options[index]
        if time.perf_counter() + (option.seconds or 0) > end:
            continue
        if option.head_stages not in heads:
            head = _head_on(options, option.head_stages)
            heads[option.head_stages] = (
                HeadTrial(head.accuracy, reach(session, workspace, head)) if head else None
            )
        session.progress(f"try {option.name}", 0, 0)
        right = reach(session, workspace, option)
        options[index] = update_with_trial(option, right, heads[option.head_stages], groups)
    assert advice.evidence is not None
    return replace(advice, options=options, suggestion=decide(advice.evidence, options))


def untried(options: Sequence[Option]) -> str:
    """Return why no option was tried; empty where one was."""
    if any(option.tried is not None for option in options):
        return ""
    quickest = min((options[n].seconds or 0.0 for n in _doubtful(options)), default=None)
    if quickest is None:
        return "nothing was tried: no forecast of tuning reaches the best head"
    return f"nothing was tried: the quickest trial takes about {duration(quickest)}"


def _doubtful(options: Sequence[Option]) -> Iterator[int]:
    """Yield indices of unmeasured options whose interval reaches the best, likeliest first."""
    best = max(option.accuracy for option in options)
    order = sorted(range(len(options)), key=lambda n: -options[n].accuracy)
    yield from (n for n in order if not options[n].measured and options[n].high >= best)


def _head_on(options: Sequence[Option], head_stages: str) -> Option | None:
    heads = (option for option in options if option.measured and option.head_stages == head_stages)
    return next(heads, None)
