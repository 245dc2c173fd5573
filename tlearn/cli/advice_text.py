"""Advice in plain sentences, for `suggest` and for `finetune`."""

from __future__ import annotations

import shlex
import sys
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
from tlearn.models.catalog import BUILTIN
from tlearn.suggestion.accuracy_forecast import INTERVAL_COVERAGE
from tlearn.suggestion.choices import about_as_accurate
from tlearn.suggestion.matrix import MATRIX, Policy, Suggestion

if TYPE_CHECKING:
    from tlearn.suggestion.accuracy_forecast import Option
    from tlearn.suggestion.advice import Advice
    from tlearn.suggestion.choices import Choice

_WIDE = 0.4  # an interval that leaves nearly everything open
_NEXT_POINTS = 0.02
_NOTABLE = 0.01
_ROUNDS_TO_0 = 0.0005
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
    if advice.profile and advice.profile.last.scores is not None:
        return _targets(advice, backbone)
    sentences = []
    if advice.advised and tells_nothing(advice.advised):
        sentences.append("There are too few images to tell ways to train apart: collect more.")
    sentences.append(_textbook(advice.suggestion, backbone))
    if advice.profile:
        sentences += [_measured(advice), _decision(advice), _trials(advice)]
    if advice.curve:
        sentences.append(_more_images(advice))
    return " ".join(filter(None, sentences))


def _targets(advice: Advice, backbone: str) -> str:
    """Return what was measured for several labels, or for a number."""
    profile, suggestion = advice.profile, advice.suggestion
    assert profile is not None
    best = profile.multi_stage if "," in suggestion.head_stages else profile.single[-1]
    if best.accuracy <= 0:
        return (
            f"On your {suggestion.n_train:,} training images, the features of {backbone} tell no "
            "more than the same answer for every image: collect more, or tune the network: "
            "--policy deep."
        )
    return (
        f"On your {suggestion.n_train:,} training images, a linear head on the frozen network takes"
        f" away {percent(best.accuracy, 0)} of the loss that the best constant answer leaves. How "
        "much tuning adds to that is not forecast for several labels or a number; it can be tried: "
        "--policy deep."
    )


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
    tuning = "what tuning usually adds and " * any(not o.measured for o in advice.options)
    sure = f"the advice also weighs {tuning}how uncertain each number is."
    return f"Why they differ: {enumeration(views)}; {sure}"


def why(advice: Advice, chosen: Option) -> str:
    """Return the reason for a way to train as a clause: "because ..."."""
    head = _best_head(advice)
    if head is None:
        return ""
    if chosen.policy is not Policy.LINEAR_HEAD:
        if tells_nothing(chosen):
            return "for which the forecast is highest"
        compared = _compared(chosen, head, "a solved head alone")
        return f"because that is expected to be {compared}" if compared else ""
    return f"because {_against_tuning(advice, chosen)}"


def tells_nothing(option: Option) -> bool:
    """Return whether a forecast is so uncertain that it speaks for no way to train."""
    return option.high - option.low >= _WIDE


def expectation(option: Option) -> str:
    """Return what an option is expected to reach: "97% (94 to 100)"."""
    return f"{rough_percent(option.accuracy)} ({interval(option.low, option.high, 0)})"


def price(choice: Choice) -> str:
    """Return what a choice takes, and what it brings compared with the advised one."""
    seconds = choice.option.seconds
    time = [rough_duration(seconds)] if seconds else []
    if choice.role == "advised":
        return ", ".join(time)
    if choice.about_as_accurate:
        return ", ".join([*time, "about as accurate"])
    more = "more" if choice.gain > 0 else "less"
    return ", ".join([*time, f"{points(choice.gain)} {more} expected"])


def option_flags(option: Option | Suggestion) -> list[str]:
    """Return the flags of `tlearn finetune` that choose an option."""
    stages = ["--set", f"head_stages={option.head_stages}"] if option.head_stages != "last" else []
    return ["--policy", policy_name(option.policy), *stages]


def won_backbone(advice: Advice) -> dict[str, str]:
    """Return the recipe key of the backbone that `auto` chose over the recommended one."""
    first = next(iter(advice.contenders), None)
    names = {contender.name for contender in advice.contenders}
    chosen = first and first.name != advice.backbone and advice.backbone in names
    return {"backbone": advice.backbone or ""} if chosen else {}


def finetune_command(folder: Path | str, flags: list[str], overrides: Mapping[str, Any]) -> str:
    """Return the command line that trains, ready to be pasted."""
    words = [*flags, *options.as_flags(overrides)]
    return " ".join(["tlearn finetune", pasted(folder), *map(shlex.quote, words)])


def weaker_backbone(name: str, reason: str) -> list[Text]:
    """Return a warning if the built-in backbone stands in for the recommended one.

    Args:
        name: The backbone in use.
        reason: Why it was taken, and what that costs; empty if it was asked for.
    """
    if name != BUILTIN or not reason:
        return []
    # As it was typed: with a network it downloads the weights.
    command = shlex.join(["tlearn", *sys.argv[1:]])
    again = Text.assemble("  once online: ", safe_text(command, ACCENT))
    file = "  or from a file: add --weights FILE, or name its folder in TLEARN_WEIGHTS"
    warning = Text.assemble(("! ", WARN), safe_text(reason, "bold"))
    return [Text(), warning, no_wrap(again), Text(file)]


