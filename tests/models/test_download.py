"""Downloads from a server on this machine: complete and verified, or not there."""

from __future__ import annotations

import errno
import hashlib
import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import pytest

from tlearn.errors import BackboneError, HostError
from tlearn.models.catalog import find_backbone
from tlearn.models.download import fetch
from tlearn.models.weights import find_weights

SPEC = find_backbone("mobilenet_v2_035")
NAME = Path(SPEC.weights_url).name


class Handler(http.server.BaseHTTPRequestHandler):
    """A server of `files`, which breaks off half way in those of `short`."""

    files: dict[str, bytes] = {}  # noqa: RUF012
    short: set[str] = set()  # noqa: RUF012

    def do_GET(self) -> None:
        name = self.path.rsplit("/", 1)[-1]
        if name not in self.files:
            self.send_error(404)
            return
        body = self.files[name]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if name in self.short else body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Handler]]:
    handler = type("OwnHandler", (Handler,), {"files": {}, "short": set()})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        monkeypatch.setenv("TLEARN_WEIGHTS_URL", f"http://127.0.0.1:{running.server_port}/mirror/")
        yield handler
        running.shutdown()


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        file["values"] = list(range(1000))
    return (tmp_path / "weights.h5").read_bytes()


def test_weights_are_downloaded_once(
    server: type[Handler], content: bytes, own_cache: Path
) -> None:
    server.files[NAME] = content
    seen: list[tuple[int, int]] = []
    weights = find_weights(SPEC, progress=lambda *numbers: seen.append(numbers))
    assert weights.origin == "download"
    assert weights.path == own_cache / "weights" / NAME
    assert weights.sha256 == hashlib.sha256(content).hexdigest()
    assert seen[-1] == (len(content), len(content))
    server.files.clear()
    assert find_weights(SPEC).origin == "cache"


def test_progress_grows_up_to_the_length_of_the_file(server: type[Handler], tmp_path: Path) -> None:
    with h5py.File(tmp_path / "large.h5", "w") as file:
        file["values"] = list(range(400_000))
    server.files[NAME] = (tmp_path / "large.h5").read_bytes()
    seen: list[int] = []
    fetch(SPEC.weights_url, tmp_path / NAME, progress=lambda done, total: seen.append(done))
    assert len(set(seen)) > 2 and seen == sorted(seen)
    assert seen[-1] == len(server.files[NAME])


@pytest.mark.parametrize("digest", [hashlib.md5, hashlib.sha256])
def test_a_file_with_another_digest_is_refused(
    server: type[Handler], content: bytes, digest: Callable[[bytes], Any], own_cache: Path
) -> None:
    server.files[NAME] = content
    right = replace(SPEC, weights_md5=digest(content).hexdigest())
    wrong = replace(SPEC, weights_md5=digest(b"other").hexdigest())
    with pytest.raises(BackboneError, match="digest"):
        find_weights(wrong)
    assert list((own_cache / "weights").iterdir()) == []
    assert find_weights(right).origin == "download"


def test_a_page_instead_of_weights_is_refused(server: type[Handler], own_cache: Path) -> None:
    server.files[NAME] = b"<html>please log in</html>"
    with pytest.raises(BackboneError, match="not an HDF5 file"):
        find_weights(SPEC)
    assert list((own_cache / "weights").iterdir()) == []


def test_an_incomplete_download_leaves_nothing(
    server: type[Handler], content: bytes, own_cache: Path
) -> None:
    server.files[NAME] = content
    server.short.add(NAME)
    with pytest.raises(BackboneError, match=f"{len(content) // 2} bytes read"):
        find_weights(SPEC)
    assert list((own_cache / "weights").iterdir()) == []


def test_the_answer_of_a_server_without_the_file_is_reported(server: type[Handler]) -> None:
    with pytest.raises(BackboneError, match="404 Not Found"):
        find_weights(SPEC)


def test_a_server_that_cannot_be_reached_is_reported_in_a_few_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TLEARN_WEIGHTS_URL", "http://127.0.0.1:9")
    with pytest.raises(BackboneError) as error:
        fetch(SPEC.weights_url, tmp_path / "weights.h5")
    assert error.value.message.startswith(f"http://127.0.0.1:9/{NAME} cannot be downloaded: ")
    assert len(error.value.message) < len(NAME) + 100


def test_an_interrupted_download_leaves_nothing(
    server: type[Handler], content: bytes, own_cache: Path
) -> None:
    server.files[NAME] = content

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find_weights(SPEC, progress=stop)
    assert list((own_cache / "weights").iterdir()) == []


def test_a_full_disk_is_a_host_error_and_leaves_nothing(
    server: type[Handler], content: bytes, own_cache: Path
) -> None:
    server.files[NAME] = content

    def fill(done: int, total: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(HostError, match=os.strerror(errno.ENOSPC)):
        find_weights(SPEC, progress=fill)
    assert list((own_cache / "weights").iterdir()) == []


def test_a_cache_that_cannot_be_made_is_a_host_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HostError, match="cannot be written"):
        fetch(SPEC.weights_url, tmp_path / "file" / "weights.h5")


def test_nothing_is_imported_or_printed_before_a_download_fails(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tlearn.models.download import fetch\n"
        "assert not {'pooch', 'requests'} & set(sys.modules)\n"
        f"try: fetch({SPEC.weights_url!r}, Path({str(tmp_path / 'w.h5')!r}))\n"
        "except Exception as error: assert 'cannot be downloaded' in str(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert done.stdout + done.stderr == b""
