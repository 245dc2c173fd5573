"""The size x similarity matrix: what textbooks advise from data size and similarity alone.

                     similar images         different images
    little data      linear-head            top-stages (with augmentation; collect more)
    a lot of data    top-stages             deep

The more similar the data, the less tuning it needs; the more data, the deeper tuning can go.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

LITTLE = 100
"""Training images in all below which a folder counts as little data. Measured on eight folders
with 10 and 25 images per class: whether tuning paid off depended on the total, not on the number
per class."""

LITTLE_PER_CLASS = 10
"""Training images per class below which it is little data however many classes there are."""


class Policy(StrEnum):
    """How much of the network is trained."""

    LINEAR_HEAD = "linear_head"
    TOP_STAGES = "top_stages"
    DEEP = "deep"
    FROM_SCRATCH = "from_scratch"

    @property
    def label(self) -> str:
        """Return the policy as people write it: "linear-head"."""
        return self.value.replace("_", "-")


@dataclass(frozen=True)
class HeadEvidence:
    """Cross-validation of a linear head on the features of some stages.

    Attributes:
        head_stages: The stages, "last" for the last one alone.
        accuracy: On held-out images.
        gain: Accuracy minus that of the head on the last stage, on the same images.
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
        n_train: Training images.
        n_classes: Classes.
        similarity: To the source domain, from 0 (different) to 1 (similar).
        similarity_text: How the similarity was determined, as part of a reason.
        heads: On the last stage, on each other stage, on several stages; empty where nothing was
            measured.
        learning_curve_correction: Factor on the cross-validated error, whose heads learned from
            only part of the training images.
        n_tested: Images of the split that will be reported on; 0 where it is unknown.
        train_effect: What to divide n_train by where images stand in groups: their design effect.
        test_effect: The same of n_tested.
    """

    n_train: int
    n_classes: int
    similarity: float
    similarity_text: str = "by your own judgment"
    heads: tuple[HeadEvidence, ...] = ()
    learning_curve_correction: float = 1.0
    n_tested: int = 0
    train_effect: float = 1.0
    test_effect: float = 1.0

    @property
    def similar(self) -> bool:
        """Return whether the images count as similar to the source domain."""
        return self.similarity >= 0.5


@dataclass(frozen=True)
class Suggestion:
    """What to train, and why.

    Attributes:
        policy: The policy advised.
        head_stages: Stages that its head reads, "last" for the whole network.
        size: "little" or "lot".
        similarity: "similar" or "different".
        reasons: Sentences; what decided comes last.
        n_train: Training images.
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
        """Return the recipe keys that the suggestion sets."""
        return {"policy": str(self.policy), "head_stages": self.head_stages}


MATRIX = {
    ("little", "similar"): Policy.LINEAR_HEAD,
    ("little", "different"): Policy.TOP_STAGES,
    ("lot", "similar"): Policy.TOP_STAGES,
    ("lot", "different"): Policy.DEEP,
}

_TEXTBOOK_REASONS = {
    ("little", "similar"): "the pretrained features fit, and tuning them would overfit",
    ("little", "different"): "late features are too specialized, and there is little data to "
    "learn new ones from",
    ("lot", "similar"): "the pretrained features fit, and there is enough data to refine the last "
    "stages",
    ("lot", "different"): "the pretrained features do not fit, and there is enough data to change "
    "them",
}


def textbook_policy(evidence: Evidence) -> Suggestion:
    """Return the matrix's answer, which depends on size and similarity alone."""
    n_train, per_class = evidence.n_train, evidence.n_train / evidence.n_classes
    size = "little" if n_train < LITTLE or per_class < LITTLE_PER_CLASS else "lot"
    similarity = "similar" if evidence.similar else "different"
    policy = MATRIX[size, similarity]
    source = "similar to" if evidence.similar else "different from"
    reasons = (
        f"{n_train} training images, {per_class:.0f} per class: "
        + ("little data" if size == "little" else "a lot of data")
        + f" (a lot begins at {LITTLE} images and {LITTLE_PER_CLASS} per class)",
        f"{source} the images the backbone was trained on: {evidence.similarity_text}",
        f"the textbook says {policy.label}: {_TEXTBOOK_REASONS[size, similarity]}",
    )
    return Suggestion(policy, "last", size, similarity, reasons, n_train, evidence.n_classes)
