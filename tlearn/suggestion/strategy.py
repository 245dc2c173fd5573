"""The size x similarity matrix, and the evidence that may overrule it.

                     like the source        unlike the source
    little data      linear_head            top_stages (with augmentation; collect more)
    a lot of data    top_stages             deep

The closer the data, the less tuning; the more data, the longer and deeper.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

LITTLE = 100
"""Training pictures in all under which a folder counts as little data. Measured on eight folders
at 10 and 25 a class: tuning began to pay by how many pictures there were, not by how many a class.
"""

LITTLE_PER_CLASS = 10
"""Training pictures a class under which it is little data however many classes there are."""

SOLVED = 0.985
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
    n_train, per_class = evidence.n_train, evidence.n_train / evidence.n_classes
    size = "little" if n_train < LITTLE or per_class < LITTLE_PER_CLASS else "lot"
    similarity = "similar" if evidence.similar else "different"
    cell = (size, similarity)
    policy = MATRIX[cell]
    reasons = [
        f"{n_train} training pictures, {per_class:.0f} a class: "
        + ("little data" if size == "little" else "a lot of data")
        + f" (the line is at {LITTLE}, and {LITTLE_PER_CLASS} a class)",
        f"{similarity} to the source: {evidence.similarity_words}",
        f"the textbook says {policy}: {_TAUGHT[cell]}",
    ]
    policy, verdict = _overrule(policy, evidence.head_accuracy)
    if verdict:
        reasons.append(verdict)
    return Suggestion(policy, size, similarity, tuple(reasons), n_train, evidence.n_classes)


def _overrule(policy: Policy, head_accuracy: float | None) -> tuple[Policy, str | None]:
    if head_accuracy is None:
        return policy, None
    measured = f"a linear head reaches {head_accuracy:.1%} on pictures it has not seen"
    if head_accuracy >= SOLVED and policy is not Policy.LINEAR_HEAD:
        return Policy.LINEAR_HEAD, f"measured: {measured}; tuning has nothing left to win"
    return policy, f"measured: {measured}"
