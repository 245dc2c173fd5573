"""A run alone, moved, without the pictures it was trained on: export and check go on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tlearn import api
from tlearn.artifacts.contract_file import read_contract
from tlearn.errors import DataError, RunError
from tlearn.recipe.plan_file import read_plan
from tlearn.runs.directory import RunDirectory

CHECK_WITHOUT_TENSORFLOW = """
import sys
sys.modules["tensorflow"] = sys.modules["keras"] = sys.modules["jax"] = None
from tlearn.cli.app import app
app(["check", *sys.argv[1:], "--json", "--quiet"])
"""


@pytest.fixture
def train(
    image_folder: Callable[..., Path], small_weights: Path, tmp_path: Path
) -> Callable[..., tuple[Path, Path]]:
    """Train a linear head; the folder, and the run."""

    def make(**more: Any) -> tuple[Path, Path]:
        backbone = {"backbone": "mobilenet_025", "weights": str(small_weights), "image_size": 32}
        folder = image_folder(per_class=20)
        flags = backbone | {"policy": "linear_head"} | more
        api.finetune(folder, flags=flags, out=tmp_path / "run")
        return folder, tmp_path / "run"

    return make


def test_without_its_pictures_and_moved_it_exports_the_same_file(
    train: Callable[..., tuple[Path, Path]], tmp_path: Path, own_cache: Path
) -> None:
    folder, run = train()
    (before,) = api.export(run, [("tflite", "int8")], out=tmp_path / "before", max_drop=0.5)
    shutil.rmtree(folder)
    shutil.rmtree(own_cache)
    run.rename(tmp_path / "elsewhere")
    (after,) = api.export(tmp_path / "elsewhere", [("tflite", "int8")], max_drop=0.5)
    assert after.path.read_bytes() == before.path.read_bytes()
    assert (before.checked_on, after.checked_on) == ("val", "sample of val")
    assert (after.n_checked, after.accuracy) == (before.n_checked, before.accuracy)
    checked, _ = api.check(after.path)
    assert checked.passed and 0 < len(checked.contract.golden) <= 6


def test_pictures_that_are_named_are_used_or_missed(
    train: Callable[..., tuple[Path, Path]], tmp_path: Path
) -> None:
    folder, run = train()
    folder.rename(tmp_path / "moved")
    (found,) = api.export(run, [("tflite", "none")], data=tmp_path / "moved")
    assert found.checked_on == "val"
    _, report = api.evaluate(run, data=tmp_path / "moved")
    assert report.split == "test"
    with pytest.raises(DataError, match="missing"):
        api.evaluate(run)
    for image in (tmp_path / "moved").rglob("*.png"):
        image.write_bytes(image.read_bytes() + b" ")
    with pytest.raises(DataError, match="have changed"):
        api.export(run, [("tflite", "none")], data=tmp_path / "moved")


def test_private_pictures_stay_where_they_are(
    train: Callable[..., tuple[Path, Path]], tmp_path: Path
) -> None:
    folder, run = train(keep_samples=False)
    assert not RunDirectory(run).samples.exists()
    assert read_plan(run / "plan.yaml").images.keep_samples is False
    (found,) = api.export(run, [("tflite", "none")])
    assert read_contract(found.path)[0].golden == ()
    assert not (found.path.parent / "golden").exists()
    folder.rename(tmp_path / "moved")
    with pytest.raises(DataError, match="keeps no samples") as error:
        api.export(run, [("tflite", "none")])
    assert "--data" in error.value.hint


@pytest.mark.parametrize("keep", [True, False])
def test_only_pictures_that_are_not_private_stand_in_the_report(
    train: Callable[..., tuple[Path, Path]], keep: bool
) -> None:
    _, run = train(keep_samples=keep)
    page = (run / "report.html").read_text("utf-8")
    assert ("<img" in page) is keep and (".png" in page) is keep


def test_a_golden_picture_that_changed_in_the_run_is_a_fault(
    train: Callable[..., tuple[Path, Path]],
) -> None:
    _, run = train()
    next((run / "samples" / "golden").iterdir()).write_bytes(b"other")
    with pytest.raises(RunError, match="was changed"):
        api.export(run, [("tflite", "none")])


def test_check_needs_no_tensorflow(train: Callable[..., tuple[Path, Path]], tmp_path: Path) -> None:
    folder, run = train()
    (artifact,) = api.export(run, [("tflite", "none")], out=tmp_path / "out")

    def check(*words: object) -> tuple[int, Any]:
        done = subprocess.run(
            [sys.executable, "-c", CHECK_WITHOUT_TENSORFLOW, *map(str, words)],
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
            capture_output=True,
            text=True,
        )
        assert not done.stderr
        return done.returncode, json.loads(done.stdout)

    code, document = check(artifact.path, folder)
    assert code == 0 and document["passed"]
    assert {check["verdict"] for check in document["checks"]} == {"kept"}
    assert document["report"]["n"] == 60
    code, document = check(tmp_path / "out" / "nowhere.tflite")
    assert code == 2 and "does not exist" in document["error"]
    (tmp_path / "out" / "golden").rename(tmp_path / "golden")
    assert check(artifact.path)[0] == 1
