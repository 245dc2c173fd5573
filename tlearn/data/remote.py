"""Data sets at an address, fetched once into the cache: https://, s3://, hf:// and others."""

from __future__ import annotations

import os
import re
import shutil
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

from tlearn.data.archives import fill_cached
from tlearn.errors import DataError, HostError
from tlearn.storage.atomic import CACHE_HINT
from tlearn.storage.digest import digest_of_bytes

_ADDRESS = re.compile(r"(?:^|/)(https?|ftp|s3|gs|gcs|hf|az|abfs|sftp):/+(?=[^/])(.*)", re.DOTALL)
_BARE = re.compile(r"www\.|(kaggle\.com|github\.com|huggingface\.co|drive\.google\.com)/")
_DRIVERS = {"https": "aiohttp", "http": "aiohttp", "s3": "s3fs", "hf": "huggingface_hub"}
_OTHER_DRIVERS = {"gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs", "sftp": "paramiko"}
"""Those that the extra `remote` does not install."""

_PAGES = {
    r"https?://(?:www\.)?kaggle\.com/datasets/([\w.-]+/[\w.-]+)": (
        "a page of Kaggle",
        "download the data set: kaggle datasets download --unzip {}",
    ),
    r"https?://(?:www\.)?kaggle\.com/(?:c|competitions)/([\w.-]+)": (
        "a page of Kaggle",
        "download the data: kaggle competitions download {}",
    ),
    r"https?://huggingface\.co/datasets/([\w.-]+/[\w.-]+)/?(?:tree/main)?/?$": (
        "a page of Hugging Face",
        "name the data set itself: tlearn suggest hf://datasets/{}",
    ),
    r"https?://github\.com/([\w.-]+/[\w.-]+)/?(?:tree/.*)?$": (
        "a page of GitHub",
        "fetch the repository: git clone https://github.com/{}",
    ),
    r"https?://drive\.google\.com/\S*?([\w-]{20,})\S*": (
        "a page of Google Drive",
        "download the file in a browser, or with gdown: gdown {}",
    ),
}


def address_of(path: Path | str) -> str:
    """Return the address that a path was meant as, or nothing.

    A path loses one of two slashes, and made absolute it begins with the working folder.
    """
    if _BARE.match(str(path)) and not os.path.lexists(path):
        return f"https://{path}"
    match = _ADDRESS.search(str(path))
    return f"{match[1]}://{match[2]}" if match else ""


def fetch(address: str, cache: Path) -> Path:
    """Return the file or folder at an address, in the cache.

    Args:
        address: As `address_of` returns it.
        cache: The cache folder; what did not change since is not fetched again.

    Raises:
        DataError: There is nothing, or a page that leads to the data.
        HostError: Packages, the network or space are missing.
    """
    for page, (what, hint) in _PAGES.items():
        if match := re.match(page, address):
            raise DataError(f"'{address}' is {what}, not a data set", hint.format(match[1]))
    protocol = address.partition(":")[0]
    other = _OTHER_DRIVERS.get(protocol)
    if missing := require_remote("fsspec", other or _DRIVERS.get(protocol, "fsspec")):
        raise HostError(
            f"'{address}' is an address, not a folder here; to read it, packages are missing: "
            f"{missing}",
            f"download it yourself, or install them: pip install fsspec {other}"
            if other
            else REMOTE_HINT,
        )
    from fsspec.core import url_to_fs

    try:
        files, path = url_to_fs(address)
        key = digest_of_bytes(f"{address} {files.ukey(path)}".encode())

        def fill(folder: Path) -> None:
            _download(files, path, folder)

        folder = fill_cached(cache / "archives" / key[:32], fill)
    except (DataError, HostError):
        raise
    except FileNotFoundError as error:
        raise DataError(
            f"there is nothing at '{address}'", "look at the address in a browser"
        ) from error
    except Exception as error:  # each driver raises errors of its own, as of the network
        raise HostError(
            f"cannot fetch '{address}': {error or type(error).__name__}",
            "try again, or download it yourself and name the file: tlearn suggest FILE",
        ) from error
    entries = [entry for entry in folder.iterdir()]
    return entries[0] if len(entries) == 1 else folder


REMOTE_HINT = (
    "download it yourself, or install them from the folder of tlearn's source: "
    "pip install '.[remote]'"
)


def require_remote(*packages: str) -> str:
    """Return the packages that are not installed, "" where all are."""
    return ", ".join(dict.fromkeys(name for name in packages if find_spec(name) is None))


def _download(files: Any, path: str, folder: Path) -> None:
    names = files.find(path) if files.isdir(path) else [path]
    names = [name for name in names if not PurePosixPath(name).name.startswith(".")]
    sizes = [files.info(name).get("size") or 0 for name in names] if len(names) == 1 else []
    free = shutil.disk_usage(folder).free
    if sum(sizes) > free:
        raise HostError(f"no space to fetch {path!r}: {free / 1e9:.1f} GB are free", CACHE_HINT)
    for name in names:
        inner = name.removeprefix(path).strip("/") or _file_name(name)
        if ".." in PurePosixPath(inner).parts:
            raise DataError(f"{name!r} would be written outside of the cache", "do not use it")
        target = folder / inner
        target.parent.mkdir(parents=True, exist_ok=True)
        files.get_file(name, str(target))


def _file_name(address: str) -> str:
    """Return the name of a file at an address, which may have a query behind it."""
    return PurePosixPath(re.sub(r"[?#].*", "", address)).name or "download"
