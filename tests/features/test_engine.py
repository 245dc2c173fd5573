"""Both engines give the same rows, and the faster one is chosen where there are two."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlearn.errors import HostError
from tlearn.features import engine as engine_module
from tlearn.features.engine import KERAS, LITERT, EngineChoice
from tlearn.features.extractor import extractor_engines, make_extractor, prefix_engines
from tlearn.models.cuts import split_at

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
BATCHES = [IMAGES[:16], IMAGES[16:32], IMAGES[32:]]


class Clock:
    """Stands in for the module `time`: it goes on only where an engine says so."""

    now = 0.0

    def perf_counter(self) -> float:
        return self.now


class TimedEngine:
    """An engine that takes a fixed time for a batch, by a clock."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        self.seconds, self.clock = seconds, clock

    def run(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        for batch in batches:
            self.clock.now += self.seconds
            yield np.zeros((len(batch), 1), np.float32)


def test_every_output_of_the_extractor_is_the_same_in_both_engines(
    small_backbone: Any, tmp_path: Path
) -> None:
    extractor = make_extractor(tmp_path, small_backbone)
    factories = extractor_engines(extractor, lambda: small_backbone)
    rows = {name: np.concatenate(list(make().run(BATCHES))) for name, make in factories.items()}
    assert rows[LITERT].shape == (40, extractor.width)
    np.testing.assert_allclose(rows[LITERT], rows[KERAS], rtol=1e-4, atol=1e-4)


def test_the_first_image_of_a_process_has_nothing_written(
    small_backbone: Any, tmp_path: Path
) -> None:
    path = make_extractor(tmp_path, small_backbone).path
    code = (
        "import numpy as np; from pathlib import Path; "
        "from tlearn.features.engine import LiteRTEngine; "
        f"list(LiteRTEngine(Path({str(path)!r})).run([np.zeros((1, 32, 32, 3), np.uint8)]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not done.stdout and not done.stderr


@pytest.mark.parametrize("stage", [0, 2, 4])
def test_the_outputs_at_a_cut_are_the_same_in_both_engines(
    small_backbone: Any, tmp_path: Path, stage: int
) -> None:
    cut = small_backbone.stages[stage].end_cut

    def prefix() -> Any:
        return split_at(small_backbone.trunk, cut)[0]

    factories = prefix_engines(tmp_path, "fingerprint", cut, prefix)
    rows = {name: np.concatenate(list(make().run(BATCHES))) for name, make in factories.items()}
    assert rows[LITERT].shape == (40, int(np.prod(prefix().output_shape[1:])))
    np.testing.assert_allclose(rows[LITERT], rows[KERAS], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("litert", "keras", "faster"), [(1.0, 2.0, LITERT), (2.0, 1.0, KERAS)])
def test_with_an_accelerator_the_faster_engine_is_chosen(
    monkeypatch: pytest.MonkeyPatch, litert: float, keras: float, faster: str
) -> None:
    monkeypatch.setattr(engine_module, "accelerator_visible", lambda: True)
    clock = Clock()
    monkeypatch.setattr(engine_module, "time", clock)
    factories = {
        LITERT: lambda: TimedEngine(litert, clock),
        KERAS: lambda: TimedEngine(keras, clock),
    }
    choice = EngineChoice()
    assert choice.open("net", factories, IMAGES).seconds == 1.0
    assert choice.used == {"net": faster}
    assert choice.rates["net"][faster] > choice.rates["net"][LITERT if faster == KERAS else KERAS]
    assert choice.in_words().startswith(f"{faster}; images per second: litert ")


def test_without_an_accelerator_keras_is_not_even_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "accelerator_visible", lambda: False)
    choice = EngineChoice()
    choice.open("net", {LITERT: lambda: TimedEngine(0, Clock()), KERAS: pytest.fail}, IMAGES)
    assert (choice.used, choice.rates) == ({"net": LITERT}, {})
    assert choice.in_words().startswith("litert on ")
    assert EngineChoice().in_words() == ""


def test_the_environment_variable_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLEARN_ENGINE", KERAS)
    choice = EngineChoice()
    choice.open("net", {LITERT: pytest.fail, KERAS: lambda: TimedEngine(0, Clock())}, IMAGES)
    assert choice.used == {"net": KERAS}
    monkeypatch.setenv("TLEARN_ENGINE", "tpu")
    with pytest.raises(HostError, match="TLEARN_ENGINE"):
        EngineChoice()
