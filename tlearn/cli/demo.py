"""`tlearn demo`: every step on real images, in about a minute and without a network."""

from __future__ import annotations

import shlex
import subprocess
import sys
from itertools import chain, count
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from tlearn.cli import options
from tlearn.cli.display.formats import percent, relative_path
from tlearn.cli.display.progress import console, print_result
from tlearn.cli.display.widgets import ACCENT, next_steps

_BACKBONE = ["--backbone", "builtin"]


def demo(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="Where the images go: a new or empty folder, or that of an earlier demo.",
        ),
    ] = Path("tlearn-demo"),
    quiet: options.Quiet = False,
) -> None:
    """Try everything on a folder of handwritten digits, offline, in about a minute.

    Runs suggest, finetune, evaluate and export, prints each command before it runs,
    and finally classifies an unseen digit with the exported file. A second demo
    takes the same images and keeps the first run.

    Example: [cyan]tlearn demo[/]
    """
    from tlearn.commands.demo import classify_digit, write_digits

    digits, unseen = write_digits(folder)
    n_images = sum(1 for _ in digits.glob("*/*.png"))
    print_result(Text(f"{n_images} images of handwritten digits are in {relative_path(digits)}"))
    run = _new_run(folder)
    silent = ["--quiet"] * quiet
    _run("1 of 4: measure the images", "suggest", digits, *_BACKBONE, *silent)
    # A mirrored 2 is no 2.
    train = ("finetune", digits, *_BACKBONE, "--no-horizontal-flip", "--out", run)
    _run("2 of 4: train", *train, *silent)
    _run("3 of 4: score it on images it has not seen", "evaluate", run, *silent)
    _run("4 of 4: write a file for a phone", "export", run, "--tflite", *silent)
    (file,) = (run / "export").glob("*.tflite")
    label, probability = classify_digit(file, unseen)
    print_result(
        Text.assemble(
            f"\nOf {relative_path(unseen)}, which was not among the training images, ",
            f"{relative_path(file)} says: ",
            (label, ACCENT),
            f" ({percent(probability)}). The truth is {unseen.stem.split('_')[1]}.",
        ),
        next_steps({"tlearn finetune YOUR_FOLDER": "one subfolder of images per class"}),
    )


def _new_run(folder: Path) -> Path:
    """Return FOLDER/run, or FOLDER/run-2 and so on where an earlier demo left one."""
    names = chain(["run"], (f"run-{number}" for number in count(2)))
    return next(folder / name for name in names if not (folder / name).exists())


def _run(step: str, *words: object) -> None:
    line = [str(word) for word in words]
    command = Text.assemble(f"\n{step}\n", (f"$ tlearn {shlex.join(line)}", "bold"))
    console(sys.stdout).print(command, soft_wrap=True)
    sys.stdout.flush()
    process = subprocess.run([sys.executable, "-m", "tlearn", *line])
    if process.returncode:
        raise typer.Exit(process.returncode)
