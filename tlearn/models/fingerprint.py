"""Fingerprints of backbones: short names of the functions that they compute."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tlearn.models.catalog import BackboneSpec
from tlearn.models.weights import WeightsFile
from tlearn.storage.digest import digest_of_bytes, digest_of_file

PRESET_FILES = ("config.json", "image_converter.json", "model.weights.h5")
"""Files of a preset of KerasHub that are read."""

# Raised when the same weights and image size give another function than before.
_VERSION = 1


def fingerprint(
    spec: BackboneSpec, weights: WeightsFile | None, image_size: int, seed: int = 0
) -> str:
    """Return the fingerprint of a backbone of the catalog.

    Args:
        spec: From `find_backbone`.
        weights: From `find_weights`; None for random initialization.
        image_size: Side of its input, in pixels.
        seed: Seed of the random initialization.

    Returns:
        A name that is equal for equal functions, in every process and on every machine.
    """
    parts: list[Any] = [_VERSION, spec.builder, dict(spec.arguments), spec.scaling, image_size]
    if weights is None:
        return f"random-{seed}-{_digest(parts)[:8]}"
    return _digest([*parts, weights.sha256])[:16]


def own_fingerprint(path: Path, image_size: int) -> str:
    """Return the fingerprint of a person's own .keras file at an image size."""
    return _digest([_VERSION, "own", digest_of_file(path), image_size])[:16]


def hub_fingerprint(folder: Path, image_size: int) -> str:
    """Return the fingerprint of a preset of KerasHub, from its files, at an image size."""
    contents = [digest_of_file(folder / name) for name in PRESET_FILES]
    return _digest([_VERSION, "hub", *contents, image_size])[:16]


def joined_fingerprint(parts: Sequence[str]) -> str:
    """Return the fingerprint of several backbones side by side, from theirs."""
    return _digest([_VERSION, "joined", *parts])[:16]


def _digest(parts: list[Any]) -> str:
    return digest_of_bytes(json.dumps(parts, sort_keys=True).encode())
