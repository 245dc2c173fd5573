"""How fast an artifact is on this machine: latency, throughput and start-up.

Times are of inference alone, from pixels to probabilities; reading and resizing an image come on
top.
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
from tlearn.artifacts.runtime import Runtime, open_runtime, random_image, takes_threads
from tlearn.data.pixel_store import PixelArray
from tlearn.errors import ExportError, quoted
from tlearn.progress import ProgressCallback

_COLD_STARTS = 3
_COLD_START_SECONDS = 4.0
"""No further cold start begins after this time."""


@dataclass(frozen=True)
class Latency:
    """Times of single images, once the file is warm.

    Attributes:
        threads: Number of threads; None if the runtime chooses it itself.
        median_milliseconds: Median time of one image.
        p90_milliseconds: 90th percentile.
    """

    threads: int | None
    median_milliseconds: float
    p90_milliseconds: float


@dataclass(frozen=True)
class Benchmark:
    """Speed, memory and size of an artifact on this machine.

    Attributes:
        path: The artifact.
        size_bytes: Its size on disk.
        image_size: Height and width of its input, in pixels.
        latencies: One for each number of threads.
        images_per_second: Throughput of `interpreters` in parallel, with one thread each.
        interpreters: Number of interpreters in parallel.
        load_seconds: Median time from opening the file to the first answer, in fresh processes.
        peak_bytes: Peak memory of such a process; None if the system does not report it.
        cores: Number of processor cores of this machine.
        machine: Processor and system, such as "x86_64, Linux".
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
    """Measure the latency, throughput and start-up of an artifact.

    Args:
        path: See `open_runtime`.
        threads: Numbers of threads to time it with; if empty, 1, 2, 4 and so on up to the number
            of cores.
        progress: Called with (step, done, total).

    Raises:
        ExportError: It cannot be run, or its runtime takes no number of threads.
    """
    ensure_artifact(path)
    if threads and not takes_threads(path):
        raise ExportError(
            f"{quoted(path)} runs in TensorFlow, which chooses the number of threads itself",
            "leave out --threads",
        )
    # First of all: a damaged file can crash the runtime, and the process that it is in.
    start = _median_cold_start(path, progress)
    cores = os.cpu_count() or 1
    counts = (*(threads or thread_counts(cores)),) if takes_threads(path) else (None,)
    latencies: list[Latency] = []
    progress("time single images", 0, len(counts))
    for count in counts:
        latencies.append(_latency(path, count))
        progress("time single images", len(latencies), len(counts))
    progress("measure throughput", 0, 0)
    runtimes = _parallel_runtimes(path, cores)
    images_per_second = throughput(runtimes)
    return Benchmark(
        path=path,
        size_bytes=artifact_size_bytes(path),
        image_size=runtimes[0].shape[:2],
        latencies=tuple(latencies),
        images_per_second=images_per_second,
        interpreters=len(runtimes),
        load_seconds=start.seconds,
        peak_bytes=start.peak_bytes,
        cores=cores,
        machine=f"{platform.machine()}, {platform.system()}",
    )


def thread_counts(cores: int) -> tuple[int, ...]:
    """Return 1, 2, 4 and so on below the number of cores, and that number."""
    powers = [2**n for n in range(cores.bit_length()) if 2**n < cores]
    return (*powers, cores)


def latency_milliseconds(path: Path, pixels: PixelArray, threads: int = 1) -> float:
    """Measure the median time of one image once the file is warm, in about a second.

    Args:
        path: See `open_runtime`.
        pixels: uint8 (n, height, width, 3); the first is used.
        threads: Number of threads.

    Returns:
        Milliseconds.

    Raises:
        ExportError: The file cannot be run.
    """
    times = time_answers(open_runtime(path, threads), np.array(pixels[0]), least=3, most=30)
    return float(np.median(times))


def time_answers(
    run: Runtime, image: np.ndarray, *, least: int, most: int, seconds: float = 1.0
) -> np.ndarray:
    """Time inference on one image again and again, after one run to warm up.

    Args:
        run: The artifact.
        image: uint8 (height, width, 3).
        least: Number of runs to time at least, however long they take.
        most: Number of runs to time at most.
        seconds: Time after which no further run begins.

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
    """Measure the images per second of runtimes in parallel, each in its own thread.

    Args:
        runtimes: The artifact, opened once for each thread.
        seconds: How long to measure.
    """
    image = random_image(runtimes[0])
    for run in runtimes:
        run(image)
    start = time.perf_counter()

    def count_runs(run: Runtime) -> int:
        done = 0
        while not done or time.perf_counter() - start < seconds:
            run(image)
            done += 1
        return done

    with ThreadPoolExecutor(len(runtimes)) as pool:
        done = sum(pool.map(count_runs, runtimes))
    return done / (time.perf_counter() - start)


def _latency(path: Path, threads: int | None) -> Latency:
    run = open_runtime(path, threads or 1)
    times = time_answers(run, random_image(run), least=10, most=500, seconds=1.5)
    median, p90 = np.quantile(times, (0.5, 0.9)).tolist()
    return Latency(threads, median, p90)


def _parallel_runtimes(path: Path, cores: int) -> list[Runtime]:
    """Open one interpreter for each core, or one TensorFlow, which uses all cores by itself."""
    return [open_runtime(path, threads=1) for _ in range(cores if takes_threads(path) else 1)]


def _median_cold_start(path: Path, progress: ProgressCallback) -> ColdStart:
    """Return the median of a few fresh processes, or fewer if they are slow."""
    began = time.monotonic()
    starts: list[ColdStart] = []
    progress("start in a fresh process", 0, _COLD_STARTS)
    while len(starts) < _COLD_STARTS and time.monotonic() - began < _COLD_START_SECONDS:
        starts.append(cold_start(path))
        progress("start in a fresh process", len(starts), _COLD_STARTS)
    return sorted(starts, key=lambda start: start.seconds)[len(starts) // 2]
