"""Which of two classes is looked for: the one whose errors have names of their own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_NOTHING = (
    *("normal", "negative", "neg", "healthy", "health", "ok", "okay", "good", "fine", "none"),
    *("benign", "control", "clean", "intact", "undamaged", "absent", "background", "empty"),
    *("other", "others", "pass", "passed", "safe", "false", "standard", "regular", "uninfected"),
    *("nothing", "fresh", "io", "gesund", "gut", "sano", "sain"),
)
"""Words in the names of classes without the thing that is looked for."""

_NEGATIONS = ("no", "non", "not", "without")

_FOUND = (
    *("abnormal", "positive", "pos", "disease", "diseased", "sick", "ill", "defect", "defective"),
    *("bad", "fault", "faulty", "anomaly", "anomalous", "cancer", "malignant", "tumor", "tumour"),
    *("infected", "infection", "damaged", "damage", "broken", "crack", "cracked", "fail"),
    *("failed", "yes", "true", "with", "unhealthy", "present", "spam", "fire", "rotten", "nio"),
    *("krank", "enfermo", "malade"),
)
"""Words in the names of classes with it."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


@dataclass(frozen=True)
class PositiveClass:
    """The class that is looked for, of two.

    Attributes:
        name: Its name.
        why: How it was found: "given", "names" (a guess) or "order" (it is the second).
    """

    name: str
    why: str


def guess_positive(classes: Sequence[str]) -> PositiveClass:
    """Return which of two classes is looked for, as far as their names tell.

    Args:
        classes: Two names, such as "NORMAL" and "PNEUMONIA".
    """
    first, second = classes
    words = [{word.lower() for word in _WORD.findall(name)} for name in classes]
    # "not ok" denies what "ok" says, "no defect" what "defect" says.
    nothing = [name.isdisjoint(_NOTHING) != name.isdisjoint(_NEGATIONS) for name in words]
    found = [not name.isdisjoint(_FOUND) for name in words]
    if nothing[0] != nothing[1]:
        return PositiveClass(second if nothing[0] else first, "names")
    if found[0] != found[1]:
        return PositiveClass(first if found[0] else second, "names")
    return PositiveClass(second, "order")
