from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import h5py
import pytest

from tlearn.errors import BackboneError, HostError
from tlearn.models.catalog import find_backbone
from tlearn.models.download import fetch
from tlearn.models.weights import find_weights

SPEC = find_backbone("mobilenet_v2_035")
NAME = Path(SPEC.weights_url).name


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `files`; a name in `short` breaks off half way."""

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
    with h5py.File(tmp_path / "made.h5", "w") as file:
        file["values"] = list(range(1000))
    return (tmp_path / "made.h5").read_bytes()


def test_weights_are_fetched_once(server: type[Handler], content: bytes, own_cache: Path) -> None:
    server.files[NAME] = content
    seen: list[tuple[int, int]] = []
    found = find_weights(SPEC, progress=lambda done, total: seen.append((done, total)))
    assert found.origin == "download"
    assert found.path == own_cache / "weights" / NAME
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert seen[-1] == (len(content), len(content))
    server.files.clear()
    assert find_weights(SPEC).origin == "cache"


@pytest.mark.parametrize("digest", [hashlib.md5, hashlib.sha256])
def test_digest_is_checked(server: type[Handler], content: bytes, digest, own_cache: Path) -> None:
    server.files[NAME] = content
    right = replace(SPEC, weights_md5=digest(content).hexdigest())
    wrong = replace(SPEC, weights_md5=digest(b"other").hexdigest())
    with pytest.raises(BackboneError, match="digest"):
        find_weights(wrong)
    assert list((own_cache / "weights").iterdir()) == []
    assert find_weights(right).origin == "download"


def test_a_page_instead_of_weights_is_not_kept(server: type[Handler], own_cache: Path) -> None:
    server.files[NAME] = b"<html>please log in</html>"
    with pytest.raises(BackboneError, match="not an HDF5 file"):
        find_weights(SPEC)
    assert list((own_cache / "weights").iterdir()) == []


def test_a_transfer_that_breaks_off_is_not_kept(
    server: type[Handler], content: bytes, own_cache: Path
) -> None:
    server.files[NAME] = content
    server.short.add(NAME)
    with pytest.raises(BackboneError, match=r"broke off|cannot be reached"):
        find_weights(SPEC)
    assert list((own_cache / "weights").iterdir()) == []


def test_a_missing_file_names_the_answer(server: type[Handler]) -> None:
    with pytest.raises(BackboneError, match="404"):
        find_weights(SPEC)


def test_a_stopped_transfer_leaves_nothing(
    server: type[Handler], content: bytes, own_cache: Path
) -> None:
    server.files[NAME] = content

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find_weights(SPEC, progress=stop)
    assert list((own_cache / "weights").iterdir()) == []


def test_a_cache_that_cannot_be_made_is_the_machine_s_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HostError, match="cannot be written"):
        fetch(SPEC.weights_url, tmp_path / "file" / "weights.h5")
