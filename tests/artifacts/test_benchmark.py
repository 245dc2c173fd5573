from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlearn.artifacts import benchmark as measuring
from tlearn.artifacts.benchmark import (
    benchmark,
    latency_milliseconds,
    thread_counts,
    throughput,
    time_answers,
)
from tlearn.artifacts.cold_start import ColdStart
from tlearn.artifacts.files import ensure_artifact
from tlearn.artifacts.runtime import drawn_image, open_runtime
from tlearn.backend.silence import silence_output
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
    """Answers in a given time, and counts."""

    shape = (4, 6, 3)

    def __init__(self, seconds: float) -> None:
        self.seconds, self.asked = seconds, 0

    def __call__(self, image: np.ndarray) -> np.ndarray:
        self.asked += 1
        time.sleep(self.seconds)
        return np.ones(3, np.float32)


@pytest.mark.parametrize(
    ("cores", "counts"), [(1, (1,)), (2, (1, 2)), (4, (1, 2, 4)), (6, (1, 2, 4, 6))]
)
def test_threads_up_to_the_cores(cores: int, counts: tuple[int, ...]) -> None:
    assert thread_counts(cores) == counts


@pytest.mark.parametrize(
    ("seconds", "timed"), [(0.0, 5), (0.02, 2)], ids=["as many as allowed", "as few as asked"]
)
def test_answers_are_timed_within_bounds_once_warm(seconds: float, timed: int) -> None:
    run = Slow(seconds)
    times = time_answers(run, drawn_image(run), least=2, most=5, seconds=0.01)
    assert len(times) == timed and run.asked == timed + 1
    assert (times > 0).all()


def test_throughput_counts_all_runtimes() -> None:
    runtimes = [Slow(0.01), Slow(0.01)]
    assert throughput(runtimes, seconds=0.05) > 0
    assert all(run.asked > 1 for run in runtimes)


def test_a_benchmark_of_a_file(file: Path) -> None:
    told: list[str] = []
    found = benchmark(file, (1, 2), lambda task, done, total: told.append(task))
    assert [latency.threads for latency in found.latencies] == [1, 2]
    for latency in found.latencies:
        assert 0 < latency.median_milliseconds <= latency.p90_milliseconds
    assert found.image_size == (32, 32)
    assert found.size_bytes == file.stat().st_size
    assert found.interpreters == found.cores == (os.cpu_count() or 1)
    assert found.images_per_second > 0 and found.load_seconds > 0
    assert found.peak_bytes is None or found.peak_bytes > 1_000_000
    assert set(told) == {"time one picture", "count pictures a second", "start afresh"}


def test_a_saved_model_takes_its_own_threads(
    trained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "cold_start", lambda path: ColdStart(5.0, 600_000_000))
    path = tmp_path / "saved_model"
    write_saved_model(trained.model, path, LABELS)
    assert open_runtime(path).shape == (32, 32, 3)
    with pytest.raises(ExportError, match="its own threads"):
        benchmark(path, (1, 2), print)
    found = benchmark(path, (), lambda *_: None)
    assert [latency.threads for latency in found.latencies] == [None]
    assert found.interpreters == 1 and found.images_per_second > 0
    assert (found.load_seconds, found.peak_bytes) == (5.0, 600_000_000)


def test_the_latency_of_what_is_not_a_model(tmp_path: Path, trained: Any) -> None:
    with pytest.raises(ExportError):
        latency_milliseconds(tmp_path / "missing.tflite", trained.pixels)
    (tmp_path / "folder").mkdir()
    with pytest.raises(ExportError, match="not a SavedModel"):
        latency_milliseconds(tmp_path / "folder", trained.pixels)


@pytest.fixture
def doubling() -> Any:
    """A function of four numbers, which are no picture."""
    import tensorflow as tf

    return tf.function(lambda x: {"y": 2 * x}).get_concrete_function(
        tf.TensorSpec((None, 4), tf.float32, name="x")
    )


@pytest.mark.parametrize("given", ["numbers", "no signature"])
def test_a_saved_model_of_another_maker(doubling: Any, tmp_path: Path, given: str) -> None:
    import tensorflow as tf

    signatures = {"serving_default": doubling} if given == "numbers" else None
    tf.saved_model.save(tf.Module(), str(tmp_path / "theirs"), signatures=signatures)
    words = "takes x .*picture by the name of image" if signatures else "has no signature"
    with pytest.raises(ExportError, match=words):
        benchmark(tmp_path / "theirs", (), lambda *_: None)


def test_a_litert_file_of_another_maker(doubling: Any, tmp_path: Path) -> None:
    import tensorflow as tf

    with silence_output():
        content = tf.lite.TFLiteConverter.from_concrete_functions([doubling]).convert()
    (tmp_path / "theirs.tflite").write_bytes(content)
    with pytest.raises(ExportError, match=r"takes x \[1, 4\], where one picture is expected"):
        benchmark(tmp_path / "theirs.tflite", (), lambda *_: None)


def test_what_can_be_no_artefact_is_told_at_once(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ExportError, match="does not exist"):
        ensure_artifact(tmp_path / "missing.tflite")
    (tmp_path / "export" / "saved_model").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path, Path()):
        with pytest.raises(ExportError, match="no SavedModel"):
            ensure_artifact(folder)
    for name in ("model.onnx", "model.onnx.contract.json", "saved_model.contract.json"):
        (tmp_path / "export" / name).touch()
    with pytest.raises(ExportError, match="folder of artefacts") as error:
        ensure_artifact(tmp_path)
    assert error.value.hint == "name one: export/model.onnx, export/saved_model"
    ensure_artifact(tmp_path / "export" / "saved_model")
    ensure_artifact(file)
