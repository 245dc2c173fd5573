"""The first command that people try goes through to the end, and overwrites nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tlearn.commands.demo import write_digits
from tlearn.errors import DataError, HostError


def tlearn(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tlearn", *words],
        cwd=folder,
        env=os.environ | {"COLUMNS": "100"},
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_the_whole_road_on_digits(tmp_path: Path) -> None:
    done = tlearn(tmp_path, "demo", "first")
    assert done.returncode == 0, done.stderr
    commands = [line.split()[2] for line in done.stdout.splitlines() if line.startswith("$ ")]
    assert commands == ["suggest", "finetune", "evaluate", "export"]
    assert (tmp_path / "first/run/export/model.tflite").is_file()
    unseen = next((tmp_path / "first").glob("digit_*.png")).stem[-1]
    words = " ".join(done.stdout.split())
    assert f"model.tflite says: {unseen} (" in words
    again = tlearn(tmp_path, "demo", "first")
    assert again.returncode == 2 and "is not empty" in again.stderr


def test_digits_are_a_folder_of_images_and_one_more(tmp_path: Path) -> None:
    digits, unseen = write_digits(tmp_path / "demo", per_class=3)
    files = sorted(digits.rglob("*.png"))
    assert [path.parent.name for path in files] == [str(d) for d in range(10) for _ in range(3)]
    assert len({path.read_bytes() for path in [*files, unseen]}) == 31
    with Image.open(files[0]) as image:
        assert image.size == (64, 64)
        corner, darkest = image.getpixel((0, 0)), image.getextrema()[0]
    assert corner > 240 and darkest < 30  # ink on paper
    with pytest.raises(DataError, match="not empty"):
        write_digits(tmp_path / "demo")
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="not a folder"):
        write_digits(tmp_path / "file")
    with pytest.raises(HostError, match="cannot write"):
        write_digits(tmp_path / "file" / "inside")
