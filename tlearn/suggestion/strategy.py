"""The size x similarity matrix, and the evidence that may overrule it.

                     like the source        unlike the source
    little data      linear_head            top_stages (with augmentation; collect more)
    a lot of data    top_stages             deep

The closer the data, the less tuning; the more data, the longer and deeper.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

LITTLE_PER_CLASS = 100
"""Training pictures a class under which a folder counts as little data."""

SOLVED = 0.97
"""Cross-validated accuracy from which a solved head leaves nothing worth tuning for."""


class Policy(StrEnum):
    """What is tuned."""

    LINEAR_HEAD = "linear_head"
    TOP_STAGES = "top_stages"
    DEEP = "deep"
    FROM_SCRATCH = "from_scratch"


@dataclass(frozen=True)
class Evidence:
    """What is known of a folder.

    Attributes:
        n_train: Training pictures.
        n_classes: Classes.
        similar: Whether the pictures are like the source.
        head_accuracy: Cross-validated accuracy of a solved head, or None when not measured.
        similarity_words: How similarity was come by, for the reasons.
    """

    n_train: int
    n_classes: int
    similar: bool
    head_accuracy: float | None = None
    similarity_words: str = "as you say"


@dataclass(frozen=True)
class Suggestion:
    """What to do, and why.

    Attributes:
        policy: The policy advised.
        size: "little" or "lot".
        similarity: "similar" or "different".
        reasons: Sentences, the deciding one last.
        n_train: Training pictures.
        n_classes: Classes.
    """

    policy: Policy
    size: str
    similarity: str
    reasons: tuple[str, ...]
    n_train: int
    n_classes: int


MATRIX = {
    ("little", "similar"): Policy.LINEAR_HEAD,
    ("little", "different"): Policy.TOP_STAGES,
    ("lot", "similar"): Policy.TOP_STAGES,
    ("lot", "different"): Policy.DEEP,
}

_TAUGHT = {
    ("little", "similar"): "the source's features fit, and little data would only be overfitted",
    ("little", "different"): "late features are too specialised, and there is little to learn from",
    ("lot", "similar"): "the features fit, and there is enough data to sharpen the last stages",
    ("lot", "different"): "the features do not fit, and there is enough data to change them",
}


def suggest_policy(evidence: Evidence) -> Suggestion:
    """Place the folder in the matrix, then let the measured head overrule it."""
    per_class = evidence.n_train / evidence.n_classes
    size = "little" if per_class < LITTLE_PER_CLASS else "lot"
    similarity = "similar" if evidence.similar else "different"
    cell = (size, similarity)
    policy = MATRIX[cell]
    reasons = [
        f"{per_class:.0f} training pictures a class: "
        + ("little data" if size == "little" else "a lot of data")
        + f" (the line is at {LITTLE_PER_CLASS})",
        f"{similarity} to the source: {evidence.similarity_words}",
        f"the textbook says {policy}: {_TAUGHT[cell]}",
    ]
    policy, verdict = _overrule(policy, evidence.head_accuracy)
    if verdict:
        reasons.append(verdict)
    n_train, n_classes = evidence.n_train, evidence.n_classes
    return Suggestion(policy, size, similarity, tuple(reasons), n_train, n_classes)


def _overrule(policy: Policy, head_accuracy: float | None) -> tuple[Policy, str | None]:
    if head_accuracy is None:
        return policy, None
    measured = f"a linear head reaches {head_accuracy:.1%} on pictures it has not seen"
    if head_accuracy >= SOLVED and policy is not Policy.LINEAR_HEAD:
        return Policy.LINEAR_HEAD, f"measured: {measured}; tuning has nothing left to win"
    return policy, f"measured: {measured}"
