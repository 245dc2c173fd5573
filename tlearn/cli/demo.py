"""`tlearn demo`: every step on real images, in about a minute and without a network."""

from __future__ import annotations

import shlex
import subprocess
import sys
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
        typer.Argument(metavar="FOLDER", help="Where the images go; a new or empty folder."),
    ] = Path("tlearn-demo"),
    quiet: options.Quiet = False,
) -> None:
    """Try everything on a folder of handwritten digits, offline, in about a minute.

    Runs suggest, finetune, evaluate and export, prints each command before it runs,
    and finally classifies an unseen digit with the exported file.

    Example: [cyan]tlearn demo[/]
    """
    from tlearn.commands.demo import classify_digit, write_digits

    digits, unseen = write_digits(folder)
    run = folder / "run"
    silent = ["--quiet"] * quiet
    _run("suggest", digits, *_BACKBONE, *silent)
    # A mirrored 2 is no 2.
    _run("finetune", digits, *_BACKBONE, "--no-horizontal-flip", "--out", run, *silent)
    _run("evaluate", run, *silent)
    _run("export", run, "--tflite", *silent)
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


def _run(*words: object) -> None:
    line = [str(word) for word in words]
    command = Text(f"\n$ tlearn {shlex.join(line)}", "bold")
    console(sys.stdout).print(command, soft_wrap=True)
    sys.stdout.flush()
    process = subprocess.run([sys.executable, "-m", "tlearn", *line])
    if process.returncode:
        raise typer.Exit(process.returncode)
