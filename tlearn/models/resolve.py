"""Which backbone, which weights, at which image size: decided before Keras is imported."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlearn.backend.silence import import_keras
from tlearn.errors import BackboneError, WeightsNotFoundError, quoted
from tlearn.models.catalog import (
    BUILTIN,
    CATALOG,
    DEFAULT_IMAGE_SIZE,
    HUB,
    JOINT,
    RECOMMENDED,
    BackboneSpec,
    check_image_size,
    find_backbone,
)
from tlearn.models.fingerprint import (
    PRESET_FILES,
    fingerprint,
    hub_fingerprint,
    joined_fingerprint,
    own_fingerprint,
)
from tlearn.models.weights import WeightsFile, find_weights
from tlearn.progress import StepProgress

if TYPE_CHECKING:
    from tlearn.models.backbone import Backbone

_OWN_SUFFIX = ".keras"
_OLD_SUFFIXES = (".h5", ".hdf5")  # of Keras 2, and of Teachable Machine

_MOST_JOINED = 3

FROM_PACKAGE = "efficientnet_lite0"
"""What takes the place of the recommended backbone where its weights are on this machine."""

BUILTIN_COST = "the built-in backbone is used, which was 10 points less accurate over ten folders"
"""Part of the reason where it takes the place of the recommended one."""


@dataclass(frozen=True)
class ResolvedBackbone:
    """A backbone that has been found but not loaded.

    Attributes:
        name: Its name in the catalog, the path of a person's own file, or `HUB` and a preset; or
            several of them with `JOINT` between them.
        spec: Its row of the catalog; None for all others.
        weights: The file of its weights; None for random initialization.
        image_size: Side of its input, in pixels.
        fingerprint: Equal for equal functions, in every process.
        seed: Seed of the random initialization.
        reason: Why this one was chosen; empty if it was asked for by name.
        parts: The backbones that stand side by side in it; none in a single one.
    """

    name: str
    spec: BackboneSpec | None
    weights: WeightsFile | None
    image_size: int
    fingerprint: str
    seed: int = 0
    reason: str = ""
    parts: tuple[ResolvedBackbone, ...] = ()

    def load(self) -> Backbone:
        """Build the network and load its weights; imports Keras."""
        from tlearn.models.backbone import load_backbone, load_hub_backbone
        from tlearn.models.joined import join_backbones, load_own_backbone

        if self.parts:
            return join_backbones([part.load() for part in self.parts], self.fingerprint)
        if self.name.startswith(HUB):
            folder = _preset_folder(self.name)
            return load_hub_backbone(self.name, folder, self.image_size, self.fingerprint)
        if self.spec is None:
            return load_own_backbone(Path(self.name), self.image_size)
        return load_backbone(self.spec, self.weights, self.image_size, self.seed)


def resolve_backbone(
    name: str | None,
    weights: Path | None,
    image_size: int | None,
    *,
    random_seed: int | None = None,
    progress: StepProgress | None = None,
) -> ResolvedBackbone:
    """Find a backbone and its weights.

    Args:
        name: Its name in the catalog, the path of a .keras file, or `HUB` and a preset; two or
            three of them with `JOINT` between them; None for the recommended one, or the built-in
            one if the recommended one's weights cannot be had.
        weights: A file of weights, or None to look for them.
        image_size: Side of the input, in pixels, or None for the backbone's own.
        random_seed: Start from random weights with this seed.
        progress: Called with (bytes done, bytes in total) during a download.

    Raises:
        BackboneError: There is no such backbone, its weights cannot be had, or the image size is
            too small.
    """
    if name is not None and JOINT in name and not os.path.exists(os.path.expanduser(name)):
        return _resolve_joined(name.split(JOINT), weights, image_size, random_seed, progress)
    if name is not None and name.startswith(HUB):
        return _resolve_hub(name, weights, image_size)
    if name is not None and name.endswith(_OWN_SUFFIX):
        return _resolve_own(Path(os.path.expanduser(name)), weights, image_size)
    if name is not None and name.endswith(_OLD_SUFFIXES):
        raise BackboneError(
            f"{quoted(name)} is a file of Keras 2 (.h5), which is not read",
            "convert it with keras.saving.load_model(FILE).save('NAME.keras'), in the version of "
            "Keras that wrote it where this one cannot: --backbone NAME.keras",
        )
    spec, reason = find_backbone(name or RECOMMENDED), ""
    check_image_size(spec, image_size or spec.image_size)
    file = None
    if random_seed is None and name is None:
        spec, file, reason = _resolve_auto(weights, progress)
    elif random_seed is None:
        file = find_weights(spec, weights, progress=progress)
    size, seed = image_size or spec.image_size, random_seed or 0
    own = fingerprint(spec, file, size, seed)
    return ResolvedBackbone(spec.name, spec, file, size, own, seed, reason)


def _resolve_joined(
    names: Sequence[str],
    weights: Path | None,
    image_size: int | None,
    random_seed: int | None,
    progress: StepProgress | None,
) -> ResolvedBackbone:
    """Return several backbones as one, all at the size of the first."""
    joint = JOINT.join(names)
    if weights is not None:
        raise BackboneError(
            f"--weights names one file, and {quoted(joint)} are {len(names)} networks",
            "put the files into one folder, let TLEARN_WEIGHTS name it and leave out --weights: "
            f"--backbone {joint}",
        )
    if not 1 < len({*names}) == len(names) <= _MOST_JOINED or not all(names):
        raise BackboneError(
            f"{quoted(joint)} does not name two or three different backbones",
            f"put one {JOINT} between their names: --backbone {RECOMMENDED}{JOINT}{FROM_PACKAGE}",
        )
    parts: list[ResolvedBackbone] = []
    for name in names:
        part = resolve_backbone(name, None, image_size, random_seed=random_seed, progress=progress)
        image_size = part.image_size
        parts.append(part)
    own = joined_fingerprint([part.fingerprint for part in parts])
    joint = JOINT.join(part.name for part in parts)
    return ResolvedBackbone(joint, None, None, parts[0].image_size, own, parts=tuple(parts))


def _resolve_auto(
    weights: Path | None, progress: StepProgress | None
) -> tuple[BackboneSpec, WeightsFile, str]:
    """Return the backbone of "auto", its weights, and the reason."""
    spec = CATALOG[RECOMMENDED]
    try:
        return spec, find_weights(spec, weights, progress=progress), "the recommended one"
    except WeightsNotFoundError:
        missing = f"the weights of {spec.name} cannot be downloaded"
    try:
        spec = CATALOG[FROM_PACKAGE]
        return spec, find_weights(spec, download=False), f"{missing}: {spec.name} is installed"
    except WeightsNotFoundError:
        spec = CATALOG[BUILTIN]
        return spec, find_weights(spec), f"{missing}: {BUILTIN_COST}"


def _resolve_own(path: Path, weights: Path | None, image_size: int | None) -> ResolvedBackbone:
    _refuse_weights(path, weights)
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise BackboneError(
            f"{quoted(path)} is not a model saved by Keras 3: {_reason(error)}",
            "save it with model.save('NAME.keras'), or choose one of the catalog: tlearn models",
        ) from error
    size = image_size or _input_size(config) or DEFAULT_IMAGE_SIZE
    return ResolvedBackbone(str(path), None, None, size, own_fingerprint(path, size))


def _resolve_hub(name: str, weights: Path | None, image_size: int | None) -> ResolvedBackbone:
    _refuse_weights(name, weights)
    folder = _preset_folder(name)
    try:
        size = image_size
        for file in PRESET_FILES[:2]:
            size = size or _preset_size(json.loads((folder / file).read_text(encoding="utf-8")))
        own = hub_fingerprint(folder, size or DEFAULT_IMAGE_SIZE)
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise BackboneError(
            f"{quoted(folder)} is not a preset of KerasHub: {_reason(error)}",
            f"save the backbone and its image converter there with save_to_preset "
            f"({', '.join(PRESET_FILES)}): --backbone hub:FOLDER",
        ) from error
    return ResolvedBackbone(name, None, None, size or DEFAULT_IMAGE_SIZE, own)


def _preset_folder(name: str) -> Path:
    """Return the folder of a preset; one that is no folder yet is downloaded by KerasHub."""
    preset = name.removeprefix(HUB)
    folder = Path(os.path.expanduser(preset))
    if folder.is_dir() or preset.startswith((".", "~", "/")):
        return folder
    import_keras()
    from tlearn.models.hub import download_preset

    return download_preset(preset)


def _preset_size(config: Any) -> int | None:
    """Return the side of the images that a preset's file names."""
    arguments = config["config"]
    arguments = arguments.get("vision_encoder", {}).get("config", arguments)
    size = arguments.get("image_size") or arguments.get("image_shape") or (None,)
    return size[0]


def _refuse_weights(name: str | Path, weights: Path | None) -> None:
    if weights is not None:
        raise BackboneError(
            f"{quoted(name)} holds its own weights",
            "leave out --weights, or name a backbone of the catalog: --backbone NAME",
        )


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error.args[0] if error.args else error)


def _input_size(config: Any) -> int | None:
    """Return the height of the first input in a model's configuration, wherever it is nested."""
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
