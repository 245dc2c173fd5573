"""What an artefact costs a process that has nothing yet: time to the first answer, and memory.

`python -m tlearn.artifacts.cold_start FILE` is the fresh process; it prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tlearn.artifacts.runtime import drawn_image, open_runtime
from tlearn.errors import ExportError

_HIGH_WATER = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)


@dataclass(frozen=True)
class ColdStart:
    """The first answer of a fresh process, on one thread.

    Attributes:
        seconds: From opening the file to the first answer; importing the runtime is included.
        peak_bytes: Largest memory, above that of the same process before; None where the system
            does not tell.
    """

    seconds: float
    peak_bytes: int | None


def cold_start(path: Path) -> ColdStart:
    """Start a process of its own for an artefact and wait for its first answer.

    Raises:
        ExportError: The process did not live to answer.
    """
    line = [sys.executable, "-m", "tlearn.artifacts.cold_start", str(path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(line, env=environment, capture_output=True, text=True, errors="replace")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it was stopped from outside"])[-1]
        raise ExportError(
            f"{path} did not answer in a process of its own: {last}",
            "it may need more memory than is free",
        )
    return ColdStart(**json.loads(done.stdout.strip().splitlines()[-1]))


def _measure(path: Path) -> ColdStart:
    before = _peak_bytes()
    began = time.perf_counter()
    runtime = open_runtime(path, threads=1)
    runtime(drawn_image(runtime))
    seconds = time.perf_counter() - began
    after = _peak_bytes()
    return ColdStart(seconds, None if before is None or after is None else after - before)


def _peak_bytes() -> int | None:
    """The largest resident memory so far."""
    # On Linux getrusage still knows the process that this one was started from, which may have
    # been larger; the kernel's own high-water mark begins with the program.
    status = Path("/proc/self/status")
    if status.exists():
        found = _HIGH_WATER.search(status.read_text())
        return 1024 * int(found[1]) if found else None
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    print(json.dumps(asdict(_measure(Path(sys.argv[1])))))
