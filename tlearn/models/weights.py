"""Where the weights of a backbone come from: a given file, a folder, a cache, a download."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tlearn.errors import BackboneError, WeightsNotFoundError
from tlearn.models.catalog import BUILTIN, CATALOG, SHIPPED, BackboneSpec
from tlearn.models.download import fetch
from tlearn.progress import StepProgress
from tlearn.storage.cache import cache_folder
from tlearn.storage.digest import digest_of_file

FOLDER_VARIABLE = "TLEARN_WEIGHTS"
SUFFIXES = (".weights.h5", ".h5", ".keras")
# What Keras adds to the name of a file without classification layer, family by family.
_WITHOUT_TOP = ("_notop", "_no_top", "_no_top_v2")
# A name may go on after the backbone's, but not with another version or width: _v4, _0.9.
_BOUNDARY = r"(?![a-z0-9]|_v\d|_\d\.\d)"
# Keras keeps these two under another name than the one they are fetched by.
_KEPT_AS = {"NASNet-mobile.h5": "nasnet_mobile.h5", "NASNet-large.h5": "nasnet_large.h5"}


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights on this machine.

    Attributes:
        path: Where it is.
        origin: "given", "built in", "folder" (the one TLEARN_WEIGHTS names), "cache" or
            "download".
        sha256: Digest of its bytes.
    """

    path: Path
    origin: str
    sha256: str


def find_weights(
    spec: BackboneSpec,
    given: Path | None = None,
    *,
    download: bool = True,
    progress: StepProgress | None = None,
) -> WeightsFile:
    """The weights of a backbone: the given file, else the first place that has them.

    Those of the built-in backbone come with tlearn. Others are looked for in the folder named by
    TLEARN_WEIGHTS, the caches of tlearn and of Keras, and last on the net.

    Args:
        spec: From `find_backbone`.
        given: A file named by the person; no other place is looked at then.
        download: Whether to fetch what is nowhere on this machine.
        progress: Called with (bytes done, bytes in all or 0) while fetching.

    Raises:
        WeightsNotFoundError: Says which file to put where, and what works offline.
        BackboneError: The file or folder named cannot be used.
        HostError: A file cannot be read, or the cache cannot be written.
    """
    if given is not None:
        path = _check_given(given, spec)
        return WeightsFile(path, "given", _digest(path))
    for origin, find in (("built in", _shipped), ("folder", _in_folder), ("cache", _in_caches)):
        found = find(spec)
        if found:
            return WeightsFile(found, origin, _digest(found))
    if not download:
        raise WeightsNotFoundError(f"{_nowhere(spec)}.", _hint(spec))
    target = cache_folder() / "weights" / file_names(spec)[0]
    try:
        fetch(spec.weights_url, target, digest=spec.weights_md5, progress=progress)
    except BackboneError as error:
        raise WeightsNotFoundError(f"{_nowhere(spec)}: {error.message}", _hint(spec)) from error
    return WeightsFile(target, "download", _digest(target))


def available_offline() -> list[tuple[BackboneSpec, Path]]:
    """Backbones whose weights are on this machine, in the order of the catalog."""
    found = (
        (spec, _shipped(spec) or _in_folder(spec, strict=False) or _in_caches(spec))
        for spec in CATALOG.values()
    )
    return [(spec, path) for spec, path in found if path]


def file_names(spec: BackboneSpec) -> list[str]:
    """Names under which Keras keeps a backbone's ImageNet weights, with top first."""
    if spec.name == BUILTIN:
        return []
    official = PurePosixPath(spec.weights_url).name
    kept = _KEPT_AS.get(official, official)
    stem = kept.removesuffix(".h5")
    names = [kept, official, *(f"{stem}{suffix}.h5" for suffix in _WITHOUT_TOP)]
    return list(dict.fromkeys(names))


