"""Commands of tlearn in forked processes: a fork has all modules loaded, and may be killed."""

from __future__ import annotations

import atexit
import importlib
import json
import os
import pkgutil
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tlearn

LIGHT = ("PIL.Image", "numpy", "scipy.optimize", "sklearn.linear_model", "rich.text", "yaml")
HEAVY = ("keras", "tensorflow", "matplotlib.pyplot", "ai_edge_litert.interpreter")
_BUG, _MEMORY = 70, 6 << 30
"""Exit code of a bug, and bytes: /dev/zero, read to its end, must not take the machine."""

Inside = Callable[[], object]


@dataclass(frozen=True)
class Answer:
    """Exit code (None after the limit, negative for a signal) and what was written."""

    code: int | None
    text: str

    @property
    def document(self) -> Any:
        """Return the JSON document in the output."""
        start = self.text.find("\n{\n") + 1 if not self.text.startswith("{") else 0
        return json.JSONDecoder().raw_decode(self.text[start:])[0]


def load_modules(heavy: bool) -> None:
    """Import what commands need, once for all of them."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in LIGHT + HEAVY * heavy:
        importlib.import_module(name)
    for module in pkgutil.walk_packages(tlearn.__path__, "tlearn.") if heavy else ():
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    importlib.import_module("tlearn.cli.app")


def start_command(
    line: Sequence[str],
    folder: Path,
    variables: Mapping[str, str | None],
    output: Path,
    inside: Inside = lambda: None,
    fresh: bool = False,
) -> int:
    """Start `tlearn LINE` in a folder and return its process id.

    Args:
        line: The arguments of `tlearn`.
        folder: The working directory.
        variables: Changes of the environment; None unsets one.
        output: The file that both streams go to.
        inside: Called in the process before the command.
        fresh: Whether Python is started anew, for what it reads at its start.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child:
        return child
    code = _BUG
    try:
        os.setsid()
        _redirect(output)
        os.chdir(folder)
        tempfile.tempdir = None  # TMPDIR may be another
        for name, value in variables.items():
            os.environ.pop(name, None)
            os.environ |= {} if value is None else {name: value}
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
        if fresh:
            inside()
            os.execv(sys.executable, [sys.executable, "-m", "tlearn", *line])
        code = _main(line, inside)
    finally:
        os._exit(code)


def _main(line: Sequence[str], inside: Inside) -> int:
    from tlearn.cli import app

    sys.argv = ["tlearn", *line]
    code: Any = _BUG
    try:
        inside()
        app.main()
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        traceback.print_exc()
    atexit._run_exitfuncs()  # as Python does at its end; os._exit leaves them out
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            os._exit(120 if code == 0 else code)  # the same
    return code if isinstance(code, int) else 1


def _redirect(output: Path) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number, descriptor in enumerate((null, file, file)):
        os.dup2(descriptor, number)
    os.closerange(3, 64)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", closefd=False, encoding="utf-8")  # noqa: SIM115
    sys.stderr = open(2, "w", closefd=False, encoding="utf-8")  # noqa: SIM115


def wait_for(child: int, limit: float, kill_it: bool = True) -> int | None:
    """Wait for a process; return its exit code, negative for a signal, or None after the limit."""
    end = time.monotonic() + limit
    pause = 0.005
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(pause)
        pause = min(pause * 1.3, 0.1)
    if kill_it:
        kill(child, signal.SIGKILL)
    return None


def kill(child: int, number: int) -> int:
    """Send a signal and wait for the end; return the exit code."""
    os.kill(child, number)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def run_command(
    line: Sequence[str],
    folder: Path,
    variables: Mapping[str, str | None],
    limit: float,
    output: Path,
    inside: Inside = lambda: None,
    fresh: bool = False,
) -> Answer:
    """Run `tlearn LINE` in a folder and return what came of it."""
    code = wait_for(start_command(line, folder, variables, output, inside, fresh), limit)
    return Answer(code, output.read_bytes().decode(errors="replace"))
