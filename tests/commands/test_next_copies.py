"""Images to be labeled next are copied beside a table, where labels or a number are learned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import draw_image
from tests.target_runs import labels_table, number_table
from tlearn import api
from tlearn.errors import DataError

Trained = Callable[[Callable[[Path], Path]], Path]


@pytest.fixture
def train(tiny_backbone_flags: dict[str, Any], tmp_path: Path) -> Trained:
    def make(table: Callable[[Path], Path]) -> Path:
        flags = tiny_backbone_flags | {"policy": "linear_head"}
        api.finetune(table(tmp_path / "images"), flags=flags, out=tmp_path / "run")
        return tmp_path / "run"

    return make


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for n in range(12):
        draw_image(["circle", "square", "stripes"][n % 3], 9_000 + n).save(folder / f"{n}.png")
    (folder / "copy.png").write_bytes((folder / "0.png").read_bytes())
    return folder


@pytest.mark.parametrize(
    ("table", "header"), [(labels_table, "path,circle,square"), (number_table, "path,label")]
)
def test_a_guessed_table_can_be_added_to_the_run(
    train: Trained, photos: Path, tmp_path: Path, table: Callable[[Path], Path], header: str
) -> None:
    run, out = train(table), tmp_path / "to-label"
    result = api.next_images(run, [photos], count=5, out=out, by_guess=True)
    assert len(result.images) == 5 and result.n_copies == 1 and not result.refused
    worth = [image.worth for image in result.images]
    assert worth == sorted(worth, reverse=True)
    assert result.expected_gain is None and "learning curve" in result.no_gain
    first, *rows = (out / "labels.csv").read_text().splitlines()
    assert first == header
    assert [row.split(",")[0] for row in rows] == [image.copy for image in result.images]
    assert all((out / row.split(",")[0]).is_file() for row in rows)
    assert sum(api.update(run, out / "labels.csv", dry_run=True).added.values()) == 5


def test_a_table_without_guesses_is_refused_until_it_is_filled_in(
    train: Trained, photos: Path, tmp_path: Path
) -> None:
    run, out = train(number_table), tmp_path / "to-label"
    api.next_images(run, [photos], count=2, out=out)
    with pytest.raises(DataError, match="'' is not a number"):
        api.update(run, out / "labels.csv")
    assert not [path for path in out.iterdir() if path.is_dir()], "no folders of classes"
