"""The description of a server says what its file takes and answers."""

from __future__ import annotations

from pathlib import Path

from tests.http_server import Client
from tests.serving.test_app import png
from tlearn.artifacts.contract_file import read_contract
from tlearn.serving.app import Limits
from tlearn.serving.openapi import openapi


def test_labels_and_keys_are_those_of_the_answers(client: Client, artifact: Path) -> None:
    document = client("GET", "/openapi.json").document
    record = document["components"]["schemas"]["prediction"]
    answer = client.post(png()).document
    assert answer.keys() == {*record["required"]}
    labels = [*read_contract(artifact)[0].labels]
    assert record["properties"]["label"]["enum"] == [*labels, None]
    assert record["properties"]["set"]["items"]["enum"] == labels
    assert document["info"]["title"] == artifact.name
    assert {*document["paths"]} == {"/predict", "/health"}


def test_a_token_is_part_of_it(artifact: Path) -> None:
    contract = read_contract(artifact)[0]
    assert openapi(contract, Limits(), token=True)["security"] == [{"bearer": []}]
    assert "security" not in openapi(contract, Limits(), token=False)
