"""`tlearn benchmark`: measure latency, throughput and start-up time of an exported file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tlearn.artifacts import benchmark as measurement
from tlearn.artifacts.benchmark import Benchmark
from tlearn.progress import ProgressCallback, no_progress


def benchmark(
    artifact: Path, threads: Sequence[int] = (), *, progress: ProgressCallback = no_progress
) -> Benchmark:
    """Measure an artifact on this machine.

    Args:
        artifact: The file, or the directory of a SavedModel.
        threads: Numbers of threads to time it with; none for 1, 2, 4 and so on up to the cores.
        progress: Called with (step, done, total).

    Raises:
        ExportError: It cannot be run, or takes no number of threads.
    """
    return measurement.benchmark(artifact, threads, progress)
