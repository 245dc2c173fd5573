"""Download a file of weights: verified, and there only when it is complete."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tlearn.errors import BackboneError, HostError, quoted
from tlearn.models.weights_file import is_hdf5
from tlearn.progress import StepProgress

if TYPE_CHECKING:
    from requests.exceptions import RequestException

MIRROR_VARIABLE = "TLEARN_WEIGHTS_URL"
_HINT = "download the file elsewhere and name it: --weights PATH"


def fetch(
    url: str, target: Path, *, digest: str | None = None, progress: StepProgress | None = None
) -> None:
    """Download an HDF5 file; `target` appears once it is complete and verified.

    Args:
        url: Its address. With TLEARN_WEIGHTS_URL set, the file of the same name under that address
            is taken.
        target: Where to put it; its folder is made when missing.
        digest: MD5, or SHA-256 if it has 64 digits, in hexadecimal.
        progress: Called with (bytes done, bytes in total, 0 if unknown).

    Raises:
        BackboneError: The network or the server failed, or the file is not the expected one.
        HostError: The file cannot be written.
    """
    import pooch
    from requests.exceptions import RequestException

    url = _mirrored(url)
    known_hash = f"{'sha256' if len(digest) == 64 else 'md5'}:{digest}" if digest else None
    download = partial(_download_hdf5, progress=progress)
    pooch.get_logger().setLevel("WARNING")  # it would print every download
    try:
        pooch.retrieve(url, known_hash, target.name, target.parent, downloader=download)
    except RequestException as error:
        raise BackboneError(f"{url} cannot be downloaded: {_reason(error)}", _HINT) from error
    except ValueError as error:
        raise BackboneError(f"{url} does not have the digest {digest}", _HINT) from error
    except OSError as error:
        raise HostError(
            f"{quoted(target)} cannot be written: {error.strerror or error}",
            "free some space or change permissions, or set another folder: TLEARN_CACHE",
        ) from error


def _mirrored(url: str) -> str:
    mirror = os.environ.get(MIRROR_VARIABLE)
    return f"{mirror.rstrip('/')}/{PurePosixPath(urlsplit(url).path).name}" if mirror else url


def _download_hdf5(url: str, file: str, _pooch: Any, progress: StepProgress | None) -> None:
    """Download to a temporary file of pooch's, which moves it to its place afterwards."""
    from pooch import HTTPDownloader

    bar = _ProgressBar(progress) if progress else False
    headers = {"User-Agent": "tlearn", "Accept-Encoding": "identity"}
    HTTPDownloader(bar, chunk_size=1 << 20, timeout=10, headers=headers)(url, file, None)
    if not is_hdf5(Path(file)):
        raise BackboneError(f"{url} is not an HDF5 file", _HINT)


class _ProgressBar:
    """A progress bar as pooch uses it, which calls a function instead of drawing."""

    total = 0

    def __init__(self, progress: StepProgress) -> None:
        self._progress = progress
        self._done = 0

    def update(self, n_bytes: int) -> None:
        self._done = min(self._done + n_bytes, self.total or self._done + n_bytes)
        self._progress(self._done, self.total)

    def reset(self) -> None: ...

    def close(self) -> None: ...


def _reason(error: RequestException) -> str:
    """Return what the server or the socket says, without the layers of libraries around it."""
    if error.response is not None:
        return f"{error.response.status_code} {error.response.reason}"
    cause: BaseException = error
    while cause.__context__:
        cause = cause.__context__
    return str(cause)
