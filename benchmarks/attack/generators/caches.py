"""Caches in which files were damaged, exchanged, or replaced by links and folders."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.attack.case import EITHER, SAME, Case
from benchmarks.attack.generators.bytes import damaged
from benchmarks.attack.workshop import SMALL, Workshop

KIND = "caches"
Damage = Callable[[Path], object]
SUGGEST = ("suggest", "{images}", SMALL, "--json")
FINETUNE = (
    "finetune",
    "{images}",
    SMALL,
    "--policy",
    "linear-head",
    "--out",
    "{out}/run",
    "--json",
)
LINES = (*[SUGGEST] * 5, FINETUNE, ("cache", "--json"), ("cache", "clear", "--json"))


def _replaced(path: Path) -> Path:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        path.unlink()
    return path


REPLACED: dict[str, Damage] = {
    "missing": _replaced,
    "empty": lambda p: _replaced(p).touch(),
    "zeros": lambda p: p.write_bytes(bytes(p.stat().st_size)) if p.is_file() else None,
    "a folder": lambda p: _replaced(p).mkdir(),
    "a link to itself": lambda p: _replaced(p).symlink_to(p.name),
    "a link outside": lambda p: _replaced(p).symlink_to("/nowhere/else"),
    "a fifo": lambda p: os.mkfifo(_replaced(p)),
    "a device": lambda p: _replaced(p).symlink_to("/dev/zero"),
}


def cases(rng: random.Random, workshop: Workshop, cheap: bool = False) -> Iterator[Case]:
    """Yield each replacement of each entry of the cache, then damaged files for ever."""
    good = workshop.copy("cache")
    images = str(workshop.folder / "images")
    lines = (SUGGEST, LINES[-1]) if cheap else LINES
    entries = sorted(p.relative_to(good.source) for p in good.source.rglob("*"))
    files = [p for p in entries if (good.source / p).is_file()]

    def case(name: str, line: tuple[str, ...], damage: Damage) -> Case:
        words = tuple(word.replace("{images}", images) for word in line)
        return Case(
            *(KIND, f"{line[0]}: {name}", words, lambda u: damage(u / "cache"), good),
            must=SAME if line in (SUGGEST, FINETUNE) else EITHER,
            variables={"TLEARN_CACHE": "{user}/cache"},
            may_change=True,
        )

    for entry in entries:
        for name, damage in REPLACED.items():
            replace = lambda c, e=entry, d=damage: d(c / e)  # noqa: E731
            yield case(f"{entry} {name}", rng.choice(lines), replace)
    while True:
        file = rng.choice(files)
        kind, data = damaged((good.source / file).read_bytes(), rng)
        write = lambda c, f=file, d=data: (c / f).write_bytes(d)  # noqa: E731
        yield case(f"{kind} {file}", rng.choice(lines), write)
