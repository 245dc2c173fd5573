"""Pages of other sites are refused, and strangers without the token."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.http_server import Client, running
from tests.serving.test_app import png
from tlearn.commands.serve import serve
from tlearn.serving.guard import is_loopback


def test_only_this_machine_is_loopback() -> None:
    assert all(map(is_loopback, ("localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1")))
    assert not any(
        map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "example.org", "", "127.0.0.1.x"))
    )


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "", "[::1", "127.0.0.1@x"])
def test_another_name_for_this_machine_is_refused(client: Client, host: str) -> None:
    refused = client.post(png(), Host=host)
    assert refused.status == 421 and "127.0.0.1" in refused.document["error"]
    assert client("GET", "/openapi.json", headers={"Host": host}).status == 421


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "http://["]
)
def test_pages_of_other_sites_are_refused(client: Client, origin: str) -> None:
    assert client.post(png(), Origin=origin).status == 403
    assert client.post(png(), Origin=f"http://{client.host}:{client.port}").status == 200


def test_the_token_is_asked_of_everyone(artifact: Path) -> None:
    with running(serve(artifact, "0.0.0.0", 0, "a secret")) as client:
        client.host = "127.0.0.1"
        for given in ({}, {"Authorization": "Bearer a secre"}, {"Authorization": "Basic a secret"}):
            refused = client.post(png(), **given)
            assert refused.status == 401 and refused.headers["www-authenticate"] == "Bearer"
        assert client("GET", "/openapi.json").status == 401
        assert client("GET", "/health").status == 200
        right = {"Authorization": "Bearer a secret"}
        assert client.post(png(), Host="the-server.example", **right).status == 200