def backbone_of(path: Path) -> BackboneSpec | None:
    """The backbone whose weights a file holds, to judge by its name.

    Known are Keras's own names, and names that start as the catalog's or as
    "mobilenet_v2_0.35" does: `mobilenet_v2_1.00_224_imagenet.weights.h5`.
    """
    for spec in CATALOG.values():
        if path.name in file_names(spec):
            return spec
    stem = path.name.lower().replace("-", "_")
    prefixes = [
        (prefix, spec)
        for spec in CATALOG.values()
        for prefix in _prefixes(spec)
        if re.match(re.escape(prefix) + _BOUNDARY, stem)
    ]
    return max(prefixes, key=lambda pair: len(pair[0]))[1] if prefixes else None


def _prefixes(spec: BackboneSpec) -> Iterator[str]:
    yield spec.name
    if spec.family in ("mobilenet", "mobilenet_v2"):
        width = spec.arguments.get("alpha", 1.0)
        yield from (f"{spec.family}_{width:.2f}", f"{spec.family}_{width}")


def _check_given(given: Path, spec: BackboneSpec) -> Path:
    path = given.expanduser()
    if path.is_dir():
        files = ", ".join(file.name for file in _weight_files(path)[:10]) or "none"
        raise BackboneError(
            f"{path} is a folder; weights are one file. Files of weights in it: {files}.",
            f"Name the file: --weights {path / 'FILE'}, or set {FOLDER_VARIABLE}={path}.",
        )
    if not path.is_file():
        raise BackboneError(
            f"There is no file {path}.",
            f"Give the weights of {spec.name} with --weights PATH; without the flag tlearn "
            "looks in its usual places.",
        )
    return path


def _shipped(spec: BackboneSpec) -> Path | None:
    return SHIPPED / "builtin.weights.h5" if spec.name == BUILTIN else None


def _in_folder(spec: BackboneSpec, strict: bool = True) -> Path | None:
    """The file in the folder that TLEARN_WEIGHTS names; strict: faults are raised."""
    named = os.environ.get(FOLDER_VARIABLE)
    if not named:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        if not strict:
            return None
        raise BackboneError(
            f"{FOLDER_VARIABLE} names {folder}, which is not a folder.",
            f"Set {FOLDER_VARIABLE} to a folder with files of weights, or unset it; "
            "one file is given with --weights PATH.",
        )
    files = [path for path in _weight_files(folder) if backbone_of(path) == spec]
    official = [folder / name for name in file_names(spec) if folder / name in files]
    imagenet = [path for path in files if "imagenet" in path.name.lower()]
    first = official or imagenet or files
    if strict and len(files) > 1 and not official and len(imagenet) != 1:
        names = ", ".join(path.name for path in imagenet or files)
        raise BackboneError(
            f"{folder} has several files for {spec.name}: {names}.",
            "Choose one with --weights PATH.",
        )
    return first[0] if first else None


def _weight_files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.name.endswith(SUFFIXES) and p.is_file())


def _in_caches(spec: BackboneSpec) -> Path | None:
    home = os.environ.get("KERAS_HOME")
    keras = Path(home) if home else Path("~/.keras").expanduser()
    for folder in (cache_folder() / "weights", keras / "models"):
        for name in file_names(spec):
            if (folder / name).is_file():
                return folder / name
    return None


def _nowhere(spec: BackboneSpec) -> str:
    return f"The weights of {spec.name} ({file_names(spec)[0]}) are not on this machine"


def _hint(spec: BackboneSpec) -> str:
    names = [known.name for known, _ in available_offline()]
    offline = f"Works offline here: {', '.join(names)}. " if names else ""
    return (
        f"Fetch {spec.weights_url} elsewhere, put it in a folder and set {FOLDER_VARIABLE} to that "
        f"folder, or pass --weights PATH. {offline}Without weights: --policy from_scratch."
    )


def _digest(path: Path) -> str:
    """Digest of a file's bytes, in hexadecimal.

    Raises:
        BackboneError: It cannot be read.
    """
    try:
        return digest_of_file(path)
    except OSError as error:
        raise BackboneError(
            f"{path} cannot be read: {error.strerror or error}.",
            "Check its permissions, or give another file with --weights PATH.",
        ) from error
