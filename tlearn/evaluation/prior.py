"""How frequent classes will be in use, where that is not as in training, and answers for that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tlearn.data.manifest import SplitManifest
from tlearn.errors import RecipeError, pasted
from tlearn.evaluation.gates import no_such_class
from tlearn.recipe.plan import Plan

FLAG = "--prior"
_ROUNDING = 0.011
"""How far shares of all classes may be from a sum of 1: .33, .33 and .33 are meant as thirds."""

_LEAST = 1e-6


def learned_shares(manifest: SplitManifest, plan: Plan) -> np.ndarray:
    """Return the share of each class as a model learned it: equal ones with class weights."""
    labels = manifest.labels[manifest.indices("train")]
    counts = np.bincount(labels, minlength=len(manifest.classes))
    if plan.head.class_weights:
        counts = np.ones_like(counts)
    return np.asarray(counts / counts.sum())


def expected_shares(
    named: Mapping[str, float], classes: Sequence[str], trained_on: np.ndarray, command: str
) -> np.ndarray:
    """Return the share of every class; those not named divide the rest as in training.

    Args:
        named: Class to share.
        classes: In the order of the model's output.
        trained_on: (classes,), from `learned_shares`.
        command: That took the flag, for the hint.

    Raises:
        RecipeError: A class is unknown, or the shares cannot be.
    """
    for name, share in named.items():
        if name not in classes:
            raise no_such_class(FLAG, name, classes, command)
        if not 0 < share < 1:
            raise RecipeError(
                f"{FLAG}: a share of {share:g} for class '{name}'",
                "give every class more than 0 and less than 1, as in: "
                f"{FLAG} {pasted(f'{name}=0.01')}",
            )
    shares = np.array([named.get(name, np.nan) for name in classes])
    free, total = np.isnan(shares), sum(named.values())
    if total > 1 + _ROUNDING or (free.any() and total > 1 - _LEAST):
        left = f", and leave nothing for '{classes[free.argmax()]}'" if free.any() else ""
        raise RecipeError(
            f"{FLAG}: the shares sum to {total:.4g}{left}",
            f"give shares whose sum is {'less than ' * bool(free.any())}1, as in: "
            f"{FLAG} {pasted(f'{next(iter(named))}=0.1')}",
        )
    if not free.any() and total < 1 - _ROUNDING:
        raise RecipeError(
            f"{FLAG}: the shares of all classes sum to {total:.4g}, not to 1",
            f"name all classes but one, which gets the rest, as in: "
            f"{FLAG} {pasted(f'{next(iter(named))}=0.1')}",
        )
    shares[free] = (1 - total) * trained_on[free] / trained_on[free].sum()
    return np.asarray(shares / shares.sum())


def with_prior(
    probabilities: np.ndarray, trained_on: np.ndarray, expected: np.ndarray
) -> np.ndarray:
    """Return the probabilities where classes are as frequent as expected.

        p'(c) ~ p(c) expected(c) / trained_on(c)

    Args:
        probabilities: (n, classes).
        trained_on: (classes,) shares that the model learned.
        expected: (classes,) shares in use.

    References:
        Saerens et al. 2002, Adjusting the outputs of a classifier to new a priori probabilities.
    """
    weighted = probabilities * (expected / trained_on)
    return weighted / weighted.sum(axis=1, keepdims=True)
