"""Training on several devices, and in several processes, ends where training on one does."""

from __future__ import annotations

import os
import signal
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
*FIRST, LAST = TRAININGS
ALL_STEPS = 6 * len(TRAININGS)
"""Steps of all trainings: two epochs of three batches each."""

QUICK = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
"""To compile takes most of the time."""

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(scope="module")
def start(tiny_backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> Start:
    """Train on virtual devices: `start(out, policies, devices, seen=4, **variables)`."""
    pytest.importorskip("jax", reason="training on several devices needs JAX")
    cache = str(tmp_path_factory.mktemp("cache"))
    folder = draw_folder(tmp_path_factory.mktemp("images"), per_class=17)

    def begin(
        out: Path, policies: str, devices: str, seen: int = 4, **variables: Any
    ) -> subprocess.Popen[str]:
        arguments = [folder, out, policies, devices, f"backbone={tiny_backbone}"]
        flags = f"--xla_force_host_platform_device_count={seen} {QUICK}"
        own = {"KERAS_BACKEND": "jax", "XLA_FLAGS": flags, "TLEARN_CACHE": cache} | variables
        own["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        return subprocess.Popen(
            [sys.executable, trained_together.__file__, *map(str, arguments)],
            env=os.environ | {name: str(value) for name, value in own.items()},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return begin


@pytest.fixture(scope="module")
def alone(start: Start, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process trains on one device, and on four until it ends in the last training."""
    out = tmp_path_factory.mktemp("alone")
    finish(start(out, POLICIES, "1,4", **{DIE_AT: 2 * ALL_STEPS - 1}), codes=(-signal.SIGTERM,))
    return out


def finish(*processes: subprocess.Popen[str], codes: tuple[int, ...] = ()) -> list[str]:
    """Wait for processes to end with these codes, else with 0; return what they wrote to stderr."""
    outputs = [process.communicate(timeout=600) for process in processes]
    expected = codes or (0,) * len(processes)
    assert tuple(process.returncode for process in processes) == expected, outputs
    assert not any("Gloo" in stdout for stdout, _ in outputs)
    return [stderr for _, stderr in outputs]


def assert_same(alone: Path, path: Path) -> None:
    """Compare losses to five digits, and weights to 1e-5 of their norm; one near 0 is rounded."""
    policy = path.name.partition("-")[0]
    with np.load(alone / f"{policy}-1x1.npz") as expected, np.load(path) as found:
        np.testing.assert_allclose(found["figures"], expected["figures"], rtol=1e-5, atol=1e-6)
        for name in expected.files:
            distance = np.linalg.norm(np.float64(found[name]) - expected[name])
            norm = np.linalg.norm(expected[name])
            assert distance <= 1e-5 * max(norm, 0.01), (path.name, name)


@pytest.mark.slow
def test_four_devices_train_as_one_does_and_two_go_on_where_four_were_stopped(
    start: Start, alone: Path, tmp_path: Path
) -> None:
    for policy in FIRST:
        assert_same(alone, alone / f"{policy}-1x4.npz")
    assert not (alone / f"{LAST}-1x4.npz").exists()
    (alone / f"{LAST}-1x4.checkpoint.npz").rename(tmp_path / f"{LAST}-1x2.checkpoint.npz")
    finish(start(tmp_path, LAST, "2"))
    assert_same(alone, tmp_path / f"{LAST}-1x2.npz")


@pytest.mark.slow
def test_two_processes_train_as_one_does_even_if_one_is_killed_on_the_way(
    start: Start, alone: Path, tmp_path: Path
) -> None:
    own_cache = {"TLEARN_CACHE": tmp_path / "cache"}  # process 0 works long before it trains

    def both(policies: str, **of_second: Any) -> list[subprocess.Popen[str]]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        shared = {"WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port} | own_cache
        own = ({"RANK": 0}, {"RANK": 1} | of_second)
        return [start(tmp_path, policies, "all", 2, **shared, **one) for one in own]

    of_first, _ = finish(*both(POLICIES, **{DIE_AT: ALL_STEPS - 1}), codes=(1, -signal.SIGTERM))
    assert "another of the 2 processes has ended" in of_first
    assert not (tmp_path / f"{LAST}-2xall.npz").exists()
    assert (tmp_path / f"{LAST}-2xall.checkpoint.npz").exists()
    finish(*both(LAST))
    for policy in TRAININGS:
        assert_same(alone, tmp_path / f"{policy}-2xall.npz")
