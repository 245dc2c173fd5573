"""Commands side by side, with a cache that holds a tenth of what they need and is cleared."""

from __future__ import annotations

import random
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack

from benchmarks.attack.process import Answer, run_command, wait_for
from benchmarks.attack.trials import Finding, Place, differences, place, reference
from benchmarks.attack.workshop import Workshop
from tlearn.storage.cache import folder_bytes

KIND = "side by side"
_LIMIT = 400
_COMMANDS = ("suggest", "linear-head", "top-stages"), ("suggest of many", "linear-head of many")
"""Commands on one folder, and on another: each round has one of either, and one more."""


def trial(workshop: Workshop, options: Namespace) -> Iterator[Finding]:
    """Start three commands with one cache, clear it while they run, compare figures."""
    rng = random.Random(options.seed)
    for name in (*_COMMANDS[0], *_COMMANDS[1]):
        reference(workshop, name)
    tenth = folder_bytes(workshop.cache) / 10 / 1e9
    for number in range(options.rounds):
        names = [rng.choice(_COMMANDS[n]) for n in (0, 1, rng.randrange(2))]
        start = time.monotonic()
        with ExitStack() as stack:
            places = [
                stack.enter_context(place(workshop, warm=False, name=f"side{n}"))
                for n in range(len(names))
            ]
            found = _round(places, names, rng, f"{tenth:.6f}")
        yield Finding(f"round {number}: {', '.join(names)}", found, time.monotonic() - start)


def _round(places: list[Place], names: list[str], rng: random.Random, limit: str) -> dict[str, str]:
    shared = {"TLEARN_CACHE": str(places[0].cache), "TLEARN_CACHE_GB": limit}
    children = []
    for here, name in zip(places, names, strict=True):
        children.append(here.start(name, **shared))
        time.sleep(rng.uniform(0, 2))
    for clearing in range(3):
        time.sleep(rng.uniform(0, 2))
        here = places[0]
        output = here.folder / f"clear {clearing}.txt"
        run_command(["cache", "clear"], here.folder, here.variables(**shared), 60, output)
    found: dict[str, str] = {}
    for here, name, child in zip(places, names, children, strict=True):
        answer = Answer(wait_for(child, _LIMIT), here.said(name))
        if answer.code is None:
            found["hangs"] = name
        elif answer.code:
            column = "tracebacks" if "Traceback" in answer.text else "lost"
            found[column] = f"{name}: {answer.text[-300:]}"
        else:
            found |= dict(differences(here, name, answer))
    return found
