"""Whether a model that was trained on more images is worse than the one before."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.commands.pairing import pair
from tlearn.commands.verdict import Pairing, Verdict


def pairing(lost: int, n: int = 100) -> Pairing:
    """Ninety of a hundred are right, and then so many fewer."""
    rows = np.arange(n)
    before, after = rows < 0.9 * n, rows < 0.9 * n - lost
    return Pairing(n, float(before.mean()), pair(before, after, [str(row) for row in rows]))


@pytest.mark.parametrize(
    ("lost", "lost_of_own", "unlike", "worse_on"),
    [
        (0, 0, True, None),
        (1, 1, True, None),  # within chance
        (20, 20, False, "all"),
        (0, 20, False, None),  # half of the images, and the other half says the opposite
        (0, 20, True, "own"),
        (20, 20, True, "all"),
        (-5, 0, True, None),  # better
    ],
)
def test_own_images_decide_where_new_ones_are_unlike_them(
    lost: int, lost_of_own: int, unlike: bool, worse_on: str | None
) -> None:
    verdict = Verdict(pairing(lost), pairing(lost_of_own), 0, unlike)
    assert verdict.worse_on is (getattr(verdict, worse_on) if worse_on else None)
