"""A server that listens on 127.0.0.1 for the time of a block, and a client that asks it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tlearn.serving.listening import Prepared

BOUNDARY = "a-boundary"


class Answered(NamedTuple):
    status: int
    document: Any
    headers: Mapping[str, str]


class Client:
    """Asks a server, with a connection for each question."""

    def __init__(self, url: str) -> None:
        self.host, self.port = urlsplit(url).hostname or "", urlsplit(url).port or 0

    def __call__(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answered:
        connection = HTTPConnection(self.host, self.port, timeout=60)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        is_json = response.headers.get_content_type() == "application/json"
        document = json.loads(content) if is_json else content.decode()
        return Answered(response.status, document, response.headers)

    def post(self, body: bytes, path: str = "/predict", **headers: str) -> Answered:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self("POST", path, body, named)

    def post_form(self, files: Mapping[str, bytes]) -> Answered:
        parts = [
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="{name}"'
            "\r\n\r\n".encode()
            + data
            + b"\r\n"
            for name, data in files.items()
        ]
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        return self.post(b"".join(parts) + f"--{BOUNDARY}--\r\n".encode(), Content_Type=kind)


@contextmanager
def running(prepared: Prepared) -> Iterator[Client]:
    """Run a server in a thread, and yield a client of it."""
    server = prepared.server()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [prepared.listener]})
    thread.start()
    try:
        yield Client(prepared.url)
    finally:
        server.should_exit = True
        thread.join()
