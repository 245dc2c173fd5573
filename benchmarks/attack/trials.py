"""Whole commands that are disturbed, and what they leave next to what they leave in peace."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from benchmarks.attack.case import last_line, remove_tree, stable
from benchmarks.attack.process import Answer, Inside, run_command, start_command
from benchmarks.attack.workshop import FORMATS, SMALL, Workshop

_TRAIN = ("finetune", "{work}/images", SMALL, "--out", "run", "--json", "--policy")
COMMANDS: dict[str, tuple[str, ...]] = {
    "suggest": ("suggest", "{work}/images", SMALL, "--json"),
    "suggest of many": ("suggest", "{work}/many", SMALL, "--json"),
    "linear-head": (*_TRAIN, "linear-head"),
    "linear-head of many": (_TRAIN[0], "{work}/many", *_TRAIN[2:], "linear-head"),
    "top-stages": (*_TRAIN, "top-stages", "--epochs", "3"),
    "deep": (*_TRAIN, "deep", "--epochs", "3"),
    "from-scratch": (*_TRAIN, "from-scratch", "--epochs", "3"),
    **{
        f"export {name}": ("export", "{work}/run", f"--{name}", "--out", "export", "--json")
        for name in FORMATS
    },
    "distill": (
        *("distill", "{work}/many", "--teacher", "{work}/run", "--student", "mobilenet_025"),
        *("--image-size", "32", "--for", "10s", "--out", "student"),
    ),
}
"""Commands with a name; `{work}` is the workshop."""

_TEMPORARY = re.compile(r"^\.([0-9a-f]{8}-|trash-|unfinished-)")
_LIMIT = 400


@dataclass(frozen=True)
class Finding:
    """A trial: what was tried, what was found in which column, how long it took."""

    name: str
    found: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class Place:
    """A folder in which a command runs, with a cache and a folder for temporary files."""

    workshop: Workshop
    folder: Path

    @property
    def cache(self) -> Path:
        """The cache of this place."""
        return self.folder / "cache"

    def line(self, name: str) -> list[str]:
        """Return a command's arguments here."""
        return self.workshop.fill(COMMANDS[name], {"{work}": str(self.workshop.folder)})

    def variables(self, **more: str) -> dict[str, str]:
        """Return the environment here."""
        own = {"TLEARN_CACHE": str(self.cache), "TMPDIR": str(self.folder / "tmp")}
        return {**self.workshop.variables, **own, **more}

    def run(self, name: str, inside: Inside = lambda: None, **more: str) -> Answer:
        """Run a command to its end."""
        self._output(name).unlink(missing_ok=True)
        variables = self.variables(**more)
        output = self._output(name)
        return run_command(self.line(name), self.folder, variables, _LIMIT, output, inside)

    def start(self, name: str, **more: str) -> int:
        """Start a command and return its process."""
        output = self._output(name)
        return start_command(self.line(name), self.folder, self.variables(**more), output)

    def said(self, name: str) -> str:
        """Return what a command that was started has written."""
        return self._output(name).read_text(errors="replace")

    def results(self, name: str, answer: Answer | None = None) -> dict[str, Any]:
        """Return what must be equal however a command came to its end."""
        found: dict[str, Any] = {}
        if name.startswith("suggest") and answer:
            found["advice"] = stable(answer.document)
        if (model := self.folder / "run/model.keras").exists():
            found["weights"] = digest_of_weights(model)
            metrics = json.loads((model.parent / "metrics.json").read_text())
            found["accuracy"] = stable({k: metrics.get(k) for k in ("test_accuracy", "reports")})
            found["files"] = sorted(path.name for path in model.parent.iterdir())
        for path in sorted((self.folder / "export").rglob("*contract.json")):
            contract = json.loads(path.read_text())
            found[path.name] = {key: contract[key] for key in ("labels", "golden", "provenance")}
        return found

    def leftovers(self) -> list[str]:
        """Return the temporary names that are left where a person looks, and in the cache."""
        found = [path for path in self.folder.rglob(".*") if _TEMPORARY.match(path.name)]
        return [path.relative_to(self.folder).as_posix() for path in found]

    def _output(self, name: str) -> Path:
        return self.folder / f"{name}.txt"


def digest_of_weights(model: Path) -> str:
    """Return a digest of every array in a Keras file, which itself holds dates."""
    total = hashlib.sha256()

    def add(name: str, entry: Any) -> None:
        if isinstance(entry, h5py.Dataset):
            total.update(name.encode() + np.asarray(entry).tobytes())

    with zipfile.ZipFile(model) as archive, archive.open("model.weights.h5") as file:
        h5py.File(file, "r").visititems(add)
    return total.hexdigest()


@contextmanager
def place(workshop: Workshop, warm: bool, name: str = "trial") -> Iterator[Place]:
    """Make a place, with a filled cache or none, and remove it."""
    folder = workshop.folder / name
    remove_tree(folder)
    (folder / "tmp").mkdir(parents=True)
    if warm:
        shutil.copytree(workshop.cache, folder / "cache")
    try:
        yield Place(workshop, folder)
    finally:
        remove_tree(folder)


@cache
def reference(workshop: Workshop, name: str) -> tuple[dict[str, Any], float]:
    """Return what a command gives in peace, and its seconds."""
    with place(workshop, warm=True, name="peace") as here:
        start = time.monotonic()
        answer = here.run(name)
        assert answer.code == 0, f"{name} fails in peace: {answer.text}"
        return here.results(name, answer), time.monotonic() - start


def judge_repeat(here: Place, name: str) -> Iterator[tuple[str, str]]:
    """Repeat a disturbed command, undisturbed, and yield what is then wrong."""
    answer = here.run(name)
    if answer.code is None:
        yield "hangs", f"the repeat takes over {_LIMIT} s"
    elif "Traceback" in answer.text or answer.code not in (0, 2):
        yield "tracebacks", f"the repeat: {last_line(answer.text)}"
    elif answer.code and "already" not in answer.text:
        yield "lost", f"the repeat: {last_line(answer.text)}"
    else:
        yield from differences(here, name, answer)
    if left := here.leftovers():
        yield "files changed", f"left behind: {', '.join(left[:4])}"


def differences(here: Place, name: str, answer: Answer) -> Iterator[tuple[str, str]]:
    """Yield how the results of a command differ from those in peace, and those of the cache."""
    expected, _ = reference(here.workshop, name)
    results = here.results(name, answer)
    wrong = [key for key in expected if results.get(key) != expected[key]]
    if wrong:
        values = [f"{key}: {results.get(key)!r:.150} != {expected[key]!r:.150}" for key in wrong]
        yield "lost", "; ".join(values)
    if not name.startswith("suggest"):
        advice = here.run("suggest")
        if advice.code or here.results("suggest", advice)["advice"] != _advice(here.workshop):
            yield "accepted and should not be", f"the cache misleads: {last_line(advice.text)}"


def _advice(workshop: Workshop) -> Any:
    return reference(workshop, "suggest")[0]["advice"]
