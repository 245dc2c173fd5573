"""Does `known` < .05 refuse about 5% of one's own test images, whatever the folder?

    python -m benchmarks.answers.refusal FOLDER ... [--weights MOBILENETV2.h5] [--sizes 25,60]
        [--policy linear_head]

"p" is the probability of a share as far from 5% on so many images, if the model refused exactly 5%
of them; folders of fewer than 100 test images are marked by "few".
"""

from __future__ import annotations

import numpy as np
from scipy.stats import binomtest

from benchmarks.answers.cells import cells
from tlearn.confidence.novelty import REFUSED

FEWEST = 100
LEAST, MOST = 0.02, 0.08


def main() -> None:
    """Print a row for each cell, and a summary."""
    print(f"{'folder':20} size    n  refused      p")
    shares = []
    for name, size, cell, _ in cells(__doc__):
        known = cell.answers("test").known
        if known is None:
            print(f"{name:20} {size:4}  too few images were held out")
            continue
        refused, n = int((known < REFUSED).sum()), len(known)
        p = binomtest(refused, n, REFUSED).pvalue
        within = LEAST <= refused / n <= MOST
        note = "few" if n < FEWEST else "" if within else "outside"
        if n >= FEWEST:
            shares.append((refused / n, p))
        print(f"{name:20} {size:4} {n:4}  {refused / n:7.3f}  {p:.3f}  {note}", flush=True)
    share, p = np.array(shares).T
    inside = int(((share >= LEAST) & (share <= MOST)).sum())
    print(
        f"{inside} of {len(share)} from {LEAST:.0%} to {MOST:.0%}; mean {share.mean():.3f}, "
        f"from {share.min():.3f} to {share.max():.3f}; p < .05 in {int((p < 0.05).sum())}"
    )


if __name__ == "__main__":
    main()
