"""What a machine is made of, asked of the system: memory, GPUs, WSL2. No framework is imported."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
"""Where a container, or a job of a cluster, says how much memory it may take."""

_CARDS = Path("/proc/driver/nvidia/gpus")
_SMI = ("nvidia-smi", "--query-gpu=name", "--format=csv,noheader")


def memory_bytes(limits: Iterable[Path] = _LIMITS) -> int | None:
    """Return the memory that this process may use; None where the system does not say.

    Args:
        limits: Files that hold a limit in bytes, or a word where there is none.
    """
    if sys.platform == "win32":
        kilobytes = ctypes.c_ulonglong()
        ctypes.windll.kernel32.GetPhysicallyInstalledSystemMemory(ctypes.byref(kilobytes))
        return 1024 * kilobytes.value or None
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in limits:
        with suppress(OSError, ValueError):
            found.append(int(path.read_text()))
    return min(found)


def list_gpus(cards: Path = _CARDS) -> tuple[str, ...]:
    """Return the names of the GPUs of NVIDIA and Apple, whether or not anything can use them.

    Args:
        cards: Where NVIDIA's driver describes its cards, which is asked where nvidia-smi fails.
    """
    if sys.platform == "darwin":
        return ("Apple silicon (Metal)",) if platform.machine() == "arm64" else ()
    with suppress(OSError, subprocess.SubprocessError):
        shown = subprocess.run(_SMI, capture_output=True, text=True, timeout=10, check=True)
        return tuple(line.strip() for line in shown.stdout.splitlines() if line.strip())
    texts = [path.read_text("utf-8", "replace") for path in sorted(cards.glob("*/information"))]
    return tuple(name for text in texts for name in re.findall(r"^Model:\s*(.+)$", text, re.M))


def in_wsl() -> bool:
    """Return whether this is Linux inside of Windows."""
    return "microsoft" in platform.release().lower()
