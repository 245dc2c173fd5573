"""Short real trials of what the evidence cannot tell apart, within a time budget."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tlearn.commands.session import Session
from tlearn.commands.train import train_and_save
from tlearn.errors import DataError
from tlearn.runs.directory import RunDirectory
from tlearn.suggestion.accuracy_forecast import Option, update_with_trial
from tlearn.suggestion.advice import Advice
from tlearn.suggestion.decision import decide


def check_validation(session: Session) -> None:
    """Refuse before minutes are spent what cannot be tried.

    Raises:
        DataError: The folder has no validation split.
    """
    if not session.dataset.manifest.count("val"):
        raise DataError(
            "--try needs a validation split, and this folder has none",
            "leave --try out: of so few pictures cross-validation has said what can be said",
        )


def try_out(session: Session, advice: Advice, seconds: float) -> Advice:
    """Train the tuning policies that may be best, and weigh what they reach on validation.

    Test pictures are not looked at. A policy whose forecast does not fit into what is left of
    the time is not begun. What counts is the gain over the head that tuning begins with on the
    same pictures: a validation split may be harder or easier than others.

    Args:
        session: Pictures and features; `check_validation` has passed them.
        advice: What was measured.
        seconds: To spend.
    """
    n_val, end = session.dataset.manifest.count("val"), time.perf_counter() + seconds
    options, easier = list(advice.options), dict[str, float]()
    for place in _doubtful(options):
        option = options[place]
        if time.perf_counter() + (option.seconds or 0) > end:
            continue
        if option.head_stages not in easier:
            easier[option.head_stages] = _easier(session, options, option.head_stages)
        session.progress(f"try {option.name}", 0, 0)
        reached = _reached(session, option)
        elsewhere = min(max(reached - easier[option.head_stages], 0.0), 1.0)
        options[place] = replace(update_with_trial(option, elsewhere, n_val), tried=reached)
    assert advice.evidence is not None
    return replace(advice, options=options, suggestion=decide(advice.evidence, options))


def _doubtful(options: Sequence[Option]) -> Iterator[int]:
    """Places of unmeasured options whose interval reaches the best, likeliest first."""
    best = max(option.accuracy for option in options)
    order = sorted(range(len(options)), key=lambda n: -options[n].accuracy)
    yield from (n for n in order if not options[n].measured and options[n].high >= best)


def _easier(session: Session, options: Sequence[Option], head_stages: str) -> float:
    """Accuracy of a head on the validation split beyond what is expected of it elsewhere."""
    head = next((one for one in options if one.measured and one.head_stages == head_stages), None)
    return _reached(session, head) - head.accuracy if head else 0.0


def _reached(session: Session, option: Option) -> float:
    plan = session.plan({"policy": str(option.policy), "head_stages": option.head_stages})
    plan = replace(plan, images=replace(plan.images, keep_samples=False))  # nobody exports a trial
    with tempfile.TemporaryDirectory(prefix="tlearn-try-") as folder:
        run = RunDirectory.create(Path(folder, "run"), plan.policy, False)
        return train_and_save(session, plan, run, None).reports["val"].accuracy
