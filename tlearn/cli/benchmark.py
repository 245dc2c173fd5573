"""`tlearn benchmark`: how fast an exported file is on this machine, and what it takes to start."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rich.console import RenderableType
from rich.text import Text

from tlearn.cli import options
from tlearn.cli.display.formats import pluralize, relative_path, shell_path, size
from tlearn.cli.display.progress import Display, print_json, print_result
from tlearn.cli.display.widgets import DIM, key_value_table, next_step, safe_text, table
from tlearn.errors import ExportError

if TYPE_CHECKING:
    from tlearn.artifacts.benchmark import Benchmark


def benchmark(
    artifact: Annotated[Path, options.argument("A file that tlearn export wrote.", "ARTIFACT")],
    threads: Annotated[
        str | None,
        options.option("Numbers of threads to time it with. Default: 1, 2, 4 up to all.", "N,N"),
    ] = None,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Measure latency, throughput and start-up time of an exported file.

    A phone differs, in speed and in what quantization is worth; files exported for
    the same model compare well on one machine.

    Example: [cyan]tlearn benchmark runs/20260101-120000-deep/export/model.tflite[/]
    """
    counts = parse_threads(threads) if threads is not None else []
    from tlearn import api

    with Display(as_json, quiet, verbose) as display:
        measured = api.benchmark(artifact, counts, progress=display)
    if as_json:
        print_json(asdict(measured) | {"path": str(measured.path)})
    else:
        print_result(*draw(measured))


def parse_threads(text: str) -> list[int]:
    """Return the numbers of threads in "1,2,4", each once, in order.

    Raises:
        ExportError: It is no list of numbers from 1 on.
    """
    numbers = [number.strip() for number in text.split(",")]
    if not all(number.isdecimal() and 0 < int(number) <= 1024 for number in numbers):
        raise ExportError(
            f"--threads '{text}': not a list of numbers from 1 to 1024", "as in: --threads 1,2"
        )
    return sorted({int(number) for number in numbers})


def draw(measured: Benchmark) -> list[RenderableType]:
    """Return a line for each number of threads, what else was measured, and the next step."""
    rows = table("threads", "median ms", "90% within ms", right=(0, 1, 2))
    for latency in measured.latencies:
        rows.add_row(
            "own" if latency.threads is None else str(latency.threads),
            f"{latency.median_milliseconds:.1f}",
            f"{latency.p90_milliseconds:.1f}",
        )
    height, width = measured.image_size
    about = {
        "file": safe_text(relative_path(measured.path)),
        "size": Text(f"{size(measured.size_bytes)}, images of {width} x {height}"),
        "machine": Text(f"{pluralize(measured.cores, 'core')}, {measured.machine}"),
    }
    legend = (
        "one image at a time, warm, without reading and resizing it; start-up and memory\n"
        "in a new process, the runtime's own library included; a phone differs"
    )
    return [
        *(Text(), key_value_table(about), Text(), rows),
        *(Text(), key_value_table(_costs(measured)), Text(legend, DIM)),
        next_step(_next_command(measured.path)),
    ]


def _costs(measured: Benchmark) -> dict[str, RenderableType]:
    parallel = f"{measured.interpreters} interpreters in parallel"
    how = parallel if measured.interpreters > 1 else "one after the other"
    memory = "not reported by this system"
    if measured.peak_bytes is not None:
        memory = f"{size(measured.peak_bytes)} more than the process had before"
    return {
        "throughput": Text(f"{measured.images_per_second:,.0f} images per second, {how}"),
        "start-up": Text(
            f"{1000 * measured.load_seconds:,.0f} ms from the file to the first answer"
        ),
        "memory": Text(memory),
    }


def _next_command(path: Path) -> str:
    """Return the command that takes the file to a phone, where its speed is decided."""
    from tlearn.export.quantization import MODES

    mode = path.stem.removesuffix(".failed").removeprefix("model_")
    numbers = f"--quantize {mode.replace('_', '-')}" if mode in MODES else "--tflite"
    run = path.absolute().parent.parent
    name = f" {shell_path(run)}" if options.is_run(run) else ""
    return f"tlearn export{name} {numbers} --snippet android"
