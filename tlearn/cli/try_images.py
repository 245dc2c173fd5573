"""`tlearn try`: answer images on a page in the browser."""

from __future__ import annotations

import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rich.text import Text

from tlearn.cli import options
from tlearn.cli.display.formats import escape_control, pluralize, relative_path
from tlearn.cli.display.progress import Display, print_result
from tlearn.cli.display.widgets import next_steps
from tlearn.cli.serve import run as run_server

if TYPE_CHECKING:
    from tlearn.commands.try_images import Trial

_Into = Annotated[
    Path | None,
    options.option(
        "Folder for images whose class is corrected. Default: corrections/ in the run.", "FOLDER"
    ),
]
_Port = Annotated[
    int,
    options.option("Port to listen on. Default: one that is free.", "N", min=0, max=65_535),
]
_NoOpen = Annotated[bool, options.switch("Do not open the browser.", "--no-open")]


def try_images(
    run: options.Run = None,
    into: _Into = None,
    port: _Port = 0,
    no_open: _NoOpen = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Answer images on a page in the browser.

    Drop images on it, paste them, choose them, or use the camera. A press on the
    right class files a copy of an image for tlearn update. The page is on this
    machine alone, and asks nothing of any other.

    Example: [cyan]tlearn try[/]
    With an older run: [cyan]tlearn try runs/20260101-120000-deep[/]
    """
    # Not by way of `api`, which imports every command.
    from tlearn.commands import try_images as command

    with Display(as_json, quiet) as display:
        trial = command.try_images(run, into, port, progress=display)
    url = trial.prepared.url
    if not (no_open or as_json):
        # A browser in the terminal does not return before it is closed.
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
    path = str(trial.run.path)
    told = f"the model of {escape_control(relative_path(path))} answers at {url}"
    run_server(trial.prepared, {"run": path}, [Text(told)], as_json)
    if not as_json:
        _closing(trial)


def _closing(trial: Trial) -> None:
    """Say what was filed, and how to train on it."""
    filed = trial.corrections.filed if trial.corrections else {}
    if filed:
        images = f"{pluralize(len(filed), 'image')} filed"
        print_result(Text(images), next_steps({escape_control(trial.update): "train on them too"}))
