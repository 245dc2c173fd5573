"""Folders laid out file by file; folders nested deeper than Python's stack."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import draw_image

Nest = Callable[..., None]
Lay = Callable[..., Path]


def label_table(folder: Path, labels: Sequence[str], header: str = "path,label") -> Path:
    """Write a table of drawn images, "0.png" and so on, with these labels."""
    for n in range(len(labels)):
        draw_image("circle", n).save(folder / f"{n}.png")
    rows = [f"{n}.png,{label}" for n, label in enumerate(labels)]
    path = folder / "list.csv"
    path.write_text("\n".join([header, *rows]))
    return path


@pytest.fixture
def lay(tmp_path: Path) -> Lay:
    """Make files in a folder: `lay("train/cat/1.png", "labels/1.txt")`, and return the folder.

    `lay(..., times=3)` makes "1.png", "2.png" and "3.png" of every name that ends with "1.png".
    """

    def make(*names: str, times: int = 1, root: str = "data") -> Path:
        for n, name in enumerate(names):
            for i in range(times if name.endswith("1.png") else 1):
                path = tmp_path / root / name.removesuffix("1.png")
                path = path / f"{i + 1}.png" if name.endswith("/1.png") else tmp_path / root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                if path.suffix in (".png", ".jpg"):
                    Image.new("RGB", (8, 8), (n, i, 0)).save(path)
                else:
                    path.write_text("x")
        return tmp_path / root

    return make


@pytest.fixture
def nest() -> Iterator[Nest]:
    """Nest folders below one: `nest(folder, depth=1500)`; they are gone after the test."""
    made: list[tuple[Path, str]] = []

    def wrap(folder: Path, depth: int, name: str = "d") -> None:
        made.append((folder, name))
        for _ in range(depth):
            outer = folder / "outer"
            outer.mkdir(parents=True)
            if (folder / name).exists():
                (folder / name).rename(outer / name)
            outer.rename(folder / name)

    yield wrap
    for folder, name in made:  # pytest could not remove them
        while (folder / name / name).exists():
            (folder / name / name).rename(folder / "inner")
            (folder / name).rmdir()
            (folder / "inner").rename(folder / name)
