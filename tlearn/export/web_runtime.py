"""LiteRT.js, which runs the page of `--snippet web`: four files of two packages of npm."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
from base64 import b64encode
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from tlearn.errors import HostError
from tlearn.storage.atomic import ensure_writable, write_atomic

VERSION = "2.5.3"
FOLDER = "litert"
"""Where the page looks for them, beside it."""


class _Package(NamedTuple):
    """A package of npm, the digest of its archive as npm states it, and the files to take."""

    name: str
    sha512: str
    files: tuple[str, ...]

    @property
    def archive(self) -> str:
        return f"{self.name[1:].replace('/', '-')}-{VERSION}.tgz"


# The build without threads and without relaxed SIMD: it needs no headers of the server and runs
# in every browser.
_PACKAGES = (
    _Package(
        "@litertjs/core",
        "PlGmbMOq9WitX7FO0jhbdJw9GthatsyuCQXjTt/wJZo0FLaw48q4tz8IwqgqCIkviYGr9OFDL1kCnN4nzWoyJQ==",
        (
            "dist/index.js",
            "wasm/litert_wasm_compat_internal.js",
            "wasm/litert_wasm_compat_internal.wasm",
        ),
    ),
    _Package(
        "@litertjs/wasm-utils",
        "4fJiw6tBQnIs+0jH/OQ16nYOiSl8/+zZnn5h2ul8aTKHi05sVqZW580Tmk78pC2kT39A9OYBVdFawteZ/sI1kQ==",
        ("dist/bundle.js",),
    ),
)
_PACK = ["pack", *(f"{package.name}@{VERSION}" for package in _PACKAGES)]
FILES = tuple(f"{FOLDER}/{Path(file).name}" for package in _PACKAGES for file in package.files)


def template_values() -> dict[str, Any]:
    """Return what a page says of the files, and the commands that fetch them by hand."""
    unpack = [
        f"tar -xf {package.archive} --strip-components 2 package/{file}"
        for package in _PACKAGES
        for file in package.files
    ]
    return {
        "runtime": FILES,
        "runtime_version": VERSION,
        "runtime_commands": [f"npm {' '.join(_PACK)}", *unpack],
    }


def missing(folder: Path) -> list[str]:
    """Return those of the files that are not in a folder of pages."""
    return [file for file in FILES if not (folder / file).is_file()]


def find_npm() -> str:
    """Return the person's own npm.

    Raises:
        HostError: There is none.
    """
    if npm := shutil.which("npm"):
        return npm
    raise HostError(
        "--bundle: npm, which fetches LiteRT.js, is not on this machine",
        "install Node.js, or fetch it on another machine as the first lines of the page say: "
        "tlearn export --snippet web",
    )


def lay(folder: Path) -> None:
    """Fetch the files, unless they are there, and lay them into a folder of pages.

    Raises:
        HostError: npm is missing or cannot fetch them, or the folder cannot be written to.
    """
    if not missing(folder):
        return
    ensure_writable(folder / FOLDER)
    with TemporaryDirectory() as temporary:
        _fetch(Path(temporary))
        for package in _PACKAGES:
            archive = Path(temporary, package.archive)
            if b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode() != package.sha512:
                raise HostError(
                    f"what npm calls {package.name}@{VERSION} is not what its makers published",
                    "ask who runs the registry that it comes from: npm config get registry",
                )
            with tarfile.open(archive) as content:
                for file in package.files:
                    part = content.extractfile(f"package/{file}")
                    assert part is not None  # the digest says that it is there
                    write_atomic(folder / FOLDER / Path(file).name, part.read())


def _fetch(folder: Path) -> None:
    """Have npm put the archives into a folder."""
    command = [find_npm(), *_PACK, "--prefer-offline", "--fetch-retries=1", "--loglevel=error"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
    if done.returncode:
        said = [line.removeprefix("npm error ") for line in done.stderr.splitlines()]
        why = [line for line in said if not line.startswith(("code ", "errno ", "syscall "))]
        raise HostError(
            f"npm could not fetch LiteRT.js; it says: {(why or ['nothing'])[0]}",
            f"do by hand what the first lines of the page say, first: npm {' '.join(_PACK)}",
        )
