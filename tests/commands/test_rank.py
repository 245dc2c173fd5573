"""Backbones are ranked by what heads on them reach, on the same pictures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tlearn import api
from tlearn.cli.app import app
from tlearn.cli.units import parse_size
from tlearn.commands.session import Session, Workspace
from tlearn.errors import BackboneError, RecipeError
from tlearn.features.features import Features
from tlearn.suggestion.depth_profile import HeadScore
from tlearn.suggestion.int8_cost import Int8Cost


@pytest.fixture
def folder(image_folder: Callable[..., Path]) -> Path:
    return image_folder(classes=3, per_class=16)


@pytest.fixture
def weights(small_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A weights folder with one backbone beside the built-in one."""
    folder = tmp_path / "weights"
    folder.mkdir()
    shutil.copy(small_weights, folder / "mobilenet_025.weights.h5")
    monkeypatch.setenv("TLEARN_WEIGHTS", str(folder))
    return folder


def test_all_that_is_here_is_ranked_best_first(folder: Path, weights: Path) -> None:
    dataset, found = api.rank(folder, ["all-available"], flags={"image_size": 32})
    assert {one.name for one in found} == {"builtin", "mobilenet_025"}
    accuracies = [one.head_score.accuracy for one in found]
    assert accuracies == sorted(accuracies, reverse=True)
    assert found[0].gap_to_best[0] == 0 and found[0].tied_with_best
    assert found[1].gap_to_best[0] == pytest.approx(accuracies[0] - accuracies[1])
    assert all(0 <= one.head_score.accuracy <= 1 and one.milliseconds > 0 for one in found)
    assert len(found[0].head_score.cv.probabilities) == len(dataset.labels("train"))


def test_a_wrong_name_is_told_before_anything_is_measured(folder: Path) -> None:
    done: list[str] = []
    with pytest.raises(BackboneError, match="nonsense"):
        api.rank(folder, ["builtin", "nonsense"], progress=lambda step, *_: done.append(step))
    assert done == ["find builtin"]


def test_what_int8_leaves_is_ranked_where_that_is_asked(
    folder: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cost(
        session: Session, workspace: Workspace, features: Features, head_score: HeadScore
    ) -> Int8Cost:
        return Int8Cost(30, head_score.accuracy, 0.95 * (workspace.backbone.name == winner), 0.02)

    monkeypatch.setattr("tlearn.commands.rank.measure_int8_cost", cost)
    names, flags = ["builtin", "mobilenet_025", "builtin"], {"image_size": 32}
    _, plain = api.rank(folder, names, flags=flags)
    winner = plain[0].name
    _, found = api.rank(folder, names, flags=flags, measure_int8=True)
    assert [one.name for one in found] == [one.name for one in reversed(plain)]  # each once
    assert found[0].tied_with_best and not found[1].tied_with_best
    points, error = found[1].gap_to_best
    assert points == pytest.approx(found[0].accuracy_after_int8 - found[1].accuracy_after_int8)
    assert error > plain[1].gap_to_best[1]


def test_what_is_too_large_is_left_out(folder: Path, weights: Path) -> None:
    flags = {"image_size": 32}
    _, every = api.rank(folder, ["builtin", "mobilenet_025"], flags=flags)
    sizes = sorted(one.size_bytes for one in every)
    _, found = api.rank(folder, ["builtin", "mobilenet_025"], flags=flags, max_bytes=sizes[0])
    assert [one.size_bytes for one in found] == sizes[:1]
    done: list[str] = []
    with pytest.raises(BackboneError, match="none of builtin"):
        api.rank(
            folder,
            ["builtin", "builtin"],
            flags=flags | {"seed": 1},
            max_bytes=1000,
            progress=lambda step, *_: done.append(step),
        )
    assert done and "weigh builtin" not in done  # nor are minutes spent on what is too large


def test_the_command_and_its_document(folder: Path, weights: Path) -> None:
    words = ["rank", str(folder), "--backbones", "builtin, mobilenet-025", "--image-size", "32"]
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0, shown.output
    assert "builtin" in shown.stdout and "cross-validation" in shown.stdout
    document = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert len(document["backbones"]) == 2
    assert document["next"].endswith(
        f"--backbone {document['backbones'][0]['name']} --image-size 32"
    )
    alone = CliRunner().invoke(app, ["suggest", str(folder), "--max-size", "1MB"])
    assert alone.exit_code == 2
    both = CliRunner().invoke(app, [*words, "--backbone", "builtin"])
    assert both.exit_code == 2
    none = CliRunner().invoke(app, ["rank", str(folder), "--backbones", " , "])
    assert none.exit_code == 2 and "names none" in none.output


@pytest.mark.parametrize(
    ("words", "size"), [("4MB", 4e6), ("900 kB", 9e5), ("1.5 gb", 1.5e9), ("12", 12)]
)
def test_sizes(words: str, size: float) -> None:
    assert parse_size(words, "--max-size") == size


@pytest.mark.parametrize("words", ["", "much", "-4MB", "0", "4 TB"])
def test_no_sizes(words: str) -> None:
    with pytest.raises(RecipeError, match="not a size"):
        parse_size(words, "--max-size")


def test_what_int8_costs_is_measured_where_it_is_asked(folder: Path) -> None:
    words = ["suggest", str(folder), "--backbone", "builtin", "--image-size", "64"]
    document = json.loads(CliRunner().invoke(app, [*words, "--for", "tflite", "--json"]).stdout)
    cost = document["int8"]
    assert cost["n_images"] == document["n_train"]
    assert -1 <= cost["drop"] <= 1 and cost["error"] > 0
    assert cost["accuracy"] == pytest.approx(document["profile"]["stage 5"], abs=0.1)
    assert cost["bears"] is (cost["drop"] <= 0.01)
    _, (one,) = api.rank(folder, ["builtin"], flags={"image_size": 64}, measure_int8=True)
    assert one.int8 is not None and one.int8.n_images == cost["n_images"]
