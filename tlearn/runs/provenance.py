"""How a run came about: versions, machine, command line, seeds, where each split came from."""

from __future__ import annotations

import os
import platform
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tlearn.data.image_folder import SPLITS, ImageFolder
from tlearn.data.manifest import SplitManifest
from tlearn.errors import quoted
from tlearn.recipe.plan import Plan
from tlearn.runs.directory import RunDirectory
from tlearn.runs.metrics import damaged
from tlearn.storage.text import first_problem, read_json, write_json

VERSION = 1
_DISTRIBUTIONS = {
    "tlearn": ("tlearn",),
    "keras": ("keras",),
    "tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-intel", "tensorflow-macos"),
    "jax": ("jax",),
    "litert": ("ai-edge-litert",),
    "numpy": ("numpy",),
    "scipy": ("scipy",),
    "pillow": ("pillow",),
}
"""Package to the names under which it may be installed."""


@dataclass(frozen=True)
class SplitOrigin:
    """Where the images of one split came from.

    Attributes:
        source: "folders" or "csv", which gave it; "drawn" at random; "rest", what the drawn splits
            left; "cross_validation", which replaces it; or "absent".
        fraction: Share drawn of each class; None where nothing was drawn.
        drawn_from: "all" images or those of "train".
        seed: Of the draw, or of the folds.
        folds: Number of folds.
    """

    source: str
    fraction: float | None = None
    drawn_from: str | None = None
    seed: int | None = None
    folds: int | None = None

    def in_words(self) -> str:
        """Return the origin as a phrase: "given by the folders"."""
        if self.source == "drawn":
            images = "training images" if self.drawn_from == "train" else "images"
            share = f"{100 * (self.fraction or 0.0):.3g}%"
            return f"{share} of the {images} of each class, drawn with seed {self.seed}"
        return {
            "folders": "given by the folders",
            "csv": "given by the CSV",
            "rest": "what the other splits leave",
            "cross_validation": f"none; {self.folds}-fold cross-validation on train instead",
            "absent": "none",
        }[self.source]


@dataclass(frozen=True)
class Provenance:
    """How a run came about.

    Attributes:
        date: When training started (ISO 8601).
        command: The command line that started it.
        python: Version of Python.
        versions: Package to version; None where it is not installed.
        system: Operating system and its version.
        processor: Model of the processor.
        cores: Number of logical cores.
        seeds: What was drawn at random to its seed.
        splits: "train", "val" and "test" to their origin.
        updated_from: Directory of the run that images were added to; None for a run of its own.
        added: What the names of images begin with that were added, by this and earlier updates.
    """

    date: str
    command: str
    python: str
    versions: dict[str, str | None]
    system: str
    processor: str
    cores: int | None
    seeds: dict[str, int]
    splits: dict[str, SplitOrigin]
    updated_from: str | None = None
    added: tuple[str, ...] = ()

    def in_words(self) -> dict[str, str]:
        """Return the provenance as rows of a table, in the order to show them."""
        return {
            "command": self.command,
            "date": self.date,
            **({"updated from": self.updated_from} if self.updated_from else {}),
            **{f"{split} split": origin.in_words() for split, origin in self.splits.items()},
            "seeds": ", ".join(f"{name} {seed}" for name, seed in self.seeds.items()),
            "system": self.system,
            "processor": f"{self.processor}, {self.cores} cores",
            "python": self.python,
            **{package: version for package, version in self.versions.items() if version},
        }


def collect_provenance(
    folder: ImageFolder, manifest: SplitManifest, plan: Plan, arguments: Sequence[str] | None = None
) -> Provenance:
    """Collect the provenance of a run that is about to be trained.

    Args:
        folder: What was scanned.
        manifest: How it was split.
        plan: What is about to run.
        arguments: The command line; None takes that of this process.
    """
    splits = split_origins(folder, manifest, plan)
    drawn = any(origin.seed is not None for origin in splits.values())
    return Provenance(
        date=datetime.now().astimezone().isoformat(timespec="seconds"),
        command=command_line(sys.argv if arguments is None else arguments),
        python=platform.python_version(),
        versions=installed_versions(),
        system=platform.platform(),
        processor=processor_name(),
        cores=os.cpu_count(),
        seeds=({"split": plan.seed} if drawn else {}) | {"training": plan.seed},
        splits=splits,
    )


def write_provenance(run: RunDirectory, provenance: Provenance) -> None:
    """Write `provenance.json`.

    Raises:
        HostError: It cannot be written.
    """
    write_json(run.provenance_path, {"version": VERSION} | asdict(provenance))


def read_provenance(run: RunDirectory) -> Provenance | None:
    """Read `provenance.json`; None for a run of the first version, which has none.

    Raises:
        RunError: It is damaged, or of another version.
    """
    from pydantic import TypeAdapter, ValidationError

    path = run.provenance_path
    if not os.path.lexists(path):
        return None
    document = read_json(path)
    written = document.get("version") if isinstance(document, dict) else None
    if written != VERSION:
        raise damaged(run, f"{quoted(path)}: version {written!r}; this tlearn reads {VERSION}")
    try:
        return TypeAdapter(Provenance).validate_python(document)
    except ValidationError as error:
        raise damaged(run, f"{quoted(path)}: {first_problem(error)}") from error


def split_origins(
    folder: ImageFolder, manifest: SplitManifest, plan: Plan
) -> dict[str, SplitOrigin]:
    """Return where each split came from.

    Args:
        folder: What was scanned; its images carry the splits that the layout gives.
        manifest: The splits in use.
        plan: Fractions and seed; a fraction that was not used appears nowhere.
    """
    by_layout = {image.split for image in folder.images} - {None}
    layout = SplitOrigin("csv" if folder.layout == "csv" else "folders")
    pool = "train" if by_layout else "all"
    fractions = {"val": plan.split.val_fraction, "test": plan.split.test_fraction}

    def origin(split: str) -> SplitOrigin:
        if split in by_layout:
            return layout
        if split == "train":
            return SplitOrigin("rest")
        if manifest.count(split):
            return SplitOrigin("drawn", fractions[split], pool, plan.seed)
        if split == "val" and manifest.folds:
            return SplitOrigin("cross_validation", seed=plan.seed, folds=manifest.folds)
        return SplitOrigin("absent")

    return {split: origin(split) for split in SPLITS}


def command_line(argv: Sequence[str]) -> str:
    """Return a command line as it can be typed again.

    Args:
        argv: Program and arguments, as `sys.argv` has them. The program is shown as "tlearn"
            however it was started; a script that imports tlearn keeps its name.
    """
    program, *arguments = [*argv] or [""]
    path = Path(program)
    if path.stem == "tlearn" or (path.name == "__main__.py" and path.parent.name == "tlearn"):
        program = "tlearn"
    return shlex.join([program, *arguments])


def installed_versions() -> dict[str, str | None]:
    """Return the versions of what a result depends on; nothing is imported."""
    return {package: _version(names) for package, names in _DISTRIBUTIONS.items()}


def _version(names: Sequence[str]) -> str | None:
    for name in names:
        with suppress(PackageNotFoundError):
            return version(name)
    return None


def processor_name() -> str:
    """Return the model of the processor; Python itself knows it on Windows only."""
    with suppress(OSError, subprocess.SubprocessError):
        if sys.platform == "darwin":
            line = ["sysctl", "-n", "machdep.cpu.brand_string"]
            return subprocess.run(line, capture_output=True, text=True, timeout=5).stdout.strip()
        text = Path("/proc/cpuinfo").read_text("utf-8", "replace")
        if model := re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE):
            return model[1].strip()
    return platform.processor() or platform.machine()
