from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tlearn.export.budget import Budget, pick_artifact, suggestions
from tlearn.export.parity import Artifact

NONE = Artifact(Path("model.tflite"), "tflite", "none", 9_000_000, 1.0, 0.95, 0.0, 8.0, True, "")
FLOAT16 = replace(NONE, quantization="float16", size_bytes=4_500_000, milliseconds=8.5)
DYNAMIC = replace(NONE, quantization="dynamic", size_bytes=2_500_000, milliseconds=17.0)
INT8 = replace(NONE, quantization="int8", size_bytes=2_700_000, milliseconds=3.0)
ALL = (NONE, FLOAT16, DYNAMIC, INT8)
WORSE = replace(INT8, accuracy=0.94, agreement=0.97, accuracy_drop=0.01)
LUCKY = replace(INT8, accuracy=0.96, agreement=0.99, accuracy_drop=-0.01)
OTHER_ANSWERS = replace(INT8, agreement=0.98)
FAILED = replace(INT8, accuracy=0.5, accuracy_drop=0.45, passed=False, failure="accuracy fell")

HUGE = replace(INT8, size_bytes=500_000_000)


@pytest.mark.parametrize(
    ("candidates", "budget", "kept", "nearest"),
    [
        # Of equals, size times latency.
        (ALL, Budget(1e9), INT8, INT8),
        (ALL[:3], Budget(1e9), FLOAT16, FLOAT16),
        # On both sides of each limit; the limit itself is within.
        ((FLOAT16,), Budget(4_500_000), FLOAT16, FLOAT16),
        ((FLOAT16,), Budget(4_499_999), None, FLOAT16),
        ((FLOAT16,), Budget(None, 8.5), FLOAT16, FLOAT16),
        ((FLOAT16,), Budget(None, 8.4), None, FLOAT16),
        # Both limits hold at once.
        (ALL, Budget(2_600_000, 20.0), DYNAMIC, DYNAMIC),
        (ALL, Budget(2_600_000, 10.0), None, INT8),
        # Accuracy first, then the model's own answers, then cost.
        ((NONE, WORSE), Budget(1e9), NONE, NONE),
        ((NONE, OTHER_ANSWERS), Budget(1e9), NONE, NONE),
        ((NONE, LUCKY), Budget(1e9), NONE, NONE),
        ((WORSE, LUCKY), Budget(1e9), LUCKY, LUCKY),
        ((NONE, WORSE), Budget(4e6), WORSE, WORSE),
        # What failed the gate is never kept, and nearest only where all failed.
        ((NONE, FAILED), Budget(4e6), None, NONE),
        ((FAILED,), Budget(4e6), None, FAILED),
        # Nearest is what misses least in what it misses most.
        (ALL, Budget(1e6), None, DYNAMIC),
        (ALL, Budget(1e6, 1.0), None, INT8),
    ],
)
def test_the_best_within_the_budget_is_kept_or_the_nearest_named(
    candidates: tuple[Artifact, ...], budget: Budget, kept: Artifact | None, nearest: Artifact
) -> None:
    result = pick_artifact(candidates, budget)
    assert (result.kept, result.nearest) == (kept, nearest)
    assert result.candidates == candidates
    assert bool(result.reason) == bool(kept)


@pytest.mark.parametrize(
    ("candidates", "words"),
    [
        ((NONE,), "the only one"),
        ((NONE, FAILED), "the only one"),
        ((NONE, WORSE), "it loses least accuracy of the 2"),
        ((NONE, OTHER_ANSWERS), "its answers are nearest to the model's"),
        ((NONE, LUCKY), "nearest to the model's; a gain over the model counts as chance"),
        (ALL, "of the 4 within the budget loses less accuracy, and it is least in size times"),
    ],
)
def test_what_is_kept_says_why(candidates: tuple[Artifact, ...], words: str) -> None:
    assert words in pick_artifact(candidates, Budget(1e9)).reason


@pytest.mark.parametrize(
    ("candidates", "budget", "expected"),
    [
        (ALL, Budget(2e6), ["head_stages=best", "--backbones all-available --max-size 8MB"]),
        ((NONE, FLOAT16), Budget(2e6), ["fewer bits", "head_stages=best", "--max-size 4MB"]),
        (ALL, Budget(None, 0.75), ["--image-size 96", "head_stages=best", "--prefer small"]),
        (ALL, Budget(5e6, 0.75), ["--image-size 96", "head_stages=best", "--prefer small"]),
        (ALL, Budget(None, 1e-6), ["--image-size 32", "head_stages=best", "--prefer small"]),
        (ALL, Budget(1e6, 1.5), ["--image-size 128", "head_stages=best", "--max-size 4MB"]),
        ((FLOAT16, FAILED), Budget(4e6), ["--max-drop", "head_stages=best", "--max-size 8MB"]),
        ((FAILED,), Budget(4e6), ["--max-drop"]),
        ((NONE,), Budget(1e4), ["fewer bits", "head_stages=best", "--max-size 10kB"]),
        ((HUGE,), Budget(3e8), ["head_stages=best", "--max-size 1200MB"]),
    ],
)
def test_suggestions_where_nothing_fits(
    candidates: tuple[Artifact, ...], budget: Budget, expected: list[str]
) -> None:
    remedies = suggestions(pick_artifact(candidates, budget), 224, "own net.keras", "flowers")
    assert len(remedies) == len(expected)
    for remedy, words in zip(remedies, expected, strict=True):
        assert words in remedy
        assert "tlearn" not in remedy or " flowers " in remedy
        same_backbone = "tlearn finetune" in remedy or "tlearn suggest" in remedy
        assert ("--backbone 'own net.keras'" in remedy) == same_backbone


def test_images_at_the_least_side_are_not_made_smaller() -> None:
    remedies = suggestions(pick_artifact((NONE, INT8), Budget(None, 0.1)), 32, "builtin", "flowers")
    assert not any("--image-size" in remedy for remedy in remedies)
