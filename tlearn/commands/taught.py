"""A head on embeddings of labeled images: what was taught in a browser, brought home."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tlearn.errors import DataError, quoted
from tlearn.features.head import LinearHead
from tlearn.features.linear_head import TAUGHT_PENALTY, solve_head
from tlearn.storage.arrays import read_arrays


@dataclass(frozen=True, eq=False)
class TaughtHead:
    """A head that was solved on a file of embeddings.

    Attributes:
        classes: In the order of its probabilities.
        head: Reads embeddings (n, d).
    """

    classes: tuple[str, ...]
    head: LinearHead


def solve_embeddings(path: Path) -> TaughtHead:
    """Solve a head on a file of embeddings, to the optimum; every class counts the same.

    Args:
        path: An .npz file of the page of `tlearn export --snippet teach`, whose head it gives, or
            of `tlearn embed` on a folder with classes.

    Raises:
        DataError: The file cannot be read, or does not hold embeddings of two classes or more.
    """
    arrays = read_arrays(path) or {}
    embeddings, names = (arrays.get(name, np.zeros(0)) for name in ("embeddings", "labels"))
    is_table = embeddings.ndim == 2 and embeddings.size and embeddings.dtype.kind in "fiu"
    if not is_table or embeddings.shape[:1] != names.shape or not np.isfinite(embeddings).all():
        raise DataError(
            f"{quoted(path)} holds no embeddings with labels",
            "download it from the page, or write it: tlearn embed RUN FOLDER --out FILE.npz",
        )
    classes, labels = np.unique(names, return_inverse=True)
    if len(classes) < 2:
        raise DataError(
            f"all images in {quoted(path)} are of one class, and a head tells two or more apart",
            "show the page images of another one: tlearn export --snippet teach",
        )
    penalty = float(arrays.get("penalty", TAUGHT_PENALTY))
    head = solve_head(embeddings, labels, len(classes), penalty, class_weights=True, tolerance=0)
    return TaughtHead(tuple(classes.tolist()), head)
