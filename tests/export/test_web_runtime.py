"""What runs a page is fetched by npm, and is what its makers published or nothing."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from base64 import b64encode
from pathlib import Path

import pytest

from tlearn.errors import HostError
from tlearn.export import web_runtime
from tlearn.export.web_runtime import FILES, lay, missing


def put_npm(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a script of the shell be the only npm there is."""
    npm = folder / "bin" / "npm"
    npm.parent.mkdir()
    npm.write_text(f"#!/bin/sh\n{script}\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{npm.parent}{os.pathsep}/usr/bin{os.pathsep}/bin")


@pytest.fixture
def archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Packages like those of npm, and a registry that has them."""
    folder = tmp_path / "registry"
    folder.mkdir()
    packages = []
    for package in web_runtime._PACKAGES:
        with tarfile.open(folder / package.archive, "w:gz") as archive:
            for name in package.files:
                entry = tarfile.TarInfo(f"package/{name}")
                entry.size = len(name)
                archive.addfile(entry, io.BytesIO(name.encode()))
        digest = hashlib.sha512((folder / package.archive).read_bytes()).digest()
        packages.append(package._replace(sha512=b64encode(digest).decode()))
    monkeypatch.setattr(web_runtime, "_PACKAGES", tuple(packages))
    put_npm(tmp_path, f"cp {folder}/*.tgz .", monkeypatch)
    return folder


def test_the_files_are_laid_beside_the_page_once(archives: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    assert missing(site) == list(FILES)
    lay(site)
    assert missing(site) == []
    assert {path.name for path in (site / "litert").iterdir()} == {Path(f).name for f in FILES}
    assert (site / "litert" / "bundle.js").read_text() == "dist/bundle.js"
    (archives / "litertjs-core-2.5.3.tgz").unlink()
    lay(site)


def test_an_archive_that_was_changed_is_refused(archives: Path, tmp_path: Path) -> None:
    path = archives / "litertjs-core-2.5.3.tgz"
    path.write_bytes(path.read_bytes() + b"!")
    with pytest.raises(HostError, match="not what its makers published"):
        lay(tmp_path / "site")
    assert missing(tmp_path / "site") == list(FILES)


def test_without_a_network_npm_is_quoted_with_what_to_do_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_npm(tmp_path, "echo npm error network is down >&2; exit 1", monkeypatch)
    with pytest.raises(HostError, match="it says: network is down") as error:
        lay(tmp_path)
    assert error.value.hint.endswith("npm pack @litertjs/core@2.5.3 @litertjs/wasm-utils@2.5.3")


def test_without_npm_it_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(HostError, match="is not on this machine"):
        web_runtime.find_npm()
