"""A case of the attack: a folder of images or files, what is broken in it, a command, a verdict."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.attack.process import Answer, run_command
from benchmarks.attack.workshop import Workshop, filled

REFUSE, ACCEPT, EITHER, SAME = "refuse", "accept", "either", "same"
FOUND = ("tracebacks", "hangs", "files changed", "accepted and should not be", "lost")
"""What goes wrong, as columns of the table."""

_EXIT_CODES = {0, 1, 2}
_VOLATILE = re.compile(r"seconds|tim(e|ing)|date|_ms|latency|run|arti?e?fact|picture|image$|folder")
_USER, _OUT = "user", "out"
_LARGE = 1 << 28
Build = Callable[[Path], object]


@dataclass(frozen=True)
class Case:
    """One command on one broken input.

    Attributes:
        kind: The generator that it is from.
        name: What is broken.
        line: The command, run in the folder; `{out}` is a folder for what it writes.
        damage: Breaks the folder.
        prepare: Fills the folder with what is good, before `damage`.
        must: REFUSE (exit code not 0), ACCEPT (exit code 0), SAME (refused, or answered as without
            the damage), or EITHER.
        variables: Changes of the environment; None unsets one, `{out}` and `{user}` are folders.
        inside: Called in the process before the command.
        may_change: Whether the command may write into the user's folder.
        fresh: Whether Python is started anew, for what it reads at its start.
    """

    kind: str
    name: str
    line: tuple[str, ...]
    damage: Build = lambda _: None
    prepare: Build = lambda _: None
    must: str = EITHER
    variables: Mapping[str, str | None] = field(default_factory=dict)
    inside: Callable[[], object] = lambda: None
    may_change: bool = False
    fresh: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a case: a column of the table with the reason, or nothing found."""

    answer: Answer
    found: Mapping[str, str]


class Judge:
    """Runs cases below a folder, each in a fresh one, and says what they found.

    Args:
        workshop: What the cases break.
        limit: Seconds that a command may take.
    """

    def __init__(self, workshop: Workshop, limit: float = 90) -> None:
        self.workshop, self.folder, self.limit = workshop, workshop.folder, limit
        self._references: dict[tuple[Any, ...], Any] = {}

    def run(self, case: Case) -> Outcome:
        """Run a case and judge it; its folder is removed."""
        scratch = self.folder / "case"
        try:
            answer, changed = self._answer(case, scratch, case.damage)
            return Outcome(answer, dict(self._findings(case, answer, changed)))
        finally:
            remove_tree(scratch)

    def _answer(self, case: Case, scratch: Path, damage: Build) -> tuple[Answer, list[str]]:
        remove_tree(scratch)
        user, out = scratch / _USER, scratch / _OUT
        user.mkdir(parents=True)
        out.mkdir()
        case.prepare(user)
        damage(user)
        before = {} if case.may_change else digest_tree(user)
        places = {"{out}": str(out), "{user}": str(user)}
        line = self.workshop.fill(case.line, places)
        own = {name: value and filled(value, places) for name, value in case.variables.items()}
        variables = {**self.workshop.variables, **own}
        output = out / "output"
        answer = run_command(line, user, variables, self.limit, output, case.inside, case.fresh)
        after = {} if case.may_change else digest_tree(user)
        names = sorted(before.keys() | after.keys())
        return answer, [name for name in names if before.get(name) != after.get(name)]

    def _findings(self, case: Case, answer: Answer, changed: list[str]) -> Any:
        if answer.code is None:
            yield "hangs", f"over {self.limit:.0f} s"
            return
        failed = "Traceback (most recent" in answer.text or answer.code not in _EXIT_CODES
        if failed:
            yield "tracebacks", f"exit code {answer.code}: {last_line(answer.text)}"
        if changed:
            yield "files changed", ", ".join(changed[:3])
        accepted = answer.code == 0
        if case.must == REFUSE and accepted:
            yield "accepted and should not be", "exit code 0"
        if case.must == ACCEPT and not accepted and not failed:
            yield "lost", f"refused: {last_line(answer.text)}"
        if case.must in (REFUSE, SAME):
            reference = self._reference(case)
            same = case.must == REFUSE or not accepted
            wrong = "" if same else first_difference(reference, stable(answer.document))
            if wrong:
                yield "accepted and should not be", wrong

    def _reference(self, case: Case) -> Any:
        """Return the answer without the damage, which proves nothing if that is refused too."""
        key = (case.line, case.prepare)
        if key not in self._references:
            good, _ = self._answer(case, self.folder / "reference", lambda _: None)
            assert good.code == 0, f"{case.name}: fails without the damage: {good.text}"
            self._references[key] = stable(good.document) if "--json" in case.line else None
        return self._references[key]


def stable(value: Any) -> Any:
    """Return a JSON document without paths and times."""
    if isinstance(value, dict):
        return {k: stable(v) for k, v in value.items() if not _VOLATILE.search(k)}
    if isinstance(value, list):
        return [stable(item) for item in value]
    return value


def first_difference(one: Any, other: Any, at: str = "") -> str:
    """Return where two documents differ first, and how; '' if they are equal."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        parts = [first_difference(one[key], other[key], f"{at}.{key}") for key in one]
        return next((part for part in parts if part), "")
    if isinstance(one, float) and isinstance(other, float) and abs(one - other) < 1e-6:
        return ""
    return (
        ""
        if one == other
        else f"{at.strip('.')}: {json.dumps(one)[:60]} != {json.dumps(other)[:60]}"
    )


def digest_tree(folder: Path) -> dict[str, str]:
    """Return kind, mode and content of everything below a folder, links not followed."""
    found = {}
    waiting = [os.fsencode(folder)]
    while waiting:
        path = waiting.pop()
        try:
            entries = [os.path.join(path, name) for name in os.listdir(path)]
            found_here = [(full, os.lstat(full)) for full in entries]
        except OSError:  # deeper than a path can be long, or without permission
            continue
        for full, about in found_here:
            content = ""
            if stat.S_ISDIR(about.st_mode):
                waiting.append(full)
            elif stat.S_ISLNK(about.st_mode):
                content = repr(os.readlink(full))
            elif stat.S_ISREG(about.st_mode):
                content = f"{about.st_size} {_digest(full) if about.st_size < _LARGE else ''}"
            found[repr(full)] = f"{about.st_mode} {content}"
    return found


def _digest(path: bytes) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_tree(folder: Path) -> None:
    """Remove a folder, however deep and whatever its modes."""
    subprocess.run(["chmod", "-R", "u+rwx", folder], capture_output=True)
    subprocess.run(["rm", "-rf", folder], check=True)


def last_line(text: str) -> str:
    """Return the line that says what happened."""
    lines = [line for line in text.strip().splitlines() if line and not line.startswith("hint:")]
    return lines[-1][:160] if lines else "nothing said"
