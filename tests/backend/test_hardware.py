"""Memory and GPUs are what the system says, where it says anything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tlearn.backend import hardware
from tlearn.backend.hardware import in_wsl, list_gpus, memory_bytes


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_a_container_has_the_memory_that_it_may_take(tmp_path: Path) -> None:
    limited, unlimited = tmp_path / "limited", tmp_path / "unlimited"
    limited.write_text("1000000\n")
    unlimited.write_text("max\n")
    assert memory_bytes([unlimited, limited, tmp_path / "missing"]) == 1_000_000
    assert (memory_bytes([unlimited]) or 0) > 1_000_000


def test_cards_are_named_by_nvidia_smi_else_by_their_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(line: Any, **named: Any) -> Any:
        return subprocess.CompletedProcess(line, 0, "NVIDIA H100 80GB HBM3\nNVIDIA L4\n", "")

    def fail(line: Any, **named: Any) -> Any:
        raise FileNotFoundError(line[0])

    monkeypatch.setattr(hardware.sys, "platform", "linux")
    (tmp_path / "0000:01:00.0").mkdir()
    (tmp_path / "0000:01:00.0" / "information").write_text("Model: \t NVIDIA A100\nIRQ:   22\n")
    monkeypatch.setattr(hardware.subprocess, "run", run)
    assert list_gpus(tmp_path) == ("NVIDIA H100 80GB HBM3", "NVIDIA L4")
    monkeypatch.setattr(hardware.subprocess, "run", fail)
    assert list_gpus(tmp_path) == ("NVIDIA A100",)
    assert list_gpus(tmp_path / "nothing") == ()


@pytest.mark.parametrize(
    ("release", "inside"), [("5.15.90.1-microsoft-standard-WSL2", True), ("6.1.0-22-amd64", False)]
)
def test_linux_inside_of_windows_is_told_by_its_kernel(
    monkeypatch: pytest.MonkeyPatch, release: str, inside: bool
) -> None:
    monkeypatch.setattr(hardware.platform, "release", lambda: release)
    assert in_wsl() is inside
