"""The scripts for clusters: each computes every shard with the one command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.skipif(os.name == "nt", reason="scripts for bash")
def test_a_job_array_and_processes_side_by_side_give_the_same_shards(
    image_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = str(image_folder(classes=2, per_class=5))
    command = tmp_path / "bin" / "tlearn"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tlearn "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")
    for number in ("1", "2"):
        monkeypatch.setenv("SLURM_ARRAY_TASK_ID", number)
        job = [str(EXAMPLES / "slurm_features.sh"), images, str(tmp_path / "array"), "2"]
        subprocess.run(job, check=True, stdout=subprocess.DEVNULL)
    beside = [str(EXAMPLES / "xargs_features.sh"), images, str(tmp_path / "beside"), "2", "2"]
    subprocess.run(beside, check=True, stdout=subprocess.DEVNULL)
    array, xargs = (
        {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.rows")}
        for name in ("array", "beside")
    )
    assert array == xargs and {*array} == {"1-of-2.rows", "2-of-2.rows"}


def test_every_script_is_short() -> None:
    for path in EXAMPLES.iterdir():
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 20, path.name
