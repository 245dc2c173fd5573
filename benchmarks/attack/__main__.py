"""Run the attack and print one table; the exit code is 1 if anything was found."""

from __future__ import annotations

import argparse
import random
import shlex
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import benchmarks.attack as attack
from benchmarks.attack import full_disk, killer, side_by_side
from benchmarks.attack.case import FOUND, Judge
from benchmarks.attack.generators import (
    artifacts,
    caches,
    environments,
    files,
    images,
    recipes,
    runs,
    tables,
)
from benchmarks.attack.process import load_modules
from benchmarks.attack.workshop import Workshop

TRIALS = {module.KIND: module.trial for module in (killer, side_by_side, full_disk)}
SHARES = {
    images: 28,
    files: 12,
    tables: 8,
    recipes: 12,
    artifacts: 16,
    runs: 12,
    caches: 8,
    environments: 4,
}
"""Of a hundred cases, how many each generator gives."""


def broken_inputs(
    generator: object, count: int, seed: int, workshop: Workshop, cheap: bool
) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield kind, name and findings of each case."""
    rng = random.Random(f"{seed} {generator.KIND}")  # type: ignore[attr-defined]
    judge = Judge(workshop)
    cases = generator.cases(rng, workshop, cheap)  # type: ignore[attr-defined]
    for case in rng.sample([*islice(cases, 10 * count)], count) if cheap else islice(cases, count):
        outcome = judge.run(case)
        yield case.kind, f"{case.name}: tlearn {' '.join(case.line)[:200]!r}", dict(outcome.found)


def print_table(counts: dict[str, Counter[str]]) -> None:
    """Print what was found, a row for each kind."""
    print(f"\n| kind | cases | {' | '.join(FOUND)} |\n|{'---|' * (len(FOUND) + 2)}")
    total: Counter[str] = Counter()
    for kind, count in counts.items():
        total += count
        print(f"| {kind} | {count['cases']} | {' | '.join(str(count[name]) for name in FOUND)} |")
    print(f"| all | {total['cases']} | {' | '.join(str(total[name]) for name in FOUND)} |")


def main() -> None:
    """Parse the command line, run, print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.attack",
        description=attack.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = [generator.KIND for generator in SHARES] + list(TRIALS)
    parser.add_argument("--cases", type=int, default=3000, help="broken inputs in all")
    parser.add_argument("--only", choices=kinds, action="append", help="a kind; repeatable")
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=20, help="of commands side by side")
    parser.add_argument("--disks", type=int, default=90, help="full ones, and limits of files")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cheap", action="store_true", help="only what needs no TensorFlow")
    parser.add_argument("--flags", type=shlex.split, help="choose another backbone")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    load_modules(heavy=not options.cheap)
    workshop = Workshop(options.out.resolve())
    if options.flags:
        workshop = replace(workshop, flags=tuple(options.flags))
    if not options.cheap:
        workshop.build()
    counts: dict[str, Counter[str]] = {}

    def record(kind: str, name: str, found: dict[str, str], seconds: float) -> None:
        counts.setdefault(kind, Counter()).update(["cases", *found])
        with (options.out / "cases.txt").open("a") as log:
            print(f"{seconds:6.2f} s  {kind}: {name}", file=log)
        for column, reason in found.items():
            print(f"{column}: {kind}: {name}\n    {reason}", flush=True)

    shares = {g: n for g, n in SHARES.items() if not options.only or g.KIND in options.only}
    for generator, share in shares.items():
        start = time.monotonic()
        count = max(1, options.cases * share // sum(shares.values()))
        for kind, name, found in broken_inputs(
            generator, count, options.seed, workshop, options.cheap
        ):
            record(kind, name, found, time.monotonic() - start)
            start = time.monotonic()
    for kind, trial in TRIALS.items():
        if not options.only or kind in options.only:
            for finding in trial(workshop, options):
                record(kind, finding.name, finding.found, finding.seconds)
    print_table(counts)
    raise SystemExit(any(count.keys() - {"cases"} for count in counts.values()))


if __name__ == "__main__":
    main()
