"""The good things that the attack breaks: images, a run, exported files, a cache."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.attack.process import run_command
from tests.conftest import draw_folder

SMALL = "{small}"
"""Stands in a command line for the flags that choose a small backbone."""
FORMATS = ("tflite", "saved-model", "onnx", "openvino")


@dataclass(frozen=True)
class Workshop:
    """Folders that are made once and copied for each case.

    Attributes:
        folder: Holds all of them.
        flags: What `SMALL` stands for.
    """

    folder: Path
    flags: tuple[str, ...] = ("--backbone", "builtin", "--image-size", "32")

    @property
    def variables(self) -> dict[str, str]:
        """Return the environment of every command."""
        root = str(Path(__file__).parents[2])
        return {"TLEARN_CACHE": str(self.cache), "PYTHONPATH": root, "COLUMNS": "100"}

    @property
    def cache(self) -> Path:
        """The cache that all cases share."""
        return self.folder / "cache"

    def copy(self, name: str, **beside: bytes) -> Copy:
        """Return what puts `images`, `run` or `export` into a case, and files beside it."""
        return Copy(self.folder / name, tuple(beside.items()))

    def build(self, exports: tuple[str, ...] = FORMATS) -> Workshop:
        """Make what is missing; the commands work, else nothing can be said of broken ones."""
        if not (self.folder / "images").exists():
            draw_folder(self.folder / "images", per_class=8)
            draw_folder(self.folder / "many", per_class=40)
        if not (self.folder / "run").exists():
            self._run("finetune", "images", SMALL, "--policy", "linear-head", "--out", "run")
        if exports and not (self.folder / "export").exists():
            flags = [f"--{name}" for name in exports]
            self._run("export", "run", *flags, "--out", "export", "--max-drop", "100")
        return self

    def fill(self, line: Sequence[str], places: Mapping[str, str]) -> list[str]:
        """Return a command line with flags and places in it."""
        words = [part for word in line for part in (self.flags if word == SMALL else (word,))]
        return [filled(word, places) for word in words]

    def _run(self, *line: str) -> None:
        output = self.folder / "output"
        answer = run_command(self.fill(line, {}), self.folder, self.variables, 300, output)
        output.unlink()
        if answer.code:
            raise SystemExit(f"tlearn {' '.join(line)} fails:\n{answer.text}")


def filled(word: str, places: Mapping[str, str]) -> str:
    """Return a word with places put in, such as `{out}`."""
    for name, place in places.items():
        word = word.replace(name, place)
    return word


@dataclass(frozen=True)
class Copy:
    """Puts a folder of the workshop into a case; equal ones are the same preparation.

    Attributes:
        source: The folder.
        beside: Names and contents of files to put beside it.
    """

    source: Path
    beside: tuple[tuple[str, bytes], ...] = ()

    def __call__(self, user: Path) -> None:
        """Copy it into a folder, under its own name."""
        shutil.copytree(self.source, user / self.source.name)
        for name, data in self.beside:
            (user / name).write_bytes(data)
