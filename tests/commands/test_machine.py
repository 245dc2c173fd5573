"""What a machine has is found without a framework; speeds are measured; idle GPUs are named."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tlearn.backend import device
from tlearn.commands import machine as module
from tlearn.commands.machine import look_at_machine, measure_machine


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SECONDS", 0.01)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def test_facts_need_no_framework_and_no_cache_folder(own_cache: Path) -> None:
    own_cache.rmdir()
    machine = look_at_machine()
    assert machine.cores >= 1 and "builtin" in machine.weights
    assert machine.versions["tensorflow"] and machine.versions["python"]
    assert machine.cache["bytes"] == 0 and machine.cache["free_bytes"] > 0
    assert not own_cache.exists()
    code = (
        "import sys; from tlearn.commands.machine import look_at_machine; look_at_machine(); "
        "print({'tensorflow', 'keras', 'jax'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr


def test_both_parts_of_the_work_are_measured_and_their_progress_is_told() -> None:
    machine = replace(look_at_machine(), gpus=())
    steps: list[str] = []
    speeds = measure_machine(machine, lambda step, done, total: steps.append(step))
    assert (speeds.frozen.name, speeds.frozen.devices) == ("litert", ("cpu",))
    assert (speeds.training.name, speeds.training.devices) == ("tensorflow", ("cpu",))
    assert speeds.frozen.images_per_second > 0 and speeds.training.images_per_second > 0
    assert list(dict.fromkeys(steps)) == [
        "measure the frozen part",
        "load TensorFlow",
        "measure training",
    ]
    assert speeds.advice == () and speeds.engines == {}


def test_a_card_that_lies_idle_is_told_with_the_command_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = replace(look_at_machine(), gpus=("NVIDIA L4",))
    monkeypatch.setattr(module, "unused_gpu", lambda: device.unused_gpu([__file__]))
    speeds = measure_machine(machine)
    assert speeds.advice[0].endswith("(pip install 'tlearn[gpu]').")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    (advice,) = measure_machine(machine).advice
    assert advice.endswith("unset CUDA_VISIBLE_DEVICES")


def test_where_there_is_an_accelerator_engines_are_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tlearn.features.engine.accelerator_visible", lambda: True)
    speeds = measure_machine(look_at_machine())
    assert speeds.engines.keys() == {"litert", "keras"}
    assert speeds.frozen.name == max(speeds.engines, key=lambda name: speeds.engines[name])
