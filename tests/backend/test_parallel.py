"""Training on several devices, and in several processes, ends where training on one does."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import trained_together
from tests.conftest import draw_folder
from tests.trained_together import DIE_AT, TRAININGS

POLICIES = ",".join(TRAININGS)


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="module")
def start(tiny_backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Train on four virtual devices: `start(out, policies, devices, **variables)`."""
    pytest.importorskip("jax", reason="training on several devices needs JAX")
    cache = str(tmp_path_factory.mktemp("cache"))
    folder = draw_folder(tmp_path_factory.mktemp("images"), per_class=17)

    def begin(out: Path, policies: str, devices: str, **variables: Any) -> subprocess.Popen[str]:
        arguments = [folder, out, policies, devices, f"backbone={tiny_backbone}"]
        own = {name: str(value) for name, value in variables.items()}
        flags = "--xla_force_host_platform_device_count=4"
        own |= {"KERAS_BACKEND": "jax", "XLA_FLAGS": flags, "TLEARN_CACHE": cache}
        return subprocess.Popen(
            [sys.executable, trained_together.__file__, *map(str, arguments)],
            env=os.environ | own | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return begin


@pytest.fixture(scope="module")
def alone(start: Start, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process on one device trains."""
    out = tmp_path_factory.mktemp("alone")
    finish(start(out, POLICIES, "1"))
    return out


def finish(*processes: subprocess.Popen[str], codes: tuple[int, ...] = ()) -> list[str]:
    """Wait for processes to end with these codes, else with 0; return what they wrote to stderr."""
    outputs = [process.communicate(timeout=600) for process in processes]
    expected = codes or (0,) * len(processes)
    assert tuple(process.returncode for process in processes) == expected, outputs
    assert not any("Gloo" in stdout for stdout, _ in outputs)
    return [stderr for _, stderr in outputs]


def assert_same(alone: Path, path: Path) -> None:
    """Compare losses to five digits, and weights to 1e-5 of their norm."""
    policy = path.name.partition("-")[0]
    with np.load(alone / f"{policy}-1x1.npz") as expected, np.load(path) as found:
        np.testing.assert_allclose(found["figures"], expected["figures"], rtol=1e-5, atol=1e-6)
        for name in expected.files:
            distance = np.linalg.norm(np.float64(found[name]) - expected[name])
            assert distance <= 1e-5 * np.linalg.norm(expected[name]), (path.name, name)


@pytest.mark.slow
def test_two_and_four_devices_train_as_one_does(start: Start, alone: Path, tmp_path: Path) -> None:
    finish(start(tmp_path, POLICIES, "2,4"))
    for policy in TRAININGS:
        for devices in (2, 4):
            assert_same(alone, tmp_path / f"{policy}-1x{devices}.npz")


@pytest.mark.slow
def test_two_processes_train_as_one_does_even_if_one_is_killed_on_the_way(
    start: Start, alone: Path, tmp_path: Path
) -> None:
    def both(policies: str, **of_second: Any) -> list[subprocess.Popen[str]]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        shared = {"WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        own = ({"RANK": 0}, {"RANK": 1} | of_second)
        return [start(tmp_path, policies, "2", **shared, **one) for one in own]

    of_first, _ = finish(*both("deep", **{DIE_AT: 5}), codes=(1, 9))  # in the second epoch
    assert "another of the 2 processes has ended" in of_first
    assert (tmp_path / "deep-2x2.checkpoint.npz").exists()
    finish(*both(POLICIES))
    for policy in TRAININGS:
        assert_same(alone, tmp_path / f"{policy}-2x2.npz")


@pytest.mark.slow
def test_a_training_that_was_stopped_goes_on_on_another_number_of_devices(
    start: Start, alone: Path, tmp_path: Path
) -> None:
    finish(start(tmp_path, "deep", "4", **{DIE_AT: 5}), codes=(9,))
    of_four, of_two = (tmp_path / f"deep-1x{n}.checkpoint.npz" for n in (4, 2))
    of_four.rename(of_two)
    finish(start(tmp_path, "deep", "2"))
    assert_same(alone, tmp_path / "deep-1x2.npz")
