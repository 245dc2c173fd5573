"""Commands that may not write: a full disk (a small tmpfs, where root may mount one), a limit."""

from __future__ import annotations

import random
import resource
import subprocess
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.attack.case import last_line
from benchmarks.attack.generators.environments import limit
from benchmarks.attack.process import Inside
from benchmarks.attack.trials import Finding, Place, judge_repeat, place
from benchmarks.attack.workshop import Workshop

KIND = "full disks"
_COMMANDS = ("suggest", "linear-head", "top-stages", "export tflite", "export saved-model")
_BYTES = (0, 1_000, 20_000, 100_000, 400_000, 1_000_000, 2_000_000, 3_500_000, 6_000_000)


def trial(workshop: Workshop, options: Namespace) -> Iterator[Finding]:
    """Run commands with limits of file size and on small disks, then without."""
    trials = [(name, size, disk) for name in _COMMANDS for size in _BYTES for disk in (True, False)]
    for name, size, disk in random.Random(options.seed).sample(trials, min(options.disks, 90)):
        yield (_on_small_disk if disk and size else _limited)(workshop, name, size)


def _limited(workshop: Workshop, name: str, size: int) -> Finding:
    with place(workshop, warm=False) as here:
        inside = limit(resource.RLIMIT_FSIZE, size)
        return _try(here, name, f"{name}, files of at most {size} bytes", inside)


def _on_small_disk(workshop: Workshop, name: str, size: int) -> Finding:
    with place(workshop, warm=False) as here:
        disk = here.folder / "disk"
        with _small_disk(here, size) as mounted:
            if not mounted:
                return Finding(f"{name}, a disk of {size} bytes: cannot be mounted here")
            inner = Place(workshop, disk)
            return _try(inner, name, f"{name}, a disk of {size} bytes", lambda: None)


@contextmanager
def _small_disk(here: Place, size: int) -> Iterator[bool]:
    disk = here.folder / "disk"
    disk.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)]
    mounted = subprocess.run(words, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(disk)], check=True)


def _try(here: Place, name: str, title: str, inside: Inside) -> Finding:
    start = time.monotonic()
    (here.folder / "tmp").mkdir(exist_ok=True)
    answer = here.run(name, inside)
    found: dict[str, str] = {}
    if answer.code is None:
        found["hangs"] = title
    elif "Traceback" in answer.text or answer.code not in (0, 1, 2):
        found["tracebacks"] = f"exit code {answer.code}: {last_line(answer.text)}"
    if left := [path.name for path in (here.folder / "tmp").iterdir()]:
        found["files changed"] = f"left in the temporary folder: {', '.join(left)}"
    if here.folder.is_mount():
        subprocess.run(["mount", "-o", "remount,size=500000000", str(here.folder)], check=True)
    found |= {k: v for k, v in judge_repeat(here, name) if k not in found}
    return Finding(title, found, time.monotonic() - start)
