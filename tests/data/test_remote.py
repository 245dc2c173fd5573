"""Data sets at an address: fetched once, or told what is missing for it."""

from __future__ import annotations

import functools
import http.server
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tlearn.data import remote
from tlearn.data.image_folder import scan
from tlearn.data.remote import address_of
from tlearn.errors import DataError, HostError


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a server on this machine that serves `tmp_path / "served"`."""
    pytest.importorskip("fsspec")
    pytest.importorskip("aiohttp")
    (tmp_path / "served").mkdir()

    class Silent(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    handler = functools.partial(Silent, directory=str(tmp_path / "served"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.mark.parametrize(
    ("path", "address"),
    [
        ("https://example.org/a.zip?x=1", "https://example.org/a.zip?x=1"),
        ("/home/me/https:/example.org/a.zip", "https://example.org/a.zip"),
        ("s3://bucket/folder", "s3://bucket/folder"),
        ("www.example.org/a.zip", "https://www.example.org/a.zip"),
        ("C:/data", ""),
        ("data/images", ""),
    ],
)
def test_an_address_is_known_although_a_path_drops_a_slash(path: str, address: str) -> None:
    assert address_of(Path(path)) == address


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("https://www.kaggle.com/datasets/me/cats", "kaggle datasets download --unzip me/cats"),
        ("https://github.com/me/cats", "git clone https://github.com/me/cats"),
        ("https://huggingface.co/datasets/me/cats", "tlearn suggest hf://datasets/me/cats"),
    ],
)
def test_pages_about_a_data_set_lead_to_the_data(address: str, hint: str) -> None:
    with pytest.raises(DataError, match="a page of") as error:
        scan(Path(address))
    assert error.value.hint.endswith(hint)


@pytest.mark.parametrize(
    ("address", "missing", "command"),
    [
        ("s3://bucket/images.zip", "fsspec, s3fs", "pip install '.[remote]'"),
        ("gs://bucket/images.zip", "fsspec, gcsfs", "pip install fsspec gcsfs"),
    ],
)
def test_missing_packages_are_named_with_the_command_that_installs_them(
    address: str, missing: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "find_spec", lambda name: None)
    with pytest.raises(HostError, match=f"packages are missing: {missing}$") as error:
        scan(Path(address))
    assert error.value.hint.endswith(command)


def test_an_archive_at_an_address_is_read(
    server: str, tmp_path: Path, image_folder: Callable[..., Path]
) -> None:
    shutil.make_archive(str(tmp_path / "served" / "data"), "zip", image_folder(classes=2))
    assert scan(Path(f"{server}/data.zip")).classes == ("circle", "square")
    with pytest.raises(DataError, match="there is nothing at"):
        scan(Path(f"{server}/gone.zip"))
