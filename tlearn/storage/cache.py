"""The cache folder: where results that can be computed again are kept, and how many of them.

Only a folder with the marker of tlearn is ever written to, trimmed or cleared. Where TLEARN_CACHE
names a folder that holds anything else, the cache is a folder `tlearn` inside of it.
"""

from __future__ import annotations

import math
import os
import shutil
import tempfile
from functools import cached_property
from pathlib import Path

from tlearn.errors import HostError, quoted
from tlearn.storage.atomic import CACHE_HINT, os_errors_as_host_errors
from tlearn.storage.lease import Lease, release_leases, remove_leftovers, remove_unused

FOLDER_VARIABLE = "TLEARN_CACHE"
LIMIT_VARIABLE = "TLEARN_CACHE_GB"
DEFAULT_GB = 20.0
MARKER = ".tlearn-cache"
NETWORKS, MODELS = "probes", "models"
KINDS = {
    "pixels": "decoded images",
    "features": "outputs of frozen networks",
    NETWORKS: "frozen networks, converted",
    MODELS: "trained models, converted",
    "archives": "images from archives and addresses",
    "weights": "downloaded weights; cleared only with --weights",
}
"""Folders of the cache, and what is in them."""

_TRIMMED = ("pixels", "features", "archives", MODELS)
_SUBFOLDER = "tlearn"


class CommandCache:
    """The cache as one command uses it: trimmed at its end, or temporary and then removed.

    What the command itself used stays, even beyond the limit: the next one on the same images
    would only compute it again. It goes after a command that does not use it. With a limit of 0
    nothing stays.

    Args:
        keep: Whether the next command may find what this one computed.
    """

    def __init__(self, keep: bool = True) -> None:
        self._keep = keep

    @cached_property
    def folder(self) -> Path:
        """Return the folder, which is made when it is first asked for.

        Raises:
            HostError: It cannot be used.
        """
        folder = open_cache() if self._keep else Path(tempfile.mkdtemp(prefix="tlearn-"))
        Lease(folder / NETWORKS)
        return folder

    def close(self) -> str:
        """End the use: trim the cache, or remove it if it was temporary.

        Returns:
            What was removed from it, in words; nothing if nothing was.
        """
        if "folder" not in vars(self):
            return ""
        if self._keep:
            return end_use(self.folder)
        release_leases(self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)
        return ""


def end_use(folder: Path) -> str:
    """Trim the cache at the end of a command; see `CommandCache`.

    Returns:
        What was removed from it, in words; nothing if nothing was.
    """
    limit = limit_bytes()
    if not limit:
        release_leases(folder)
    removed = trim_cache(folder, limit)
    release_leases(folder)
    if not removed:
        return ""
    kinds = ", ".join(sorted({path.parent.name for path in removed}))
    megabytes = sum(removed.values()) / 1e6
    return f"trim the cache: {megabytes:,.0f} MB of {kinds} removed"


def cache_folder() -> Path:
    """Return the cache folder, which may not exist: below TLEARN_CACHE, or the user's own."""
    named = named_folder()
    if named is None:
        import platformdirs

        try:
            return Path(platformdirs.user_cache_dir("tlearn", appauthor=False))
        except RuntimeError:  # no home directory: a container with an unknown user
            return Path(tempfile.gettempdir(), f"tlearn-{os.getuid()}")
    return named if is_cache(named) else named / _SUBFOLDER


def named_folder() -> Path | None:
    """Return the folder that TLEARN_CACHE names, or None."""
    named = os.environ.get(FOLDER_VARIABLE)
    if not named:
        return None
    folder = os.path.expanduser(named)
    if folder.startswith("~"):
        message = f"{FOLDER_VARIABLE} is {quoted(named)}, and there is no such user"
        raise HostError(message, f"name another folder: export {FOLDER_VARIABLE}=FOLDER")
    return Path(folder).absolute()


def is_cache(folder: Path) -> bool:
    """Return whether a folder is a cache, or can become one because nothing is in it."""
    with os_errors_as_host_errors(folder, CACHE_HINT):
        return (folder / MARKER).exists() or not folder.exists() or not any(folder.iterdir())


