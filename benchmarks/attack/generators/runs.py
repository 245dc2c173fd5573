"""Runs whose files were edited, damaged, exchanged or lost."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.attack.case import EITHER, REFUSE, SAME, Case
from benchmarks.attack.generators.bytes import damaged
from benchmarks.attack.workshop import Workshop

KIND = "runs"
Damage = Callable[[Path], object]
LIGHT = (
    ("describe", "run", "--json"),
    ("runs", "list", ".", "--json"),
    ("compare", "run", "run", "--json"),
)
HEAVY = (("evaluate", "run", "--json"), ("predict", "run", "{image}", "--json"))
EXPORT = ("export", "run", "--tflite", "--out", "{out}/export", "--json")
CORE = ("plan.yaml", "split.csv", "labels.txt", "metrics.json", "model.keras", "provenance.json")


def _text(name: str, change: Callable[[str], str]) -> Damage:
    def damage(run: Path) -> None:
        text = (run / name).read_text()
        changed = change(text)
        assert changed != text, f"{name} has nothing to change"
        (run / name).write_text(changed)

    return damage


def _lines(name: str, change: Callable[[list[str]], list[str]]) -> Damage:
    return _text(name, lambda text: "".join(change(text.splitlines(keepends=True))))


def _exchanged(one: str, other: str) -> Callable[[str], str]:
    return lambda text: text.replace(one, "\0").replace(other, one).replace("\0", other)


EDITS: dict[str, Damage] = {
    "labels exchanged": _lines("labels.txt", lambda ls: [ls[1], ls[0], *ls[2:]]),
    "a label twice": _lines("labels.txt", lambda ls: [ls[0], ls[0], *ls[2:]]),
    "a label missing": _lines("labels.txt", lambda ls: ls[:-1]),
    "a label more": _lines("labels.txt", lambda ls: [*ls, "zebra\n"]),
    "a blank label": _lines("labels.txt", lambda ls: ["\n", *ls[1:]]),
    "train and test exchanged": _text("split.csv", _exchanged(",train,", ",test,")),
    "classes exchanged in the split": _text("split.csv", _exchanged(",circle,", ",square,")),
    "labels exchanged in the split": _text("split.csv", _exchanged(",0,", ",1,")),
    "split without test": _lines("split.csv", lambda ls: [x for x in ls if ",test," not in x]),
    "split with a row twice": _lines("split.csv", lambda ls: [*ls, ls[-1]]),
    "split with another digest": _text("split.csv", lambda t: t[:-20] + "0" * 19 + "\n"),
    "image size 0": _text("plan.yaml", lambda t: t.replace("image_size: 32", "image_size: 0")),
    "image size 64": _text("plan.yaml", lambda t: t.replace("image_size: 32", "image_size: 64")),
    "resize crop": _text("plan.yaml", lambda t: t.replace("resize: squash", "resize: crop")),
    "resize unknown": _text("plan.yaml", lambda t: t.replace("resize: squash", "resize: melt")),
    "classes of the plan": _text("plan.yaml", _exchanged("- circle", "- square")),
    "accuracy 1": _text(
        "metrics.json", lambda t: t.replace('"test_accuracy": ', '"test_accuracy": 9')
    ),
    "metrics cut": _text("metrics.json", lambda t: t[: len(t) // 2]),
    "metrics a list": _text("metrics.json", lambda t: "[]"),
    "metrics of brackets": _text("metrics.json", lambda t: "[" * 200_000),
    "plan a bomb": _text("plan.yaml", lambda t: "a: " + "[" * 50_000),
}
"""Edits by hand that must be noticed."""


def replacements(name: str) -> dict[str, Damage]:
    """Return what may stand in place of a file of a run."""

    def gone(run: Path) -> Path:
        (run / name).unlink()
        return run / name

    return {
        "missing": gone,
        "empty": lambda run: (run / name).write_bytes(b""),
        "zeros": lambda run: (run / name).write_bytes(bytes((run / name).stat().st_size)),
        "a folder": lambda run: gone(run).mkdir(),
        "a link to itself": lambda run: gone(run).symlink_to(name),
        "a fifo": lambda run: os.mkfifo(gone(run)),
        "a device": lambda run: gone(run).symlink_to("/dev/zero"),
        "of another file": lambda run: shutil.copy(run / "report.html", run / name),
    }


def cases(rng: random.Random, workshop: Workshop, cheap: bool = False) -> Iterator[Case]:
    """Yield each edit for each command, each replacement, then damaged files for ever."""
    good = workshop.copy("run")
    image = str(workshop.folder / "images/circle/circle_0.png")
    commands = LIGHT if cheap else (*LIGHT, *HEAVY, EXPORT)

    def case(name: str, line: tuple[str, ...], damage: Damage, must: str) -> Case:
        words = tuple(word.replace("{image}", image) for word in line)
        return Case(KIND, f"{line[0]}: {name}", words, lambda u: damage(u / "run"), good, must)

    for name, damage in EDITS.items():
        for line in commands:
            trusting = line[0] in ("predict", "export", "evaluate")
            yield case(name, line, damage, SAME if trusting else EITHER)
    for file in CORE:
        for name, damage in replacements(file).items():
            line = rng.choice(commands)
            must = REFUSE if file == "model.keras" and line in (*HEAVY, EXPORT) else SAME
            yield case(f"{file} {name}", line, damage, EITHER if line in LIGHT else must)
    files = [p.relative_to(good.source).as_posix() for p in good.source.rglob("*") if p.is_file()]
    weights = [20 if name in CORE else 1 for name in files]
    while True:
        file = rng.choices(files, weights)[0]
        kind, data = damaged((good.source / file).read_bytes(), rng)
        line = rng.choice(commands)
        write = lambda run, f=file, d=data: (run / f).write_bytes(d)  # noqa: E731
        yield case(f"{kind} {file}", line, write, EITHER if line in LIGHT else SAME)
