from __future__ import annotations

from pathlib import Path

import pytest

from tlearn import api
from tlearn.artifacts.benchmark import Benchmark, Latency
from tlearn.errors import ExportError
from tlearn.progress import no_progress

MEASURED = Benchmark(
    path=Path("model.tflite"),
    size_bytes=20_000,
    image_size=(32, 32),
    latencies=(Latency(1, 0.5, 0.6),),
    images_per_second=1000.0,
    interpreters=2,
    load_seconds=0.1,
    peak_bytes=None,
    cores=2,
    machine="x86_64, Linux",
)


def test_the_artifact_is_measured_with_the_threads_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[tuple[object, ...]] = []

    def measured(*words: object) -> Benchmark:
        calls.append(words)
        return MEASURED

    monkeypatch.setattr("tlearn.artifacts.benchmark.benchmark", measured)
    assert api.benchmark(MEASURED.path, [1]) is MEASURED
    assert calls == [(MEASURED.path, [1], no_progress)]


def test_a_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="does not exist"):
        api.benchmark(tmp_path / "model.tflite")
