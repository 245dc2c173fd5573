"""`tlearn serve`: answer images over HTTP with an exported file."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from rich.console import RenderableType
from rich.text import Text

from tlearn.cli import options
from tlearn.cli.display.formats import relative_path
from tlearn.cli.display.progress import Display, print_json, print_result
from tlearn.cli.display.widgets import DIM, next_steps, safe_text
from tlearn.cli.process import Terminated
from tlearn.cli.units import parse_size

if TYPE_CHECKING:
    from tlearn.commands.serve import Prepared


_Artifact = Annotated[Path, options.argument("A file that tlearn export wrote.", "ARTIFACT")]
_Host = Annotated[
    str,
    options.option(
        "Address to listen on. Any other than this machine's own needs a token. Default: "
        "127.0.0.1, which only this machine reaches.",
        "ADDRESS",
    ),
]
_Port = Annotated[
    int,
    options.option("Port to listen on; 0 takes a free one. Default: 8000.", "N", min=0, max=65_535),
]
_Token = Annotated[
    str | None,
    options.option(
        "Requests have to bear it: 'Authorization: Bearer TOKEN'. Others see it in the list of "
        "processes: the variable TLEARN_TOKEN hides it.",
        "TOKEN",
        envvar="TLEARN_TOKEN",
        show_envvar=False,
    ),
]
_MaxSize = Annotated[
    float | None,
    options.option(
        "Largest body of a request. Default: 20MB.",
        "SIZE",
        parser=partial(parse_size, flag="--max-size"),
    ),
]
_Timeout = Annotated[
    float,
    options.option(
        "How long a request may take, its image's arrival included. Default: 30.",
        "SECONDS",
        min=0.1,
    ),
]
_Waiting = Annotated[
    int,
    options.option(
        "Requests that may wait for a free core; others are told to ask again. Default: 64.",
        "N",
        min=0,
    ),
]


def serve(
    artifact: _Artifact,
    host: _Host = "127.0.0.1",
    port: _Port = 8000,
    token: _Token = None,
    max_size: _MaxSize = None,
    timeout: _Timeout = 30,
    waiting: _Waiting = 64,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Answer images over HTTP with an exported file.

    POST /predict takes an image, or a form with several, and answers as tlearn
    predict --json does. GET /openapi.json describes it; GET /health says that it
    runs. Needs no run and, for a LiteRT file, no TensorFlow.

    Example: [cyan]tlearn serve model.tflite[/]
    Ask it: [cyan]curl --data-binary @photo.jpg http://127.0.0.1:8000/predict[/]
    """
    from tlearn.commands import serve as command
    from tlearn.serving.app import Limits

    limits = Limits(int(max_size or Limits.most_bytes), timeout, waiting)
    with Display(as_json, quiet) as display:
        prepared = command.serve(artifact, host, port, token or None, limits, progress=display)
    ask = f"curl --data-binary @photo.jpg {prepared.url}/predict"
    if token:
        ask += ' -H "Authorization: Bearer $TLEARN_TOKEN"'
    about = Text.assemble(safe_text(relative_path(artifact)), f" answers at {prepared.url}")
    run(prepared, {"artifact": str(artifact)}, [about, next_steps({ask: "ask it"})], as_json)


def run(
    prepared: Prepared, document: Mapping[str, Any], told: list[RenderableType], as_json: bool
) -> None:
    """Say where a server is, and run it until Ctrl-C, which is how it ends."""
    if as_json:
        print_json({**document, "url": prepared.url})
    else:
        print_result(*told, Text("Ctrl-C ends it", DIM))
    sys.stdout.flush()
    with suppress(KeyboardInterrupt, Terminated):
        prepared.run()
