"""Latency, throughput and start-up of an artifact are measured, not asserted."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlearn.artifacts import benchmark as module
from tlearn.artifacts.benchmark import (
    benchmark,
    latency_milliseconds,
    thread_counts,
    throughput,
    time_answers,
)
from tlearn.artifacts.cold_start import ColdStart
from tlearn.artifacts.runtime import open_runtime, random_image
from tlearn.confidence.answers import Answer
from tlearn.errors import ExportError
from tlearn.export.saved_model import write_saved_model
from tlearn.export.tflite import write_tflite

LABELS = ("horizontal", "vertical", "checks")


@pytest.fixture(scope="module")
def file(trained: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("file") / "model.tflite"
    write_tflite(trained.model, path, "none", None, LABELS, {})
    return path


class Slow:
    """A runtime that takes a fixed time for an image, and counts its runs."""

    shape = (4, 6, 3)

    def __init__(self, seconds: float) -> None:
        self.seconds, self.runs = seconds, 0

    def __call__(self, image: np.ndarray) -> Answer:
        self.runs += 1
        time.sleep(self.seconds)
        return Answer(np.ones(3, np.float32))


@pytest.mark.parametrize(
    ("cores", "counts"), [(1, (1,)), (2, (1, 2)), (4, (1, 2, 4)), (6, (1, 2, 4, 6))]
)
def test_threads_up_to_the_cores(cores: int, counts: tuple[int, ...]) -> None:
    assert thread_counts(cores) == counts


@pytest.mark.parametrize(
    ("seconds", "limit", "timed"),
    [(0.0, 600.0, 5), (0.02, 0.01, 2)],
    ids=["as many as allowed", "as few as required"],
)
def test_runs_are_timed_within_bounds_once_warm(seconds: float, limit: float, timed: int) -> None:
    run = Slow(seconds)
    times = time_answers(run, random_image(run), least=2, most=5, seconds=limit)
    assert len(times) == timed and run.runs == timed + 1
    assert (times > 0).all()


def test_throughput_counts_all_runtimes() -> None:
    runtimes = [Slow(0.01), Slow(0.01)]
    assert throughput(runtimes, seconds=0.05) > 0
    assert all(run.runs > 1 for run in runtimes)


def test_a_benchmark_of_a_file(file: Path) -> None:
    steps: list[str] = []
    measured = benchmark(file, (1, 2), lambda step, done, total: steps.append(step))
    assert [latency.threads for latency in measured.latencies] == [1, 2]
    for latency in measured.latencies:
        assert 0 < latency.median_milliseconds <= latency.p90_milliseconds
    assert measured.image_size == (32, 32)
    assert measured.size_bytes == file.stat().st_size
    assert measured.interpreters == measured.cores == (os.cpu_count() or 1)
    assert measured.images_per_second > 0 and measured.load_seconds > 0
    assert measured.peak_bytes is None or measured.peak_bytes > 1_000_000
    assert steps[0] == "start in a fresh process"
    assert set(steps[1:]) == {steps[0], "time single images", "measure throughput"}


def test_tensorflow_chooses_the_number_of_threads(
    trained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "cold_start", lambda path: ColdStart(5.0, 600_000_000))
    path = tmp_path / "saved_model"
    write_saved_model(trained.model, path, LABELS)
    assert open_runtime(path).shape == (32, 32, 3)
    with pytest.raises(ExportError, match="chooses the number of threads itself"):
        benchmark(path, (1, 2), print)
    measured = benchmark(path, (), lambda *_: None)
    assert [latency.threads for latency in measured.latencies] == [None]
    assert measured.interpreters == 1 and measured.images_per_second > 0
    assert (measured.load_seconds, measured.peak_bytes) == (5.0, 600_000_000)


def test_a_missing_file_has_no_latency(tmp_path: Path, trained: Any) -> None:
    with pytest.raises(ExportError):
        latency_milliseconds(tmp_path / "missing.tflite", trained.pixels)


def test_the_latency_of_one_image_is_measured(file: Path, trained: Any) -> None:
    assert latency_milliseconds(file, trained.pixels) > 0
