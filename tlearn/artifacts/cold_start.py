"""What an artifact costs a fresh process: time to the first answer, and memory.

`python -m tlearn.artifacts.cold_start FILE` is that process; it prints one line of JSON.
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

from tlearn.artifacts.runtime import open_runtime, random_image
from tlearn.errors import ExportError, TlearnError, quoted

_MOST_SECONDS = 300
_PEAK_LINE = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)


@dataclass(frozen=True)
class ColdStart:
    """The first answer of a fresh process, on one thread.

    Attributes:
        seconds: Time from opening the file to the first answer, with the import of the runtime.
        peak_bytes: Peak memory above that of the same process before; None if the system does not
            report it.
    """

    seconds: float
    peak_bytes: int | None


def cold_start(path: Path) -> ColdStart:
    """Measure the start of an artifact in a fresh process.

    Raises:
        ExportError: The process ended without an answer.
    """
    command = [sys.executable, "-m", "tlearn.artifacts.cold_start", str(path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    try:
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_MOST_SECONDS,
        )
        killed = f"the process was killed ({done.returncode})"
        problem = done.returncode and (done.stderr.strip().splitlines() or [killed])[-1][:300]
        if done.returncode == ExportError.exit_code:  # in words of ours
            raise ExportError(str(problem), "export it again: tlearn export RUN")
    except subprocess.TimeoutExpired:
        problem = f"it took more than {_MOST_SECONDS} seconds"
    if problem:
        raise ExportError(
            f"{quoted(path)} gave no answer in a fresh process: {problem}",
            "close other programs in case memory ran out, or export it again: tlearn export RUN",
        )
    return ColdStart(**json.loads(done.stdout.strip().splitlines()[-1]))


def _measure(path: Path) -> ColdStart:
    before = _peak_bytes()
    started = time.perf_counter()
    runtime = open_runtime(path, threads=1)
    runtime(random_image(runtime))
    seconds = time.perf_counter() - started
    after = _peak_bytes()
    return ColdStart(seconds, None if before is None or after is None else after - before)


def _peak_bytes() -> int | None:
    """Return the peak resident memory of this process so far."""
    # On Linux getrusage includes the process that this one was forked from, which may have been
    # larger; the kernel's own peak starts with the program.
    status = Path("/proc/self/status")
    if status.exists():
        peak = _PEAK_LINE.search(status.read_text())
        return 1024 * int(peak[1]) if peak else None
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    try:
        print(json.dumps(asdict(_measure(Path(sys.argv[1])))))
    except TlearnError as problem:
        print(problem.message, file=sys.stderr)
        sys.exit(problem.exit_code)
