"""A run that was stopped goes on to the weights of one that never was."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import draw_folder
from tlearn import api
from tlearn.errors import RunError
from tlearn.runs.directory import RunDirectory


class StoppedError(Exception):
    """What ends a training from outside."""


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return draw_folder(tmp_path / "images", per_class=12)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, below which runs/ is made."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "run"


@pytest.fixture
def asked(tiny_backbone_flags: dict[str, Any]) -> dict[str, Any]:
    return tiny_backbone_flags | {"policy": "top_stages", "epochs": 3, "augmentation": "light"}


@pytest.fixture
def stopped(
    images: Path, asked: dict[str, Any], converted: None, undrawn: None
) -> Callable[..., None]:
    """Train until the end of an epoch, and no further: `stopped(epoch, **options)`."""

    def train(epoch: int, **options: Any) -> None:
        def stop(record: Any) -> None:
            if record["epoch"] == epoch + 1:
                raise StoppedError

        with pytest.raises(StoppedError):
            api.finetune(images, flags=asked, on_epoch=stop, **options)

    return train


def weights(run: RunDirectory | None) -> bytes:
    assert run is not None
    return run.model_path.read_bytes()


def test_the_same_command_goes_on_to_the_same_model(
    images: Path, asked: dict[str, Any], stopped: Callable[..., None], tmp_path: Path, out: Path
) -> None:
    reference = api.finetune(images, flags=asked, out=tmp_path / "reference")
    assert reference.resumed_from_epoch is None
    stopped(1, out=out)
    result = api.finetune(images, flags=asked, out=out)
    assert result.resumed_from_epoch == 1
    assert weights(result.run) == weights(reference.run)
    assert result.reports["val"].accuracy == reference.reports["val"].accuracy
    assert [record["epoch"] for record in RunDirectory(out).epochs.read()] == [0, 1, 2, 3]
    assert result.interpolation == reference.interpolation


def test_a_run_whose_head_reads_several_stages_goes_on(
    images: Path, asked: dict[str, Any], stopped: Callable[..., None], out: Path, tmp_path: Path
) -> None:
    asked["head_stages"] = "last3"
    reference = api.finetune(images, flags=asked, out=tmp_path / "reference")
    stopped(1, out=out)
    result = api.finetune(images, flags=asked, out=out)
    assert result.resumed_from_epoch == 1
    assert weights(result.run) == weights(reference.run)


def test_without_a_place_of_its_own_the_newest_run_of_the_same_command_goes_on(
    images: Path, asked: dict[str, Any], stopped: Callable[..., None], here: Path
) -> None:
    stopped(2)
    other = api.finetune(images, flags=asked | {"epochs": 1})
    assert other.resumed_from_epoch is None
    result = api.finetune(resume=True)
    assert result.resumed_from_epoch == 2
    assert len(list((here / "runs").iterdir())) == 2
    with pytest.raises(RunError, match="no unfinished run"):
        api.finetune(resume=True)


def test_a_run_whose_images_changed_is_kept_and_training_begins_anew(
    images: Path, asked: dict[str, Any], stopped: Callable[..., None], here: Path
) -> None:
    stopped(1)
    draw_folder(images, per_class=13)
    result = api.finetune(images, flags=asked)
    assert result.resumed_from_epoch is None and "changed" in result.warnings[0]
    assert len(list((here / "runs").iterdir())) == 2
    with pytest.raises(RunError, match="changed after it was begun"):
        api.finetune(resume=True)


def test_a_finished_run_is_given_more_epochs(
    images: Path, asked: dict[str, Any], converted: None, undrawn: None, out: Path
) -> None:
    first = api.finetune(images, flags=asked, out=out)
    before = weights(first.run)
    with pytest.raises(RunError, match="is finished"):
        api.finetune(out, resume=True)
    with pytest.raises(RunError, match="has 3 epochs already"):
        api.finetune(out, flags={"epochs": 3}, resume=True)
    with pytest.raises(RunError, match="seed cannot change"):
        api.finetune(out, flags={"seed": 3}, resume=True)
    more = api.finetune(out, flags={"epochs": 5}, resume=True)
    assert more.resumed_from_epoch == 3 and more.run is not None and more.run.path == out
    assert [record["epoch"] for record in more.history] == [0, 1, 2, 3, 4, 5]
    assert weights(more.run) != before
    assert np.isfinite(more.reports["val"].accuracy)


def test_a_solved_head_has_no_epochs_to_add(finished_run: Path) -> None:
    with pytest.raises(RunError, match="takes no epochs"):
        api.finetune(finished_run, flags={"epochs": 5}, resume=True)


def test_a_damaged_checkpoint_means_the_beginning(
    images: Path, asked: dict[str, Any], stopped: Callable[..., None], out: Path
) -> None:
    stopped(1, out=out)
    RunDirectory(out).checkpoint_path.write_bytes(b"damaged")
    result = api.finetune(images, flags=asked, out=out)
    assert result.resumed_from_epoch is None
    shutil.rmtree(out)
    assert weights(api.finetune(images, flags=asked, out=out).run)


def test_a_stopped_run_that_is_damaged_does_not_stop_every_repeat(
    images: Path, asked: dict[str, Any], stopped: Callable[..., None], here: Path
) -> None:
    stopped(1)
    (run,) = (here / "runs").iterdir()
    (run / "plan.yaml").write_text("damaged: [")
    result = api.finetune(images, flags=asked)
    assert result.resumed_from_epoch is None and "plan or the split" in result.warnings[0]


def test_a_command_that_was_stopped_before_any_training_can_be_repeated(
    images: Path, asked: dict[str, Any], stopped: Callable[..., None], out: Path
) -> None:
    stopped(1, out=out)
    for name in ("checkpoints/last.npz", "plan.yaml", "split.csv"):
        (out / name).unlink()
    result = api.finetune(images, flags=asked, out=out)
    assert result.resumed_from_epoch is None and not result.warnings
    assert result.run is not None and result.run.path == out


def test_a_run_that_ended_with_its_time_is_given_more_epochs(
    images: Path, asked: dict[str, Any], converted: None, undrawn: None, out: Path
) -> None:
    asked = {key: value for key, value in asked.items() if key != "epochs"}
    first = api.finetune(images, flags=asked | {"seconds": 9}, out=out)
    epochs = first.plan.training.epochs + 2
    more = api.finetune(out, flags={"epochs": epochs}, resume=True)
    assert more.history[-1]["epoch"] == epochs and more.plan.training.seconds is None


def test_a_resumed_run_stays_where_and_as_it_was_begun(finished_run: Path) -> None:
    with pytest.raises(RunError, match="out, overwrite cannot change"):
        api.finetune(finished_run, out=finished_run, overwrite=True, resume=True)
