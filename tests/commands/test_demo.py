"""Digits to try everything on, and what a phone would say of one more."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tlearn import api
from tlearn.commands.demo import classify_digit, write_digits
from tlearn.errors import DataError, HostError


def test_digits_are_a_folder_of_images_and_one_more(tmp_path: Path) -> None:
    digits, unseen = write_digits(tmp_path / "demo", per_class=3)
    files = sorted(digits.rglob("*.png"))
    assert [path.parent.name for path in files] == [str(d) for d in range(10) for _ in range(3)]
    assert len({path.read_bytes() for path in [*files, unseen]}) == 31
    with Image.open(files[0]) as image:
        assert image.size == (64, 64)
        corner, darkest = image.getpixel((0, 0)), image.getextrema()[0]
    assert corner > 240 and darkest < 30  # ink on paper
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="not a folder"):
        write_digits(tmp_path / "file")
    with pytest.raises(HostError, match="cannot write"):
        write_digits(tmp_path / "file" / "inside")


def test_a_second_demo_takes_the_images_of_the_first(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    digits, unseen = write_digits(folder, per_class=3)
    content = {path: path.read_bytes() for path in (*digits.rglob("*.png"), unseen)}
    (folder / "run").mkdir()
    next(digits.rglob("*.png")).unlink()
    assert write_digits(folder, per_class=3) == (digits, unseen)
    assert {path: path.read_bytes() for path in (*digits.rglob("*.png"), unseen)} == content


@pytest.mark.parametrize("other", ["note.txt", "digits/0/mine.png", "digits/0/000.png"])
def test_a_folder_with_anything_else_is_left_alone(other: str, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    if other.startswith("digits"):
        write_digits(folder, per_class=3)
    (folder / other).parent.mkdir(parents=True, exist_ok=True)
    (folder / other).write_text("mine")
    before = sorted(folder.rglob("*"))
    with pytest.raises(DataError, match="not empty"):
        write_digits(folder, per_class=3)
    assert sorted(folder.rglob("*")) == before and (folder / other).read_text() == "mine"


def test_an_exported_file_names_a_class_as_the_run_does(
    finished_run: Path, run_images: Path
) -> None:
    (artifact,) = api.export(finished_run, [("tflite", "none")])
    image = next(run_images.rglob("*.png"))
    (expected,) = api.predict(finished_run, [image])
    label, probability = classify_digit(artifact.path, image)
    assert label == expected.label
    assert probability == pytest.approx(expected.probability, abs=1e-4)
