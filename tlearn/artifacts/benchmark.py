"""How fast an artefact answers on this machine, and what it costs to start: it is timed here only.

Times are those of the answer alone, pixels in, probabilities out; reading and resizing a picture
come on top.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tlearn.artifacts.cold_start import ColdStart, cold_start
from tlearn.artifacts.files import artifact_size_bytes, ensure_artifact
from tlearn.artifacts.runtime import Runtime, drawn_image, open_runtime, takes_threads
from tlearn.data.pixel_store import PixelArray
from tlearn.errors import ExportError
from tlearn.progress import ProgressCallback

_COLD_STARTS, _ENOUGH_SECONDS = 3, 4.0


@dataclass(frozen=True)
class Latency:
    """Times of one picture at a time, warm; `threads` is None where the runtime has its own."""

    threads: int | None
    median_milliseconds: float
    p90_milliseconds: float


@dataclass(frozen=True)
class Benchmark:
    """What an artefact takes on this machine.

    Attributes:
        path: The artefact.
        size_bytes: Its size on disk.
        image_size: Height and width of its input, in pixels.
        latencies: One for each number of threads.
        images_per_second: Of `interpreters` side by side, one thread each.
        interpreters: How many.
        load_seconds: Median time from the file to the first answer, in fresh processes.
        peak_bytes: Memory that this takes at most; None where the system does not tell.
        cores: Of this machine.
        machine: Its kind, such as "x86_64, Linux".
    """

    path: Path
    size_bytes: int
    image_size: tuple[int, ...]
    latencies: tuple[Latency, ...]
    images_per_second: float
    interpreters: int
    load_seconds: float
    peak_bytes: int | None
    cores: int
    machine: str


def benchmark(path: Path, threads: Sequence[int], progress: ProgressCallback) -> Benchmark:
    """Measure an artefact.

    Args:
        path: See `open_runtime`.
        threads: Numbers of threads to time it with; none for 1, 2, 4 and so on up to the cores.
        progress: Called with (step, done, total).

    Raises:
        ExportError: It cannot be run, or takes no number of threads.
    """
    ensure_artifact(path)
    if threads and not takes_threads(path):
        raise ExportError(
            f"{path} is run by TensorFlow, which takes its own threads", "leave --threads out"
        )
    cores = os.cpu_count() or 1
    chosen = (*(threads or thread_counts(cores)),) if takes_threads(path) else (None,)
    latencies: list[Latency] = []
    progress("time one picture", 0, len(chosen))
    for count in chosen:
        latencies.append(_latency(path, count))
        progress("time one picture", len(latencies), len(chosen))
    progress("count pictures a second", 0, 0)
    runtimes = _side_by_side(path, cores)
    rate = throughput(runtimes)
    start = _cold_starts(path, progress)
    return Benchmark(
        path=path,
        size_bytes=artifact_size_bytes(path),
        image_size=runtimes[0].shape[:2],
        latencies=tuple(latencies),
        images_per_second=rate,
        interpreters=len(runtimes),
        load_seconds=start.seconds,
        peak_bytes=start.peak_bytes,
        cores=cores,
        machine=f"{platform.machine()}, {platform.system()}",
    )


def thread_counts(cores: int) -> tuple[int, ...]:
    """1, 2, 4 and so on below the number of cores, and that number."""
    powers = [2**n for n in range(cores.bit_length()) if 2**n < cores]
    return (*powers, cores)


def latency_milliseconds(path: Path, pixels: PixelArray, threads: int = 1) -> float:
    """Median time for one picture once the file is warm, within about a second of running.

    Args:
        path: See `open_runtime`.
        pixels: uint8 (n, height, width, 3); the first is used.
        threads: Of the processor.
    """
    times = time_answers(open_runtime(path, threads), np.array(pixels[0]), least=3, most=30)
    return float(np.median(times))


def time_answers(
    run: Runtime, image: np.ndarray, *, least: int, most: int, seconds: float = 1.0
) -> np.ndarray:
    """Times of answers, one after the other, the first one left out.

    Args:
        run: The artefact.
        image: uint8 (height, width, 3).
        least: Answers to time, however long they take.
        most: Answers to time at most.
        seconds: After which no more are begun.

    Returns:
        (n,) milliseconds.
    """
    run(image)
    times: list[float] = []
    while len(times) < least or (len(times) < most and sum(times) < seconds):
        start = time.perf_counter()
        run(image)
        times.append(time.perf_counter() - start)
    return 1000 * np.array(times)


def throughput(runtimes: Sequence[Runtime], seconds: float = 1.0) -> float:
    """Pictures a second of runtimes side by side, each in a thread of its own.

    Args:
        runtimes: The artefact, opened once for each thread.
        seconds: To measure for.
    """
    image = drawn_image(runtimes[0])
    for run in runtimes:
        run(image)
    start = time.perf_counter()

    def answers(run: Runtime) -> int:
        done = 0
        while not done or time.perf_counter() - start < seconds:
            run(image)
            done += 1
        return done

    with ThreadPoolExecutor(len(runtimes)) as pool:
        done = sum(pool.map(answers, runtimes))
    return done / (time.perf_counter() - start)


def _latency(path: Path, threads: int | None) -> Latency:
    run = open_runtime(path, threads or 1)
    times = time_answers(run, drawn_image(run), least=10, most=500, seconds=1.5)
    median, p90 = np.quantile(times, (0.5, 0.9)).tolist()
    return Latency(threads, median, p90)


def _side_by_side(path: Path, cores: int) -> list[Runtime]:
    """One interpreter a core, as the features are computed; TensorFlow spreads over them itself."""
    return [open_runtime(path, threads=1) for _ in range(cores if takes_threads(path) else 1)]


def _cold_starts(path: Path, progress: ProgressCallback) -> ColdStart:
    """The median of a few fresh processes; of one, where it takes long."""
    began = time.monotonic()
    found: list[ColdStart] = []
    progress("start afresh", 0, _COLD_STARTS)
    while len(found) < _COLD_STARTS and time.monotonic() - began < _ENOUGH_SECONDS:
        found.append(cold_start(path))
        progress("start afresh", len(found), _COLD_STARTS)
    return sorted(found, key=lambda start: start.seconds)[len(found) // 2]
