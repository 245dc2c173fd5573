"""What do checkpoints and checksums cost a training, and operations that give the same bits?

    python -m benchmarks.training_cost FOLDER [--policy deep] [--epochs 6] [--rounds 3]

Whole processes with stored features, the variants one after the other in each round; medians. The
time in checkpoints and checksums is measured inside, so that other processes hardly disturb it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PROGRAM = """
import json, sys, time
from pathlib import Path
from tlearn import api
from tlearn.storage import row_table
from tlearn.training.checkpoint import Checkpoint

variant, policy, epochs, folder, out = sys.argv[1:]
spent = {"checkpoints": 0.0, "checksums": 0.0}

def timed(name, work):
    def call(*arguments):
        began = time.perf_counter()
        try:
            return work(*arguments)
        finally:
            spent[name] += time.perf_counter() - began
    return call

Checkpoint.save = timed("checkpoints", Checkpoint.save)
row_table.checksum_of = timed("checksums", row_table.checksum_of)
flags = {"policy": policy, "epochs": int(epochs), "backbone": "builtin"}
began = time.perf_counter()
api.finetune(Path(folder), flags=flags | {"deterministic": variant == "deterministic"},
             out=Path(out), overwrite=True)
print(json.dumps(spent | {"seconds": time.perf_counter() - began}))
"""
VARIANTS = ("usual", "deterministic")


def main() -> None:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--policy", default="deep")
    parser.add_argument("--epochs", default="6")
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    runs: dict[str, list[dict[str, Any]]] = {variant: [] for variant in VARIANTS}
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(asked.rounds + 1):  # the first fills the cache
            for variant in VARIANTS:
                line = [sys.executable, "-c", PROGRAM, variant, asked.policy, asked.epochs]
                line += [str(asked.folder), str(Path(scratch, "run"))]
                done = subprocess.run(line, check=True, stdout=subprocess.PIPE)
                runs[variant] += [json.loads(done.stdout.splitlines()[-1])] * (number > 0)
    print("| variant | seconds | in checkpoints | in checksums |\n|---|---|---|---|")
    for variant, rounds in runs.items():
        seconds, *parts = (
            statistics.median(run[key] for run in rounds)
            for key in ("seconds", "checkpoints", "checksums")
        )
        shares = " | ".join(f"{part / seconds:.1%}" for part in parts)
        print(f"| {variant} | {seconds:.1f} | {shares} |")


if __name__ == "__main__":
    main()
