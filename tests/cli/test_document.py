"""The document of a command: its versions, and first names of keys beside those of today."""

from __future__ import annotations

from tlearn.cli.document import SCHEMA_VERSION, document, version_of


def test_it_names_its_schema_and_version() -> None:
    values = document({"policy": "deep"})
    assert values["schema_version"] == SCHEMA_VERSION and values["policy"] == "deep"
    assert values["tlearn_version"] == version_of("tlearn")


def test_first_names_stand_beside_those_of_today_at_every_depth() -> None:
    values = document({"artifacts": [{"accuracy_drop": 0.1}], "more_images": {"n_images": 3}})
    assert values["artefacts"][0]["drop"] == values["artifacts"][0]["accuracy_drop"] == 0.1
    assert values["more_pictures"]["pictures"] == 3


def test_a_recipe_in_a_document_has_one_name_a_key() -> None:
    recipe = {"policy": "deep", "head_dropout": 0.0, "head_stages": "last"}
    assert document({"recipe": recipe})["recipe"] == recipe


def test_a_package_that_is_not_installed_has_no_version() -> None:
    assert version_of("no-such-package-of-anyone") is None
