"""A run to files for a device: all that were asked for, or the best within a budget; and their use.

TensorFlow is imported where a function cannot do without, and as late as it can be.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

from tlearn.artifacts import benchmark as measuring
from tlearn.artifacts.benchmark import Benchmark
from tlearn.export.best_of import export_best
from tlearn.export.budget import Budget, BudgetResult, suggestions
from tlearn.export.formats import find_format
from tlearn.export.parity import Artifact
from tlearn.export.quantization import CALIBRATED
from tlearn.export.seal import attach_contract
from tlearn.export.snippets import write_snippet
from tlearn.export.write import write_and_check
from tlearn.progress import ProgressCallback, no_progress
from tlearn.runs.trained_run import TrainedRun
from tlearn.storage.atomic import ensure_writable
from tlearn.storage.text import read_json


def export(
    run: Path | None,
    formats: Sequence[tuple[str, str]],
    *,
    out: Path | None = None,
    max_drop: float = 0.01,
    data: Path | None = None,
    progress: ProgressCallback = no_progress,
) -> list[Artifact]:
    """Write files for a device, each run on the validation pictures before it is called done.

    Args:
        run: The run directory; None takes the newest under runs/.
        formats: Pairs of a name in `export.formats.FORMATS` and a mode that it has.
        out: Where to; by default the run's own export folder.
        max_drop: Largest drop of accuracy allowed, as a fraction.
        data: Where the run's pictures are now.
        progress: Called with (step, done, total).

    Returns:
        Every artefact; one that failed says so, and its file's name too.

    Raises:
        TlearnError: A format, the run, its pictures or the place cannot be used.
    """
    finished, folder = _open(run, formats, out, data, progress)
    write = _writer(finished, formats, max_drop)
    return [write(folder, *pair) for pair in formats]


def export_within(
    run: Path | None,
    formats: Sequence[tuple[str, str]],
    budget: Budget,
    *,
    out: Path | None = None,
    max_drop: float = 0.01,
    data: Path | None = None,
    progress: ProgressCallback = no_progress,
) -> tuple[BudgetResult, list[str]]:
    """Write the best file within a budget; the arguments are those of `export`.

    Returns:
        What was chosen, and what would help where nothing was kept.

    Raises:
        TlearnError: The run, its pictures or the place cannot be used.
    """
    finished, folder = _open(run, formats, out, data, progress)
    choice = export_best(_writer(finished, formats, max_drop), formats, folder, budget)
    if choice.kept:
        return choice, []
    images = str(data or read_json(finished.run.metrics_path)["folder"])
    return choice, suggestions(choice, finished.plan.images.image_size, shlex.quote(images))


def write_snippets(artifacts: Sequence[Artifact], platforms: Sequence[str]) -> list[Path]:
    """Write a program for every platform beside every LiteRT file that passed its check.

    Args:
        artifacts: As exported.
        platforms: Of `tlearn.export.snippets.PLATFORMS`.

    Raises:
        TlearnError: A file or the place cannot be used.
    """
    usable = [one.path for one in artifacts if one.format == "tflite" and one.passed]
    return [write_snippet(path, platform) for path in usable for platform in platforms]


def benchmark(
    path: Path, threads: Sequence[int] = (), *, progress: ProgressCallback = no_progress
) -> Benchmark:
    """Time an artefact on this machine; see `tlearn.artifacts.benchmark.benchmark`."""
    return measuring.benchmark(path, threads, progress)


def _open(
    run: Path | None,
    formats: Sequence[tuple[str, str]],
    out: Path | None,
    data: Path | None,
    progress: ProgressCallback,
) -> tuple[TrainedRun, Path]:
    """The run, and where its files go; what can be refused is refused before any time is spent."""
    for pair in formats:
        find_format(*pair)
    finished = TrainedRun(run, data, progress)
    folder = out or finished.run.export_dir
    ensure_writable(folder)
    return finished, folder


def _writer(
    finished: TrainedRun, formats: Sequence[tuple[str, str]], max_drop: float
) -> Callable[[Path, str, str], Artifact]:
    """Writes an artefact of a run and its contract, given folder, format and quantization."""
    reference, promise = finished.reference(), finished.promise()
    if any(quantization in CALIBRATED for _, quantization in formats):
        reference.calibration()  # a step of its own: reading images is no part of an export

    def write(folder: Path, format: str, quantization: str) -> Artifact:
        name = f"export {format}" + f" {quantization}" * (quantization != "none")
        finished.progress(name, 0, 0)
        artifact = write_and_check(reference, folder, format, quantization, max_drop)
        return attach_contract(artifact, promise, reference)

    return write