def open_cache() -> Path:
    """Return the cache folder, ready to be written to by this user alone.

    Raises:
        HostError: It cannot be written, belongs to somebody else, or has links in place of folders;
            or TLEARN_CACHE_GB is not a number.
    """
    limit_bytes()
    folder = cache_folder()
    with os_errors_as_host_errors(folder, CACHE_HINT):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_owner(folder)
        (folder / MARKER).touch()
    links = [kind for kind in KINDS if (folder / kind).is_symlink()]
    if links:
        raise HostError(
            f"{quoted(folder / links[0])} is a link, and the cache does not follow links",
            f"remove it, or set another folder: {FOLDER_VARIABLE}=FOLDER",
        )
    return folder


def _check_owner(folder: Path) -> None:
    """Refuse a folder of somebody else, and keep others out of one's own."""
    if os.name == "nt":  # folders below a user's profile are private already
        return
    facts = folder.stat()
    if facts.st_uid != os.geteuid():
        raise HostError(
            f"the cache {quoted(folder)} belongs to another user",
            f"set a folder of your own: {FOLDER_VARIABLE}=FOLDER",
        )
    if facts.st_mode & 0o077:
        folder.chmod(0o700)


def limit_bytes() -> int:
    """Return how many bytes the cache may take: TLEARN_CACHE_GB, or 20 GB.

    Raises:
        HostError: TLEARN_CACHE_GB is not a number from 0 on.
    """
    value = os.environ.get(LIMIT_VARIABLE, "").strip() or str(DEFAULT_GB)
    try:
        gigabytes = float(value)
    except ValueError:
        gigabytes = math.nan
    if not 0 <= gigabytes < math.inf:
        raise HostError(
            f"{LIMIT_VARIABLE} is {quoted(value)}, which is not a number of gigabytes",
            f"unset it, or set it to a number: {LIMIT_VARIABLE}={DEFAULT_GB:g}",
        )
    return int(1e9 * gigabytes)


def trim_cache(folder: Path, limit: int) -> dict[Path, int]:
    """Remove what was not used for longest until the rest of the cache fits a limit.

    Pixels, features, unpacked archives and trained models are removed, each of them whole, and
    only where no process uses it. Frozen networks and downloaded weights count and stay.

    Args:
        folder: The cache folder; without the marker of tlearn, nothing in it is removed.
        limit: Bytes that may stay.

    Returns:
        The folders that were removed, with their bytes.
    """
    if not (folder / MARKER).exists():
        return {}
    total = sum(folder_bytes(folder / kind) for kind in KINDS if kind not in _TRIMMED)
    removed = {}
    for entry in sorted(_entries(folder), key=_last_use, reverse=True):
        size = folder_bytes(entry)
        total += size
        if total > limit and remove_unused(entry):
            removed[entry] = size
    return removed


def clear_cache(folder: Path, kinds: list[str]) -> list[Path]:
    """Remove kinds of contents from the cache, but for what a process uses.

    Args:
        folder: The cache folder.
        kinds: Some of `KINDS`.

    Returns:
        The folders that stay because they are in use.

    Raises:
        HostError: The folder is not a cache, or the system refuses.
    """
    other = named_folder() if not folder.exists() else folder
    if other and not is_cache(other):
        raise HostError(
            f"{quoted(other)} holds other files and is not a cache of tlearn",
            f"remove nothing, or name the cache: {FOLDER_VARIABLE}=FOLDER",
        )
    kept = []
    for kind in kinds:
        with os_errors_as_host_errors(folder / kind, CACHE_HINT):
            if (folder / kind).is_symlink():
                (folder / kind).unlink()
                continue
            entries = _entries(folder, [kind]) if kind in _TRIMMED else [folder / kind]
            kept += [entry for entry in entries if entry.exists() and not remove_unused(entry)]
    return kept


def _entries(folder: Path, kinds: tuple[str, ...] | list[str] = _TRIMMED) -> list[Path]:
    """Return the folders of some kinds, having removed what was only half removed before."""
    found = []
    for kind in kinds:
        if not (folder / kind).is_symlink():
            remove_leftovers(folder / kind)
            found += [path for path in (folder / kind).glob("[!.]*") if path.is_dir()]
    return [path for path in found if not path.is_symlink()]


def _last_use(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:  # another process has just removed it
        return 0.0


def folder_bytes(folder: Path) -> int:
    """Return the bytes of all files below a folder, without following links; 0 if it is missing."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(path, name).lstat().st_size
            except FileNotFoundError:  # another process has just removed it
                continue
    return total
