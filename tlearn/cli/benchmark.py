"""`tlearn benchmark`: how fast a file is on this machine, and what it takes to start."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import RenderableType
from rich.text import Text

from tlearn.cli import options, render
from tlearn.cli.progress import Display, print_json, print_result
from tlearn.cli.render import DIM
from tlearn.errors import ExportError

if TYPE_CHECKING:
    from tlearn.artifacts.benchmark import Benchmark


def benchmark(
    artifact: Annotated[
        Path,
        typer.Argument(
            metavar="ARTEFACT", help="A file that `tlearn export` wrote.", show_default=False
        ),
    ],
    threads: Annotated[
        str | None,
        options.option("Numbers of threads to time it with. Left out: 1, 2, 4 up to all.", "N,N"),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Time an exported file on this machine: one picture, many, and the start.

    A phone differs, in speed and in what quantization is worth there; files
    made on one machine compare well on it.

    Example: [cyan]tlearn benchmark runs/20260101-120000-deep/export/model.tflite[/]
    """
    counts = parse_threads(threads) if threads is not None else []
    from tlearn import api

    with Display(as_json) as display:
        found = api.benchmark(artifact, counts, progress=display)
    if as_json:
        print_json(asdict(found) | {"path": str(found.path)})
    else:
        print_result(*draw(found))


def parse_threads(words: str) -> list[int]:
    """Numbers of threads from "1,2,4", each once, in order.

    Raises:
        ExportError: It is no list of numbers from 1 on.
    """
    numbers = [word.strip() for word in words.split(",")]
    if not all(word.isdecimal() and 0 < int(word) <= 1024 for word in numbers):
        raise ExportError(
            f"--threads {words}: not a list of numbers from 1 to 1024", "as in --threads 1,2"
        )
    return sorted({int(word) for word in numbers})


def draw(found: Benchmark) -> list[RenderableType]:
    """A line for each number of threads, the rest as facts, and where to go from here."""
    made = render.table("threads", "median ms", "90 % within ms", right=(0, 1, 2))
    for latency in found.latencies:
        made.add_row(
            "own" if latency.threads is None else str(latency.threads),
            f"{latency.median_milliseconds:.1f}",
            f"{latency.p90_milliseconds:.1f}",
        )
    height, width = found.image_size
    facts = {
        "file": render.words(render.near(found.path)),
        "size": Text(f"{render.size(found.size_bytes)}, pictures of {width} x {height}"),
        "machine": Text(f"{render.count(found.cores, 'core')}, {found.machine}"),
    }
    legend = (
        "one picture at a time, warm, without reading and resizing it; start and memory\n"
        "in a fresh process, the runtime's own library included; a phone differs"
    )
    return [
        *(Text(), render.facts(facts), Text(), made, Text(), render.facts(_costs(found))),
        *(Text(legend, DIM), render.next_step(_next(found.path))),
    ]


def _costs(found: Benchmark) -> dict[str, RenderableType]:
    beside = f"{found.interpreters} interpreters side by side"
    way = beside if found.interpreters > 1 else "one after the other"
    memory = "not told by this system"
    if found.peak_bytes is not None:
        memory = f"{render.size(found.peak_bytes)} more than the process had before"
    return {
        "many": Text(f"{found.images_per_second:,.0f} pictures a second, {way}"),
        "start": Text(f"{1000 * found.load_seconds:,.0f} ms from the file to the first answer"),
        "memory": Text(memory),
    }


def _next(path: Path) -> str:
    """Take the file to a phone, which is where its speed is decided."""
    from tlearn.export.quantization import MODES

    mode = path.stem.removesuffix(".failed").removeprefix("model_")
    numbers = f"--quantize {mode}" if mode in MODES else "--tflite"
    run = path.absolute().parent.parent
    name = f" {render.argument(run)}" if options.is_run(run) else ""
    return f"tlearn export{name} {numbers} --snippet android"
