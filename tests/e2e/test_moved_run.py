"""A run alone, moved, without the images it was trained on: export and check go on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import Program
from tests.finished_run import Train, name_images
from tlearn import api
from tlearn.artifacts.contract_file import read_contract
from tlearn.errors import DataError, RunError
from tlearn.recipe.plan_file import read_plan

LITERT = [("tflite", "none")]

CHECK_WITHOUT_TENSORFLOW = """
import json, sys
sys.modules["tensorflow"] = sys.modules["keras"] = None
from typer.testing import CliRunner
from tlearn.cli.app import app
for words in json.load(sys.stdin):
    result = CliRunner().invoke(app, ["check", *words, "--json", "--quiet"])
    print(json.dumps([result.exit_code, json.loads(result.stdout)]))
"""


@pytest.fixture
def images(linear_head_run: Path, finished_run: Path, tmp_path: Path) -> Path:
    """The images of `finished_run`, in a place of their own: they may be moved and removed."""
    folder = shutil.copytree(linear_head_run / "images", tmp_path / "images")
    name_images(finished_run, folder)
    return folder


def test_without_its_images_and_moved_it_exports_the_same_file(
    finished_run: Path, images: Path, tmp_path: Path, own_cache: Path
) -> None:
    int8 = [("tflite", "int8")]
    options = api.ExportOptions(max_drop=0.5)
    (before,) = api.export(finished_run, int8, options=options, out=tmp_path / "before")
    shutil.rmtree(images)
    shutil.rmtree(own_cache)
    finished_run.rename(tmp_path / "elsewhere")
    (after,) = api.export(tmp_path / "elsewhere", int8, options=options)
    assert after.path.read_bytes() == before.path.read_bytes()
    assert (before.checked_on, after.checked_on) == ("val", "sample of val")
    assert (after.n_checked, after.accuracy) == (before.n_checked, before.accuracy)
    checked = api.check(after.path).verification
    assert checked.passed and 0 < len(checked.contract.golden) <= 6


def test_images_that_are_named_are_used_or_missed(
    finished_run: Path, images: Path, tmp_path: Path
) -> None:
    moved = images.rename(tmp_path / "moved")
    (artifact,) = api.export(finished_run, LITERT, data=moved)
    assert artifact.checked_on == "val"
    report = api.evaluate(finished_run, data=moved).report
    assert report.split == "test"
    with pytest.raises(DataError, match="missing"):
        api.evaluate(finished_run)
    for image in moved.rglob("*.png"):
        image.write_bytes(image.read_bytes() + b" ")
    with pytest.raises(DataError, match="have changed"):
        api.export(finished_run, LITERT, data=moved)


def test_private_images_stay_where_they_are(
    image_folder: Callable[..., Path], train: Train, tmp_path: Path
) -> None:
    folder = image_folder(per_class=20)
    _, run = train(folder, keep_samples=False)
    assert not run.samples.exists()
    assert read_plan(run.plan_path).images.keep_samples is False
    (artifact,) = api.export(run.path, LITERT)
    assert read_contract(artifact.path)[0].golden == ()
    assert not (artifact.path.parent / "golden").exists()
    folder.rename(tmp_path / "moved")
    with pytest.raises(DataError, match="keeps no samples") as error:
        api.export(run.path, LITERT)
    assert "--data" in error.value.hint


def test_only_images_that_are_not_private_stand_in_the_report(
    finished_run: Path,
    run_images: Path,
    tiny_backbone_flags: dict[str, str],
    converted: None,
    tmp_path: Path,
) -> None:
    flags = tiny_backbone_flags | {"policy": "linear_head", "keep_samples": False}
    api.finetune(run_images, flags=flags, out=tmp_path / "private")
    for run, shown in ((finished_run, True), (tmp_path / "private", False)):
        page = (run / "report.html").read_text("utf-8")
        assert ("<img" in page) is shown and (".png" in page) is shown


def test_a_golden_image_that_changed_in_the_run_is_an_error(finished_run: Path) -> None:
    next((finished_run / "samples" / "golden").iterdir()).write_bytes(b"other")
    with pytest.raises(RunError, match="was changed"):
        api.export(finished_run, LITERT)


def test_check_needs_no_tensorflow(
    finished_run: Path, run_images: Path, tlearn: Program, tmp_path: Path
) -> None:
    (artifact,) = api.export(finished_run, LITERT, out=tmp_path / "out")
    alone = shutil.copytree(tmp_path / "out", tmp_path / "alone")
    shutil.rmtree(alone / "golden")
    lines = [[artifact.path, run_images], [tmp_path / "nowhere.tflite"], [alone / "model.tflite"]]
    words = json.dumps([[str(word) for word in line] for line in lines])
    done = tlearn.python("-c", CHECK_WITHOUT_TENSORFLOW, stdin=words)
    assert not done.stderr and "jax" not in tlearn.heavy()
    whole, missing, robbed = (json.loads(line) for line in done.stdout.splitlines())

    code, document = whole
    assert code == 0 and document["passed"]
    assert {check["verdict"] for check in document["checks"]} == {"kept"}
    assert "known" in [check["name"] for check in document["checks"]]
    assert document["report"]["n"] == 60
    code, document = missing
    assert code == 2 and "does not exist" in document["error"]
    assert robbed[0] == 1
