"""A short name of the function that a backbone computes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tlearn.models.catalog import BackboneSpec
from tlearn.models.weights import WeightsFile
from tlearn.storage.digest import digest_of_bytes

# Raised when the same weights and size would give another function than before.
_VERSION = 1


def fingerprint(
    spec: BackboneSpec, weights: WeightsFile | None, image_size: int, seed: int = 0
) -> str:
    """A short name of the function that a backbone computes."""
    parts: list[Any] = [_VERSION, spec.builder, dict(spec.arguments), spec.scaling, image_size]
    if weights is None:
        return f"random-{seed}-{_digest(parts)[:8]}"
    return _digest([*parts, weights.sha256])[:16]


def own_fingerprint(path: Path, image_size: int) -> str:
    """The same for a person's own file."""
    content = digest_of_bytes(path.read_bytes())
    return _digest([_VERSION, "own", content, image_size])[:16]


def _digest(parts: list[Any]) -> str:
    return digest_of_bytes(json.dumps(parts, sort_keys=True).encode())