def _textbook(suggestion: Suggestion, backbone: str) -> str:
    per_class = suggestion.n_train / suggestion.n_classes
    amount = "little data" if suggestion.size == "little" else "a lot of data"
    alike = "similar to" if suggestion.similarity == "similar" else "different from"
    cell = (suggestion.size, suggestion.similarity)
    return (
        f"You have {pluralize(suggestion.n_train, 'training image')}, {per_class:.0f} per class, "
        f"which counts as {amount} for adapting a trained network; they are {alike} the images "
        f"that {backbone} was trained on. In this case textbooks advise "
        f"{policy_name(MATRIX[cell])}: "
        f"{_TEXTBOOK[cell]}."
    )


def _measured(advice: Advice) -> str:
    profile, best = advice.profile, _best_head(advice)
    assert profile is not None
    last = next((o for o in advice.options if o.measured and o.head_stages == "last"), None)
    # As in the table of options, which corrects what was measured.
    on_last = last.accuracy if last else profile.last.accuracy
    sentence = (
        "By measurements on your images, a linear head on the frozen network is right on "
        f"{rough_percent(on_last)} of new images"
    )
    if best and best.accuracy - on_last >= _NOTABLE:
        stages = stages_name(best.head_stages)
        sentence += f", and on {rough_percent(best.accuracy)} if it reads {stages}"
    return f"{sentence} (always guessing the largest class: {percent(profile.guessing, 0)})."


def _decision(advice: Advice) -> str:
    chosen, head = advice.advised, _best_head(advice)
    if chosen is None or head is None:
        return ""
    name = option_name(chosen.policy, chosen.head_stages)
    reach = f"{rough_percent(chosen.accuracy)} right on new images "
    reach += f"({percent(INTERVAL_COVERAGE, 0)} interval: {interval(chosen.low, chosen.high, 0)})"
    if chosen.policy is Policy.LINEAR_HEAD:
        reason = _against_tuning(advice, chosen)
        return f"{reason[0].upper()}{reason[1:]}, so the advice is {name}: {reach}."
    if tells_nothing(chosen):
        return (
            f"The forecast is highest for {name}, but leaves nearly everything open: {reach}. "
            "Until there are more images, linear-head, the cheap way, is as good a choice."
        )
    compared = _compared(chosen, head, "the best head")
    expected = f", expected to be {compared}" if compared else ""
    return f"The advice is {name}{expected}: {reach}."


def _trials(advice: Advice) -> str:
    """Return what the trials found, the best first."""
    tried = [option for option in advice.options if option.tried is not None]
    if not tried or advice.dataset is None:
        return ""
    found = []
    for option in sorted(tried, key=lambda option: -(option.tried or 0.0)):
        name = option_name(option.policy, option.head_stages)
        before = option.tried_head
        begun = f" (the head it began with: {percent(before, 0)})" if before is not None else ""
        found.append(f"{name} was right on {percent(option.tried, 0)}{begun}")
    n_val = advice.dataset.manifest.count("val")
    return f"In a trial, {enumeration(found)} of the {pluralize(n_val, 'validation image')}."


def _more_images(advice: Advice) -> str:
    curve, classes = advice.curve, advice.dataset.manifest.classes if advice.dataset else ()
    assert curve is not None
    if not curve.drawn:
        few = "There are too few images per class to estimate what more of them would bring"
        return f"{few} (10 per class would be enough)."
    if not curve.helps:
        if advice.advised and tells_nothing(advice.advised):
            return "Whether more would help a linear head cannot be told from so few."
        return "More images would hardly help a linear head."
    gain = points(curve.accuracy_with(2) - curve.accuracies[-1])
    sentence = f"Twice as many images would add about {gain} to a linear head"
    if (n_images := curve.images_for(_NEXT_POINTS)) is not None:
        sentence += f"; {100 * _NEXT_POINTS:.0f} points take about {n_images:,} more"
    lacking = [classes[n] for n in curve.classes_to_feed()]
    if 0 < len(lacking) < len(classes):
        sentence += f", first of {class_names(lacking)}"
    return f"{sentence}."


def _compared(chosen: Option, head: Option, name: str) -> str:
    """Return how a way to train that tunes compares with the best head, if that speaks for it."""
    gain = chosen.accuracy - head.accuracy
    if not about_as_accurate(chosen, head):
        return f"{points(gain)} better than {name}" if gain > 0 else ""
    if abs(gain) < _ROUNDS_TO_0:
        return f"about as accurate as {name}"
    extent, more = ("at least", "more") if gain > 0 else ("about", "less")
    return f"{extent} as accurate as {name} ({points(gain)} {more} is within chance)"


def _against_tuning(advice: Advice, head: Option) -> str:
    """Return why a solved head was chosen, in words that no forecast contradicts."""
    tuned = [option for option in advice.options if not option.measured]
    if not tuned:
        if any(not option.measured for option in advice.too_slow):
            return "tuning takes longer than the time given"
        return "what was asked for, or the backbone, excludes tuning"
    best = max(tuned, key=lambda option: option.accuracy)
    if best.accuracy - head.accuracy < _NOTABLE:
        return "tuning is not expected to be better"
    if about_as_accurate(best, head):
        return "the gain expected of tuning is within chance"
    return "a smaller network or a shorter training was preferred"


def _best_head(advice: Advice) -> Option | None:
    heads = [option for option in advice.options if option.measured]
    return max(heads, key=lambda option: option.accuracy, default=None)


def _stages_read(advice: Advice) -> str:
    """Return what the advised head reads, with a number for the last stage."""
    head_stages, profile = advice.suggestion.head_stages, advice.profile
    return str(len(profile.single)) if profile and head_stages == "last" else head_stages
