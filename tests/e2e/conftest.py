"""Commands in processes of their own, and a log of the heavy packages they import."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("tensorflow", "keras", "jax", "torch", "sklearn", "scipy", "matplotlib")
"""Each costs from a third of a second to several seconds to import."""

ROOT = Path(__file__).parents[2]
_IMPORT_HOOK = f"""
import os, sys
class ImportHook:
    def find_spec(self, name, path=None, target=None):
        if name in {HEAVY!r}:
            with open(os.environ["HEAVY_IMPORTS"], "a") as log:
                log.write(name + "\\n")
sys.meta_path.insert(0, ImportHook())
"""


class Program:
    """Runs `python -m tlearn` in a folder of its own and notes what heavy things it imports."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder, self.log = folder / "here", folder / "imports.txt"
        self.folder.mkdir()
        hooks = folder / "hooks"
        hooks.mkdir()
        (hooks / "sitecustomize.py").write_text(_IMPORT_HOOK)
        paths = [str(hooks), str(ROOT), os.environ.get("PYTHONPATH", "")]
        left_out = {"TLEARN_WEIGHTS", "TF_CPP_MIN_LOG_LEVEL"}
        self.environment = {key: v for key, v in os.environ.items() if key not in left_out} | {
            "PYTHONPATH": os.pathsep.join(paths),
            "HEAVY_IMPORTS": str(self.log),
            "TLEARN_CACHE": str(cache),
            "KERAS_HOME": str(folder / "keras"),
            # Nobody listens there: a download fails at once instead of reaching the net.
            "TLEARN_WEIGHTS_URL": "http://127.0.0.1:9/",
        }

    def __call__(self, *words: object) -> subprocess.CompletedProcess[str]:
        return self.python("-m", "tlearn", *words)

    def python(self, *words: object, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run Python with these arguments."""
        return subprocess.run(
            [sys.executable, *(str(word) for word in words)],
            cwd=self.folder,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
        )

    def heavy(self) -> set[str]:
        """What has been imported, by it or by a process that it started."""
        return set(self.log.read_text().split()) if self.log.exists() else set()


@pytest.fixture
def tlearn(tmp_path: Path, own_cache: Path) -> Program:
    return Program(tmp_path, own_cache)
