"""`tlearn demo`: the whole road on real pictures, in a minute and without a network."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from tlearn.cli import render
from tlearn.cli.progress import console, print_result

_BACKBONE = ["--backbone", "builtin"]


def demo(
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="Where the pictures go; new, or empty."),
    ] = Path("tlearn-demo"),
) -> None:
    """Write a folder of handwritten digits and do everything with it.

    Runs suggest, finetune, evaluate and export, each printed before it runs, and
    ends with what the exported file says of a digit that nobody has shown it.

    Example: [cyan]tlearn demo[/]
    """
    from tlearn.commands.demo import classify_digit, write_digits

    digits, unseen = write_digits(folder)
    run = folder / "run"
    _run("suggest", digits, *_BACKBONE)
    # A mirrored 2 is no 2.
    _run("finetune", digits, *_BACKBONE, "--no-horizontal-flip", "--out", run)
    _run("evaluate", run)
    _run("export", run, "--tflite")
    (file,) = (run / "export").glob("*.tflite")
    label, probability = classify_digit(file, unseen)
    print_result(
        Text.assemble(
            f"\nA {unseen.stem.split('_')[1]} that is not among the pictures, ",
            f"{render.near(unseen)}: {render.near(file)} says ",
            (label, render.ACCENT),
            f" ({render.percent(probability)}).",
        ),
        render.next_step("tlearn finetune YOUR_FOLDER"),
    )


def _run(*words: object) -> None:
    line = [str(word) for word in words]
    console(sys.stdout).print(Text(f"\n$ tlearn {shlex.join(line)}", "bold"))
    sys.stdout.flush()
    done = subprocess.run([sys.executable, "-m", "tlearn", *line])
    if done.returncode:
        raise typer.Exit(done.returncode)
