"""What a server is sent is answered, or refused in a sentence; neither stops it."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.conftest import draw_image
from tests.http_server import Client, running
from tlearn import api
from tlearn.commands.serve import serve
from tlearn.serving.app import Limits, RefusedError, build_app
from tlearn.serving.listening import Prepared, listen


def png(shape: str = "circle", seed: int = 1, size: int = 48, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    draw_image(shape, seed, size).save(file, kind)
    return file.getvalue()


def bomb() -> bytes:
    file = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(file, "PNG")
    return file.getvalue()


def test_answers_are_those_of_check(client: Client, artifact: Path, tmp_path: Path) -> None:
    for seed, shape in enumerate(("circle", "square", "stripes", "cross")):
        path = tmp_path / f"{shape}.png"
        path.write_bytes(png(shape, seed))
        (expected,) = api.check(artifact, path).predictions or ()
        answered = client.post(path.read_bytes(), f"/predict?name={shape}.png&top=3")
        assert answered.status == 200
        assert answered.document == expected.to_json(3) | {"image": f"{shape}.png"}


def test_a_form_of_images_is_answered_one_by_one(client: Client) -> None:
    answered = client.post_form({"a.png": png(), "b.txt": b"no image", "c.png": png("square", 2)})
    assert answered.status == 200
    a, b, c = answered.document["predictions"]
    assert (a["image"], b["image"], c["image"]) == ("a.png", "b.txt", "c.png")
    assert a["label"] and c["label"] and b["label"] is None and "text file" in b["problem"]
    assert a == client.post(png()).document | {"image": "a.png"}


BAD: dict[str, tuple[int, bytes]] = {
    "empty": (400, b""),
    "a text": (422, b"a text, not an image"),
    "a truncated JPEG": (422, png(kind="JPEG")[:500]),
    "a bomb": (422, bomb()),
    "too large": (413, b"x" * 1_000_001),
}


@pytest.fixture
def strict(artifact: Path) -> Iterator[Client]:
    with running(serve(artifact, port=0, limits=Limits(most_bytes=1_000_000))) as asking:
        yield asking


@pytest.mark.parametrize("name", BAD)
def test_bad_images_are_refused_in_a_sentence(strict: Client, name: str) -> None:
    status, body = BAD[name]
    answered = strict.post(body)
    assert answered.status == status and answered.document["error"]
    if body:
        several = strict.post_form({"a.png": body, "b.png": body})
        assert several.status == status and several.document["error"]
    assert strict.post(png()).status == 200


def test_what_is_no_question_is_refused(client: Client) -> None:
    kind = "multipart/form-data; boundary=x"
    refused = {
        405: client("GET", "/predict"),
        404: client.post(png(), "/nothing"),
        400: client.post(png(), Content_Type=kind),
    }
    for status, answered in refused.items():
        assert answered.status == status and answered.document["error"]
    assert client.post(png(), "/predict?top=many").status == 400
    assert client.post(b"--x--\r\n", Content_Type=kind).status == 400
    assert client.post(png()).status == 200


def test_a_body_without_a_length_is_counted_too(strict: Client) -> None:
    with socket.create_connection((strict.host, strict.port)) as connection:
        head = f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1:{strict.port}\r\n"
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        for _ in range(11):
            connection.sendall(b"186a0\r\n" + b"x" * 100_000 + b"\r\n")
        assert b" 413 " in connection.recv(100)


def test_many_clients_lose_nothing_and_get_their_own_answers(client: Client) -> None:
    images = [png(shape, seed) for seed in range(4) for shape in ("circle", "square", "stripes")]
    expected = [client.post(image).document for image in images]
    order = [number % len(images) for number in range(200)]
    with ThreadPoolExecutor(16) as clients:
        answers = list(clients.map(lambda number: client.post(images[number]), order))
    assert [a.document for a in answers] == [expected[number] for number in order]


class Slow:
    """Work that waits until it is let go, and an application that does it."""

    def __init__(self, limits: Limits) -> None:
        self.started, self.go = threading.Semaphore(0), threading.Event()
        work = {"/predict": self, "/fail": self.fail}
        app = build_app(work, {"/health": (b"ok", "text/plain")}, limits)
        self.prepared = Prepared(app, listen("127.0.0.1", 0))

    def __call__(self, name: str, data: bytes, query: Mapping[str, str]) -> dict[str, Any]:
        self.started.release()
        self.go.wait(60)
        return {"image": name}

    def fail(self, name: str, data: bytes, query: Mapping[str, str]) -> dict[str, Any]:
        raise RefusedError(409, "not now")


def test_more_than_may_wait_are_told_to_ask_again() -> None:
    slow = Slow(Limits(waiting=1, workers=1))
    with running(slow.prepared) as client, ThreadPoolExecutor(4) as clients:
        answers = as_completed([clients.submit(client.post, b"x") for _ in range(4)])
        for refused in (next(answers).result(), next(answers).result()):
            assert refused.status == 503 and refused.headers["retry-after"] == "1"
            assert "waiting" in refused.document["error"]
        assert client("GET", "/health").status == 200
        slow.go.set()
        assert [answer.result().status for answer in answers] == [200, 200]
        assert client.post(b"x").status == 200


def test_a_request_ends_in_time(artifact: Path) -> None:
    slow = Slow(Limits(seconds=0.2, workers=1))
    with running(slow.prepared) as client:
        late = client.post(b"1")
        assert late.status == 503 and late.headers["retry-after"]
        with socket.create_connection((client.host, client.port)) as connection:
            head = f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\n"
            connection.sendall(f"{head}Content-Length: 10\r\n\r\nx".encode())
            assert b" 408 " in connection.recv(100)
        slow.go.set()


def test_a_server_that_ends_says_so_to_who_is_too_slow(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tlearn.serving.listening._SECONDS_TO_END", 0.1)
    slow = Slow(Limits())
    address = slow.prepared.listener.getsockname()
    with socket.create_connection(address) as connection:
        with running(slow.prepared) as client:
            connection.sendall(b"POST /predict HTTP/1.1\r\nHost: localhost\r\n")
            connection.sendall(b"Content-Length: 10\r\n\r\nx")
            assert client("GET", "/health").status == 200
        assert b" 503 " in connection.recv(100)
    assert "Traceback" not in capfd.readouterr().err


def test_slow_clients_hold_up_nobody(client: Client) -> None:
    head = f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\nContent-Length: 99\r\n\r\nx"
    slow = [socket.create_connection((client.host, client.port)) for _ in range(100)]
    for connection in slow:
        connection.sendall(head.encode())
    assert client.post(png()).status == 200
    for connection in slow:
        connection.close()
    assert client.post(png()).status == 200


def test_what_may_be_in_memory_at_a_time_is_bounded() -> None:
    slow = Slow(Limits(most_bytes=1000, workers=1))
    with running(slow.prepared) as client, ThreadPoolExecutor(40) as clients:
        answers = [clients.submit(client.post, b"x" * 1000) for _ in range(40)]
        assert slow.started.acquire(timeout=60)
        while not any(answer.done() for answer in answers):
            pass
        slow.go.set()
        statuses = [answer.result().status for answer in answers]
        assert {*statuses} == {200, 503}
        assert client.post(b"x" * 1000).status == 200


def test_work_may_refuse_in_its_own_words() -> None:
    slow = Slow(Limits())
    with running(slow.prepared) as client:
        assert client.post(b"1", "/fail")[:2] == (409, {"error": "not now"})
