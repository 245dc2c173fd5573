"""How long does a solved head take, and how near is it to the optimum, next to scikit-learn?

    python -m benchmarks.solver [43x20 1000x4 ...] [--all]

Features are drawn: a random layer with ReLU on classes that overlap, as wide as MobileNetV2's.
tlearn chooses a penalty by cross-validation and solves the head at it; scikit-learn solves one head
at that penalty. Seconds are those of the processor, with one thread of BLAS.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.utils._testing import ignore_warnings
from threadpoolctl import threadpool_limits

from tlearn.data.sampling import FOLDS, FOLDS_OF_MANY, MANY_IMAGES, make_folds
from tlearn.features.head import LinearHead
from tlearn.features.linear_head import (
    cross_validate,
    solve_head,
)

SIZES = ("6x54", "43x20", "100x50", "1000x4")
WIDTH, LATENT = 1280, 128


def draw(n_classes: int, per_class: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw features (n, WIDTH) and labels."""
    rng = np.random.default_rng(0)
    scale = np.arange(1, LATENT + 1) ** -0.5
    labels = np.tile(np.arange(n_classes), per_class)
    centers = rng.normal(size=(n_classes, LATENT)) * scale
    latent = centers[labels] + 2 * rng.normal(size=(len(labels), LATENT)) * scale
    x = latent @ rng.normal(size=(LATENT, WIDTH)) / 2 - 1
    return np.maximum(x + 0.3 * rng.normal(size=x.shape), 0).astype(np.float32), labels


def loss(head: LinearHead, x: np.ndarray, labels: np.ndarray, raw_penalty: float) -> float:
    """Return what is minimized, in float64."""
    logits = x.astype(np.float64) @ head.kernel + head.bias
    true = logits[np.arange(len(labels)), labels]
    highest = logits.max(axis=1)
    norms = highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1))
    kernel = head.kernel.astype(np.float64)
    return float((norms - true).mean() + raw_penalty / 2 * np.square(kernel).sum())


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """Return a result and the seconds of processor it took."""
    began = time.process_time()
    return work(), time.process_time() - began


@ignore_warnings(category=ConvergenceWarning)
def measure(size: str, everything: bool) -> None:
    """Print a row for each solver."""
    n_classes, per_class = map(int, size.split("x"))
    x, labels = draw(n_classes, per_class)
    n_folds = FOLDS if len(x) < MANY_IMAGES else FOLDS_OF_MANY
    folds = make_folds(labels, [str(row) for row in range(len(x))], 0, n_folds)
    cv, seconds = timed(lambda: cross_validate(x, labels, n_classes, folds))
    chosen = f"penalty {cv.penalty:.1e}, accuracy {cv.accuracy:.1%}"
    print(f"{size:7} {chosen}, chosen in {seconds:.1f} s", flush=True)
    raw = cv.penalty * float(x.var(axis=0).mean())
    heads = {"tlearn": timed(lambda: solve_head(x, labels, n_classes, cv.penalty))}
    for solver in ("lbfgs", "newton-cg") if everything else ():
        model = LogisticRegression(C=1 / (raw * len(x)), solver=solver, tol=1e-6, max_iter=1000)
        fitted, seconds = timed(lambda model=model: model.fit(x.astype(np.float64), labels))
        heads[solver] = LinearHead(fitted.coef_.T, fitted.intercept_, raw), seconds
    losses = {name: loss(head, x, labels, raw) for name, (head, _) in heads.items()}
    for name, (_, seconds) in heads.items():
        gap = losses[name] / min(losses.values()) - 1
        print(f"        {name:10} {seconds:8.2f} s, {gap:.0e} above the least loss", flush=True)


def main() -> None:
    """Parse arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="*", default=SIZES, metavar="CLASSESxIMAGES")
    parser.add_argument("--all", action="store_true", help="scikit-learn too: minutes when many")
    arguments = parser.parse_args()
    with threadpool_limits(1):
        for size in arguments.sizes:
            measure(size, arguments.all)


if __name__ == "__main__":
    main()
