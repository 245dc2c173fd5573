"""Images worth a label are chosen, copied, and told apart from the others."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import SHAPES, draw_image
from tests.finished_run import Train, name_images
from tlearn import api
from tlearn.errors import DataError, HostError


@pytest.fixture
def photos(tmp_path: Path, run_images: Path) -> Path:
    """Twelve images that are new, two copies of one, one of the run, a stranger, a broken file."""
    folder = tmp_path / "photos"
    (folder / "deep" / "er").mkdir(parents=True)
    for number in range(12):
        shape = list(SHAPES)[number % 3]
        draw_image(shape, 50_000 + number).save(folder / f"{number:02}.png")
    first = Image.open(folder / "00.png")
    first.save(folder / "deep" / "00.png", compress_level=1)
    first.resize((96, 96), Image.Resampling.BICUBIC).save(folder / "deep" / "er" / "large.jpg")
    known = next(run_images.rglob("*.png"))
    Image.open(known).save(folder / "known.bmp")
    bars = np.indices((48, 48))[0] // 2 % 2 * 255
    Image.fromarray(bars.astype(np.uint8)).save(folder / "bars.png")
    (folder / "broken.jpg").write_bytes(b"")
    return folder


def names(result: api.NextImages) -> list[str]:
    return [Path(image.prediction.name).name for image in result.images]


def test_every_image_is_chosen_or_accounted_for(
    finished_run: Path, photos: Path, converted: None
) -> None:
    result = api.next_images(finished_run, [photos], count=100)
    assert (result.n_looked_at, result.n_copies, result.n_in_run) == (17, 2, 1)
    assert [Path(name).name for name in result.problems] == ["broken.jpg"]
    assert "bars.png" in [Path(image.name).name for image in result.refused]
    assert len(result.images) + len(result.refused) == 13
    assert len({*names(result)}) == len(result.images), "no image and its copy"
    worth = [image.worth for image in result.images]
    assert worth == sorted(worth, reverse=True)
    assert result.expected_gain is not None and 0 <= result.expected_gain < 0.2
    half = api.next_images(finished_run, [photos])
    assert names(half) == names(result)[: -(-len(result.images) // 2)]
    everything = api.next_images(finished_run, [photos], count=100, with_refused=True)
    assert len(everything.images) == 13 and not everything.refused


def test_copies_go_beside_the_folders_of_classes_and_replace_nothing(
    finished_run: Path, photos: Path, converted: None, tmp_path: Path
) -> None:
    shutil.copy(photos / "01.png", photos / "deep" / "02.png")
    (photos / "01.png").unlink()  # now two different images are called 02.png
    before = sorted(photos.rglob("*"))
    out = tmp_path / "label"
    result = api.next_images(finished_run, [photos], count=100, out=out, with_refused=True)
    copied = {Path(image.prediction.name): out / str(image.copy) for image in result.images}
    assert {*copied.values()} == {path for path in out.iterdir() if path.is_file()}
    assert all(old.read_bytes() == new.read_bytes() for old, new in copied.items())
    assert {path.name for path in out.iterdir() if path.is_dir()} == {*list(SHAPES)[:3]}
    assert (out / "02.png").exists() and (out / "02-1.png").exists()
    assert sorted(photos.rglob("*")) == before
    with pytest.raises(DataError, match="not empty"):
        api.next_images(finished_run, [photos], out=out)
    with pytest.raises(HostError):
        api.next_images(finished_run, [photos], out=photos / "00.png")
    guessed = api.next_images(finished_run, [photos], out=tmp_path / "guessed", by_guess=True)
    for image in guessed.images:
        assert str(image.copy) == f"{image.prediction.top[0][0]}/{Path(image.prediction.name).name}"
        assert (tmp_path / "guessed" / str(image.copy)).is_file()


def test_nothing_is_left_to_choose_from_the_images_of_the_run(
    finished_run: Path, run_images: Path, converted: None, tmp_path: Path
) -> None:
    result = api.next_images(finished_run, [run_images], out=tmp_path / "out")
    assert not result.images and result.n_in_run == result.n_looked_at == 60
    assert result.expected_gain is None and not (tmp_path / "out").exists()
    (tmp_path / "broken.png").write_bytes(b"")
    with pytest.raises(DataError, match="no image can be read"):
        api.next_images(finished_run, [tmp_path / "broken.png"])


def test_a_run_whose_images_are_gone_still_chooses_and_knows_no_gain(
    finished_run: Path, photos: Path, converted: None, tmp_path: Path
) -> None:
    name_images(finished_run, tmp_path / "gone")
    result = api.next_images(finished_run, [photos])
    assert result.images and result.n_copies == 2
    assert result.expected_gain is None and "--data" in result.no_gain


def test_a_tuned_run_chooses_and_knows_no_gain(train: Train, photos: Path, tmp_path: Path) -> None:
    _, run = train(policy="top_stages", epochs=1)
    result = api.next_images(run.path, [photos], count=3)
    assert len(result.images) == 3
    assert result.expected_gain is None and "untouched" in result.no_gain
