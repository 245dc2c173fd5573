"""Images with labels, or a number, are added to a run as those of classes are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.target_runs import labels_table, number_table
from tlearn import api
from tlearn.data.manifest import read_manifest
from tlearn.errors import DataError


@pytest.fixture
def train(tiny_backbone_flags: dict[str, Any], tmp_path: Path) -> Callable[..., Path]:
    def make(table: Callable[[Path], Path]) -> Path:
        flags = tiny_backbone_flags | {"policy": "linear_head"}
        api.finetune(table(tmp_path / "images"), flags=flags, out=tmp_path / "run")
        return tmp_path / "run"

    return make


def test_old_images_keep_their_split_and_both_models_answer_the_same_images(
    train: Callable[..., Path], tmp_path: Path
) -> None:
    run = train(number_table)
    old = read_manifest(run / "split.csv")
    result = api.update(run, number_table(tmp_path / "more", 100, 40))
    assert result.run is not None and result.released and result.verdict is not None
    now = read_manifest(result.run.path / "split.csv")
    assert now.names[: len(old.names)] == old.names and now.splits[: len(old.names)] == old.splits
    assert old.targets is not None and now.targets is not None
    assert (now.targets[: len(old.names)] == old.targets).all()
    assert min(result.added.values()) > 0 and sum(result.added.values()) == 40
    both = result.verdict.all
    assert both.n == now.count("test") and result.verdict.own.n == old.count("test")
    report = result.target_reports["test"]
    assert api.evaluate(result.run.path).report.headline() == report.headline()  # type: ignore[union-attr]


def test_a_model_that_wrong_numbers_made_worse_is_not_released(
    train: Callable[..., Path], tmp_path: Path
) -> None:
    result = api.update(train(number_table), number_table(tmp_path / "more", 100, 60, wrong=True))
    assert not result.released
    assert result.verdict is not None and result.verdict.worse_on is not None


def test_labels_are_added_copies_are_not_and_a_new_label_is_refused(
    train: Callable[..., Path], tmp_path: Path
) -> None:
    run = train(labels_table)
    more = labels_table(tmp_path / "more")
    table = [line.split(",") for line in more.read_text().splitlines()]
    for n in range(20, 60):
        image = np.asarray(Image.open(more.parent / f"{n}.png"))[:, ::-1]
        Image.fromarray(image).save(more.parent / f"{n}.png")
    table[1][1] = "1"  # the first has no circle in the run
    more.write_text("\n".join(map(",".join, table)))
    result = api.update(run, more)
    assert len(result.additions.copies) == 19 and sum(result.added.values()) == 40
    (relabeled,) = result.additions.relabeled
    assert (relabeled.old_class, relabeled.new_class) == ("(no label)", "circle")
    assert result.plan.split.classes == ("circle", "square")
    more.write_text(more.read_text().replace("square", "cross"))
    with pytest.raises(DataError, match="labels that the model does not know: 'cross'"):
        api.update(run, more)
