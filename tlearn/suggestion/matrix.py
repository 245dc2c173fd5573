"""The size x similarity matrix: what is taught, by size and similarity alone.

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


class Policy(StrEnum):
    """What is tuned."""

    LINEAR_HEAD = "linear_head"
    TOP_STAGES = "top_stages"
    DEEP = "deep"
    FROM_SCRATCH = "from_scratch"


@dataclass(frozen=True)
class HeadEvidence:
    """What cross-validation said of a head on some stages.

    Attributes:
        head_stages: The stages, "last" for the last one alone.
        accuracy: On pictures it had not seen.
        gain: Accuracy beyond that of the head on the last stage, on the same pictures.
        error: Standard error of the gain.
    """

    head_stages: str
    accuracy: float
    gain: float = 0.0
    error: float = 0.0


@dataclass(frozen=True)
class Evidence:
    """What is known of a folder.

    Attributes:
        n_train: Training pictures.
        n_classes: Classes.
        similarity: From 0, unlike the source, to 1.
        similarity_text: How similarity was come by, for the reasons.
        heads: On the last stage, on each of the others, on several; empty when nothing was
            measured.
        learning_curve_correction: Factor on the error of cross-validation, which learns from fewer pictures.
        n_tested: Pictures of the part that will be reported on; 0 where that is unknown.
    """

    n_train: int
    n_classes: int
    similarity: float
    similarity_text: str = "as you say"
    heads: tuple[HeadEvidence, ...] = ()
    learning_curve_correction: float = 1.0
    n_tested: int = 0

    @property
    def similar(self) -> bool:
        """Whether the pictures count as similar to the source."""
        return self.similarity >= 0.5


@dataclass(frozen=True)
class Suggestion:
    """What to do, and why.

    Attributes:
        policy: The policy advised.
        head_stages: Stages that its head reads, "last" for the whole network.
        size: "little" or "lot".
        similarity: "similar" or "different".
        reasons: Sentences, the deciding one last.
        n_train: Training pictures.
        n_classes: Classes.
    """

    policy: Policy
    head_stages: str
    size: str
    similarity: str
    reasons: tuple[str, ...]
    n_train: int
    n_classes: int

    @property
    def recipe(self) -> dict[str, str]:
        """The keys it settles."""
        return {"policy": str(self.policy), "head_stages": self.head_stages}


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


def textbook_policy(evidence: Evidence) -> Suggestion:
    """The matrix's answer, by size and similarity alone."""
    n_train, per_class = evidence.n_train, evidence.n_train / evidence.n_classes
    size = "little" if n_train < LITTLE or per_class < LITTLE_PER_CLASS else "lot"
    similarity = "similar" if evidence.similar else "different"
    policy = MATRIX[size, similarity]
    reasons = (
        f"{n_train} training pictures, {per_class:.0f} a class: "
        + ("little data" if size == "little" else "a lot of data")
        + f" (the line is at {LITTLE}, and {LITTLE_PER_CLASS} a class)",
        f"{similarity} to the source: {evidence.similarity_text}",
        f"the textbook says {policy}: {_TAUGHT[size, similarity]}",
    )
    return Suggestion(policy, "last", size, similarity, reasons, n_train, evidence.n_classes)
