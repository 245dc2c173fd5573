"""Which backbone, which weights, at which size: settled before anything heavy is imported."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlearn.errors import BackboneError, WeightsNotFoundError
from tlearn.models.catalog import (
    BUILTIN,
    CATALOG,
    RECOMMENDED,
    USUAL_SIZE,
    BackboneSpec,
    find_backbone,
)
from tlearn.models.fingerprint import fingerprint, own_fingerprint
from tlearn.models.weights import WeightsFile, find_weights

if TYPE_CHECKING:
    from tlearn.models.backbone import Backbone

_OWN_SUFFIX = ".keras"

BUILTIN_COST = "the built-in backbone is smaller, faster, and 13 points behind on ten folders"
"""Said where it takes the place of the recommended one."""


@dataclass(frozen=True)
class ResolvedBackbone:
    """A backbone that has not been loaded yet.

    Attributes:
        name: In the catalogue, or the path of a person's own file.
        spec: Facts from the catalogue; None for a person's own file.
        weights: The file; None for random initialisation.
        image_size: Side of its input, in pixels.
        fingerprint: Equal for equal functions, in every process.
        seed: Of the random initialisation.
        reason: Why this one, where nobody asked for it by name.
    """

    name: str
    spec: BackboneSpec | None
    weights: WeightsFile | None
    image_size: int
    fingerprint: str
    seed: int = 0
    reason: str = ""

    def load(self) -> Backbone:
        """Build the network and load its weights; imports Keras."""
        from tlearn.models.backbone import load_backbone, load_own_backbone

        if self.spec is None:
            return load_own_backbone(Path(self.name), self.image_size)
        return load_backbone(self.spec, self.weights, self.image_size, self.seed)


def resolve_backbone(
    name: str | None,
    weights: Path | None,
    image_size: int | None,
    *,
    random_seed: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ResolvedBackbone:
    """Find a backbone and its weights.

    Args:
        name: In the catalogue, or the path of a .keras file; None takes the recommended one, or
            the built-in one where the recommended one's weights cannot be had.
        weights: A file of weights, or None to look for them.
        image_size: Side of the input, or None for the backbone's own.
        random_seed: Start without weights, from this seed.
        progress: Told of a download.

    Raises:
        BackboneError: There is no such backbone, its weights are nowhere, or the size is too small.
    """
    if name is not None and name.endswith(_OWN_SUFFIX):
        return _own(Path(name).expanduser(), weights, image_size)
    spec, reason = find_backbone(name or RECOMMENDED), ""
    if (image_size or spec.image_size) < spec.min_image_size:
        raise BackboneError(
            f"{spec.name} needs pictures of at least {spec.min_image_size} pixels; "
            f"received {image_size}.",
            f"set --image-size to {spec.min_image_size} or more ({spec.image_size} is its own)",
        )
    if random_seed is not None:
        size = image_size or spec.image_size
        own = fingerprint(spec, None, size, random_seed)
        return ResolvedBackbone(spec.name, spec, None, size, own, random_seed)
    if name is None:
        spec, found, reason = _recommended(weights, progress)
    else:
        found = find_weights(spec, weights, progress=progress)
    size = image_size or spec.image_size
    own = fingerprint(spec, found, size)
    return ResolvedBackbone(spec.name, spec, found, size, own, reason=reason)


def _recommended(
    weights: Path | None, progress: Callable[[int, int], None] | None
) -> tuple[BackboneSpec, WeightsFile, str]:
    """What "auto" takes, and why."""
    spec = CATALOG[RECOMMENDED]
    try:
        return spec, find_weights(spec, weights, progress=progress), "the recommended one"
    except WeightsNotFoundError:
        nowhere = f"weights of {spec.name} are neither here nor to be fetched"
        spec = CATALOG[BUILTIN]
        return spec, find_weights(spec), f"{nowhere}; {BUILTIN_COST}"


def _own(path: Path, weights: Path | None, image_size: int | None) -> ResolvedBackbone:
    if weights is not None:
        raise BackboneError(
            f"{path} holds its own weights", "leave --weights out, or name a backbone of the garden"
        )
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise BackboneError(
            f"{path} is not a model saved by Keras 3: {error}",
            "save it with model.save('NAME.keras'), or name a backbone: `tlearn models` lists them",
        ) from error
    size = image_size or _input_size(config) or USUAL_SIZE
    return ResolvedBackbone(str(path), None, None, size, own_fingerprint(path, size))


def _input_size(config: Any) -> int | None:
    """Height of the first input in a model's configuration, wherever it is nested."""
    if isinstance(config, dict):
        shape = config.get("batch_shape")
        if isinstance(shape, list) and len(shape) == 4:
            return shape[1]
    children = config.values() if isinstance(config, dict) else config
    if isinstance(config, dict | list):
        for child in children:
            size = _input_size(child)
            if size is not None:
                return size
    return None
