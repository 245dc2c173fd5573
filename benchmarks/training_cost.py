"""What do checkpoints, and operations that give the same bits every time, cost a training?

    python -m benchmarks.training_cost FOLDER [--policy deep] [--epochs 6] [--rounds 5]

Whole processes with stored features, the variants one after the other in each round; medians.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAM = """
import sys
from pathlib import Path
from tlearn import api
from tlearn.training.checkpoint import Checkpoint

variant, policy, epochs, folder, out = sys.argv[1:]
if variant == "without checkpoints":
    Checkpoint.save = lambda *_: None
flags = {"policy": policy, "epochs": int(epochs), "backbone": "builtin"}
api.finetune(Path(folder), flags=flags | {"deterministic": variant == "deterministic"},
             out=Path(out), overwrite=True)
"""
VARIANTS = ("without checkpoints", "usual", "deterministic")


def main() -> None:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--policy", default="deep")
    parser.add_argument("--epochs", default="6")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    seconds: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(asked.rounds + 1):  # the first fills the cache
            for variant in VARIANTS:
                line = [sys.executable, "-c", PROGRAM, variant, asked.policy, asked.epochs]
                began = time.perf_counter()
                subprocess.run([*line, str(asked.folder), str(Path(scratch, "run"))], check=True)
                if number:
                    seconds[variant].append(time.perf_counter() - began)
    medians = {variant: statistics.median(times) for variant, times in seconds.items()}
    print("| variant | seconds | against none of it |\n|---|---|---|")
    for variant, median in medians.items():
        print(f"| {variant} | {median:.1f} | {median / medians[VARIANTS[0]] - 1:+.1%} |")


if __name__ == "__main__":
    main()
