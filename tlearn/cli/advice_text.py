"""Advice in plain sentences, for `suggest` and for `finetune`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from tlearn.cli import options
from tlearn.cli.display.formats import (
    backbone_name,
    class_names,
    enumeration,
    interval,
    option_name,
    percent,
    pluralize,
    points,
    policy_name,
    rough_duration,
    rough_percent,
    stages_name,
)
from tlearn.cli.display.widgets import ACCENT, WARN, no_wrap, safe_text
from tlearn.errors import pasted
from tlearn.models.catalog import BUILTIN, RECOMMENDED
from tlearn.suggestion.accuracy_forecast import INTERVAL_COVERAGE
from tlearn.suggestion.matrix import MATRIX, Policy, Suggestion

if TYPE_CHECKING:
    from tlearn.suggestion.accuracy_forecast import Option
    from tlearn.suggestion.advice import Advice
    from tlearn.suggestion.choices import Choice

_AS_ACCURATE = 0.0025
_NEXT_POINTS = 0.02
_NOTABLE = 0.01
_TEXTBOOK = {
    ("little", "similar"): "keep the network frozen and train only a new last layer, the head, "
    "because a network would learn so few images by heart",
    ("little", "different"): "besides the last layer, the head, tune the last stages, because they "
    "are specialized in other images",
    ("lot", "similar"): "besides the last layer, the head, tune the last stages, because there is "
    "enough data to sharpen them",
    ("lot", "different"): "tune the whole network, because there is enough data to change its "
    "features",
}


def summary(advice: Advice) -> str:
    """Return what was found and what it means, in a paragraph for someone new to the subject."""
    backbone = backbone_name(advice.backbone) if advice.backbone else "the backbone"
    sentences = [_textbook(advice.suggestion, backbone)]
    if advice.profile:
        sentences += [_measured(advice), _decision(advice)]
    if advice.curve:
        sentences.append(_more_images(advice))
    return " ".join(sentences)


def reconciliation(advice: Advice) -> str:
    """Return why matrix, depth profile and advice differ; empty if they do not."""
    suggestion, profile = advice.suggestion, advice.profile
    textbook = MATRIX[suggestion.size, suggestion.similarity]
    views = []
    if textbook != suggestion.policy:
        views.append(f"the matrix ({policy_name(textbook)}) knows only amount and similarity")
    if profile and profile.best.head_stages != _stages_read(advice):
        best = stages_name(profile.best.head_stages)
        views.append(f"the depth profile (best: {best}) knows only the frozen network")
    if not views:
        return ""
    return (
        f"Why they differ: {enumeration(views)}; the advice also weighs what tuning usually adds "
        "and how uncertain each number is."
    )


def why(advice: Advice) -> str:
    """Return the reason for the advised policy as a clause."""
    chosen, head = _advised(advice), _best_head(advice)
    if chosen is None or head is None:
        return ""
    if chosen.policy is not Policy.LINEAR_HEAD:
        gain = points(chosen.accuracy - head.accuracy)
        return f"because that is expected to be {gain} better than a solved head alone"
    return "because tuning it is not expected to be better"


def expectation(option: Option) -> str:
    """Return what an option is expected to reach: "97% (94 to 100)"."""
    return f"{rough_percent(option.accuracy)} ({interval(option.low, option.high, 0)})"


def price(choice: Choice) -> str:
    """Return what a choice takes, and what it brings compared with the advised one."""
    seconds = choice.option.seconds
    time = [rough_duration(seconds)] if seconds else []
    if choice.role == "advised":
        return ", ".join(time)
    if abs(choice.gain) < _AS_ACCURATE:
        return ", ".join([*time, "about as accurate"])
    more = "more" if choice.gain > 0 else "less"
    return ", ".join([*time, f"{points(choice.gain)} {more} expected"])


def option_flags(option: Option | Suggestion) -> list[str]:
    """Return the flags of `tlearn finetune` that choose an option."""
    stages = ["--set", f"head_stages={option.head_stages}"] if option.head_stages != "last" else []
    return ["--policy", policy_name(option.policy), *stages]


def finetune_command(folder: Path | str, flags: list[str], overrides: Mapping[str, Any]) -> str:
    """Return the command line that trains, ready to be pasted."""
    words = [*flags, *options.as_flags(overrides)]
    return " ".join(["tlearn finetune", pasted(folder), *map(shlex.quote, words)])


def weaker_backbone(name: str, reason: str, command: str) -> list[Text]:
    """Return a warning if the built-in backbone stands in for the recommended one.

    Args:
        name: The backbone in use.
        reason: Why it was taken, and what that costs; empty if it was asked for.
        command: The command line to repeat once the weights can be had.
    """
    if name != BUILTIN or not reason:
        return []
    fix = safe_text(f"  to fix: {command} --backbone {RECOMMENDED}", ACCENT)
    return [Text(), Text.assemble(("! ", WARN), safe_text(reason, "bold")), no_wrap(fix)]


def _textbook(suggestion: Suggestion, backbone: str) -> str:
    per_class = suggestion.n_train / suggestion.n_classes
    amount = "little data" if suggestion.size == "little" else "a lot of data"
    alike = "look like" if suggestion.similarity == "similar" else "look unlike"
    cell = (suggestion.size, suggestion.similarity)
    return (
        f"You have {pluralize(suggestion.n_train, 'training image')}, {per_class:.0f} per class, "
        f"which is {amount} for adapting a trained network; they {alike} the images that "
        f"{backbone} was trained on. In this case textbooks advise {policy_name(MATRIX[cell])}: "
        f"{_TEXTBOOK[cell]}."
    )


def _measured(advice: Advice) -> str:
    profile = advice.profile
    assert profile is not None
    sentence = (
        "Measured on your images, a linear head on the frozen network is right on "
        f"{rough_percent(profile.last.accuracy)} of images it was not trained on"
    )
    if profile.best.accuracy - profile.last.accuracy >= _NOTABLE:
        stages = stages_name(profile.best.head_stages)
        sentence += f", and on {rough_percent(profile.best.accuracy)} if it reads {stages}"
    return f"{sentence} (always guessing the largest class: {percent(profile.guessing, 0)})."


def _decision(advice: Advice) -> str:
    chosen, head = _advised(advice), _best_head(advice)
    if chosen is None or head is None:
        return ""
    name = option_name(chosen.policy, chosen.head_stages)
    reach = f"{rough_percent(chosen.accuracy)} right on new images "
    reach += f"({percent(INTERVAL_COVERAGE, 0)} interval: {interval(chosen.low, chosen.high, 0)})"
    if chosen.policy is Policy.LINEAR_HEAD:
        return f"Tuning is not expected to be better, so the advice is {name}: {reach}."
    gain = points(chosen.accuracy - head.accuracy)
    sentence = f"The advice is {name}, expected to be {gain} better than the best head: {reach}."
    if chosen.tried is not None:
        sentence += f" A trial reached {percent(chosen.tried, 0)} on the validation images."
    return sentence


def _more_images(advice: Advice) -> str:
    curve, classes = advice.curve, advice.dataset.manifest.classes if advice.dataset else ()
    assert curve is not None
    if not curve.drawn:
        return (
            "There are too few images per class to estimate what more of them would bring "
            "(10 per class would be enough)."
        )
    if not curve.helps:
        return "More images would hardly help a linear head."
    gain = points(curve.accuracy_with(2) - curve.accuracies[-1])
    sentence = f"Twice as many images would add about {gain} to a linear head"
    if (n_images := curve.images_for(_NEXT_POINTS)) is not None:
        sentence += f"; {100 * _NEXT_POINTS:.0f} points take about {n_images:,} more"
    lacking = [classes[n] for n in curve.classes_to_feed()]
    if 0 < len(lacking) < len(classes):
        sentence += f", first of {class_names(lacking)}"
    return f"{sentence}."


def _advised(advice: Advice) -> Option | None:
    way = (advice.suggestion.policy, advice.suggestion.head_stages)
    return next((o for o in advice.options if (o.policy, o.head_stages) == way), None)


def _best_head(advice: Advice) -> Option | None:
    heads = [option for option in advice.options if option.measured]
    return max(heads, key=lambda option: option.accuracy, default=None)


def _stages_read(advice: Advice) -> str:
    """Return what the advised head reads, with a number for the last stage."""
    head_stages, profile = advice.suggestion.head_stages, advice.profile
    return str(len(profile.single)) if profile and head_stages == "last" else head_stages
