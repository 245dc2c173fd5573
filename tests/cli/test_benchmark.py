"""What a measured file looks like, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tlearn.artifacts.benchmark import Benchmark, Latency
from tlearn.cli.benchmark import parse_threads
from tlearn.errors import ExportError

MEASURED = Benchmark(
    path=Path("runs/[r]/export/model_int8.tflite"),
    size_bytes=2_700_000,
    image_size=(224, 160),
    latencies=(Latency(1, 8.53, 13.06), Latency(2, 5.0, 6.0)),
    images_per_second=1234.5,
    interpreters=2,
    load_seconds=0.133,
    peak_bytes=46_500_000,
    cores=2,
    machine="x86_64, Linux",
)


def test_it_draws_what_was_measured(
    command: Command, calls: Callable[..., Any], fits: Callable[[str], None]
) -> None:
    recorded = calls("benchmark", MEASURED)
    result = command("benchmark", MEASURED.path, "--threads", "2,1")
    assert result.exit_code == 0
    fits(result.stdout)
    assert recorded[0][0] == (MEASURED.path, [1, 2])
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["1", "8.5", "13.1"] in rows and ["2", "5.0", "6.0"] in rows
    for text in (
        *("runs/[r]/export/model_int8.tflite", "2.7 MB, images of 160 x 224"),
        *("2 cores, x86_64, Linux", "1,234 images per second, 2 interpreters in parallel"),
        *("133 ms from the file", "46.5 MB more", "a phone differs"),
        "tlearn export --quantize int8 --snippet android",
    ):
        assert text in result.stdout


def test_what_a_runtime_or_a_system_does_not_report(
    command: Command, calls: Callable[..., Any], fits: Callable[[str], None]
) -> None:
    own = (Latency(None, 30.0, 38.0),)
    path = Path("export/saved_model")
    calls("benchmark", replace(MEASURED, path=path, latencies=own, interpreters=1, peak_bytes=None))
    result = command("benchmark", path)
    fits(result.stdout)
    assert "own" in result.stdout and "one after the other" in result.stdout
    assert "not reported by this system" in result.stdout
    assert "tlearn export --tflite" in result.stdout


def test_the_next_step_names_the_run(
    command: Command, calls: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my run").mkdir()
    (tmp_path / "my run" / "plan.yaml").touch()
    calls(
        "benchmark", replace(MEASURED, path=tmp_path / "my run" / "export" / "model.failed.tflite")
    )
    result = command("benchmark", "my run/export/model.failed.tflite")
    assert "tlearn export 'my run' --tflite --snippet android" in result.stdout


def test_json_holds_every_latency_and_the_memory(
    command: Command, calls: Callable[..., Any]
) -> None:
    calls("benchmark", MEASURED)
    document = json.loads(command("benchmark", MEASURED.path, "--json").stdout)
    assert document["path"] == str(MEASURED.path) and document["peak_bytes"] == 46_500_000
    assert document["latencies"][0] == {
        "threads": 1,
        "median_milliseconds": 8.53,
        "p90_milliseconds": 13.06,
    }


@pytest.mark.parametrize("words", ["", "0", "1,", "two", "1,-2", "1.5", "4096", "²"])
def test_bad_numbers_of_threads(words: str) -> None:
    with pytest.raises(ExportError, match="threads") as error:
        parse_threads(words)
    assert "--threads 1,2" in error.value.hint


def test_numbers_of_threads() -> None:
    assert parse_threads("4, 1,4") == [1, 4]


def test_a_missing_file(command: Command, tmp_path: Path) -> None:
    result = command("benchmark", tmp_path / "missing.tflite")
    assert result.exit_code == 2
    assert "does not exist" in result.stderr and "hint: " in result.stderr
