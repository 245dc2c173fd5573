"""Commands that are killed at random points, then repeated."""

from __future__ import annotations

import random
import signal
import time
from argparse import Namespace
from collections.abc import Iterator

from benchmarks.attack.process import kill, wait_for
from benchmarks.attack.trials import COMMANDS, Finding, judge_repeat, place, reference
from benchmarks.attack.workshop import Workshop

KIND = "kills"
_ENDED = {signal.SIGKILL: -signal.SIGKILL, signal.SIGTERM: 143, signal.SIGINT: 130}


def trial(workshop: Workshop, options: Namespace) -> Iterator[Finding]:
    """Kill each command in turn, as often as was asked for, and repeat it."""
    rng = random.Random(options.seed)
    names = list(COMMANDS)
    for number in range(options.kills):
        name = names[number % len(names)]
        how = rng.choices(list(_ENDED), (6, 2, 2))[0]
        yield _kill(workshop, name, how, rng.random(), warm=rng.random() < 0.6)


def _kill(workshop: Workshop, name: str, how: signal.Signals, share: float, warm: bool) -> Finding:
    start = time.monotonic()
    _, seconds = reference(workshop, name)
    with place(workshop, warm) as here:
        child = here.start(name)
        code = wait_for(child, share * seconds, kill_it=False)
        ended = code is not None
        if not ended:
            code = kill(child, how)
        found: dict[str, str] = {}
        said = here.said(name)
        if not ended and code != _ENDED[how] and code != 0:
            found["tracebacks"] = f"exit code {code}: {said[-300:]}"
        if how != signal.SIGKILL and (left := list((here.folder / "tmp").iterdir())):
            found["files changed"] = f"left in the temporary folder: {left[0].name}"
        found |= dict(judge_repeat(here, name))
    title = f"{name}, {how.name} after {share * seconds:.1f} of {seconds:.1f} s"
    return Finding(title + (", cache empty" * (not warm)), found, time.monotonic() - start)
