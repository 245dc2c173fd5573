"""Fetch one file over the net: in chunks, checked, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from tlearn.errors import BackboneError, HostError
from tlearn.models.weights_file import is_hdf5
from tlearn.progress import StepProgress

MIRROR_VARIABLE = "TLEARN_WEIGHTS_URL"
_TIMEOUT_SECONDS = 10
_CHUNK_BYTES = 1 << 20


def fetch(
    url: str, target: Path, *, digest: str | None = None, progress: StepProgress | None = None
) -> None:
    """Fetch an HDF5 file; `target` appears when it is complete and right, and not before.

    Args:
        url: Where it is. With TLEARN_WEIGHTS_URL set, the file of the same name under that
            address is taken.
        target: Where to put it; its folder is made when missing.
        digest: MD5, or SHA-256 where it has 64 digits, in hexadecimal. Without one the file must
            have the length announced and open as HDF5.
        progress: Called with (bytes done, bytes in all or 0).

    Raises:
        BackboneError: The net or the server failed, or the file is not what was expected.
        HostError: The file cannot be written.
    """
    url = _mirrored(url)
    partial = _partial_file(target)
    try:
        checksum = _save(url, partial, digest, progress)
        if digest and checksum != digest:
            raise BackboneError(f"{url} has the digest {checksum}; expected {digest}.")
        if not is_hdf5(partial):
            raise BackboneError(f"{url} is not an HDF5 file.")
        os.replace(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def _mirrored(url: str) -> str:
    horizontal_flip = os.environ.get(MIRROR_VARIABLE)
    return (
        f"{horizontal_flip.rstrip('/')}/{PurePosixPath(urlsplit(url).path).name}"
        if horizontal_flip
        else url
    )


def _partial_file(target: Path) -> Path:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(".part", f"{target.name}.", target.parent)
    except OSError as error:
        raise _cannot_write(target, error) from error
    os.close(handle)
    return Path(name)


def _save(url: str, partial: Path, digest: str | None, progress: StepProgress | None) -> str:
    """Write the answer to `partial`; returns its checksum, of the kind of `digest`."""
    checksum = hashlib.sha256() if digest and len(digest) == 64 else hashlib.md5()
    request = Request(url, headers={"User-Agent": "tlearn"})
    try:
        with urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
            total = int(answer.headers.get("Content-Length") or 0)
            with _opened(partial) as file:
                done = _copy(answer, file, checksum, total, progress)
    except HTTPError as error:
        raise BackboneError(f"{url} answers {error.code} {error.reason}.") from error
    except (URLError, TimeoutError, ConnectionError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise BackboneError(f"{url} cannot be reached ({reason}).") from error
    if total and done != total:
        raise BackboneError(f"{url} broke off after {done:,} of {total:,} bytes.")
    return checksum.hexdigest()


def _copy(
    answer: Any, file: BinaryIO, checksum: Any, total: int, progress: StepProgress | None
) -> int:
    done = 0
    while chunk := answer.read(_CHUNK_BYTES):
        try:
            file.write(chunk)
        except OSError as error:
            raise _cannot_write(Path(file.name), error) from error
        checksum.update(chunk)
        done += len(chunk)
        if progress:
            progress(done, total)
    return done


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("wb", buffering=0)
    except OSError as error:
        raise _cannot_write(path, error) from error


def _cannot_write(path: Path, error: OSError) -> HostError:
    return HostError(
        f"{path} cannot be written: {error.strerror or error}.",
        "Make room or mend permissions, or set TLEARN_CACHE to another folder.",
    )
