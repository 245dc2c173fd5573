"""tlearn against the careful and the tutorial script: whole processes, same pictures, one run.

    python -m tests.benchmarks.speed FOLDER WEIGHTS --size 160 [--scripts careful tutorial]

Every row is a process of its own, imports counted; accuracy is on the same held-out pictures.
"cold" begins with an empty cache, "warm" after another command has filled it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

POLICIES = ("linear_head", "top_stages", "deep", "auto")


def timed(command: list[str], cache: Path) -> tuple[dict[str, Any], float]:
    """The JSON that a command prints, and the seconds its process took."""
    environment = os.environ | {"TLEARN_CACHE": str(cache), "TF_CPP_MIN_LOG_LEVEL": "3"}
    started = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout), time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--seed", default="0", help="of tlearn's split and training")
    parser.add_argument("--scripts", nargs="*", default=["careful"])
    chosen = parser.parse_args()
    size = str(chosen.size)
    print(f"{chosen.folder.name} at {size} pixels\n\n| job | accuracy | seconds |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        cache, run = Path(scratch, "cache"), Path(scratch, "run")
        tlearn = [sys.executable, "-m", "tlearn", "finetune", str(chosen.folder), "--json"]
        tlearn += ["--weights", str(chosen.weights), "--image-size", size]
        tlearn += ["--out", str(run), "--overwrite", "--seed", chosen.seed]
        for policy, store in [("linear_head", "cold"), *((policy, "warm") for policy in POLICIES)]:
            found, seconds = timed([*tlearn, "--policy", policy], cache)
            accuracy = found["test_accuracy"] or found["val_accuracy"]
            name = f"auto ({found['policy']})" if policy == "auto" else policy
            print(f"| tlearn {name}, {store} | {accuracy:.3f} | {seconds:.1f} |", flush=True)
        for script in chosen.scripts:
            plain = [sys.executable, "-m", "tests.benchmarks.plain_keras", str(run / "split.csv")]
            plain += [str(chosen.folder), str(chosen.weights), "--script", script, "--size", size]
            found, seconds = timed(plain, cache)
            print(f"| {script}, frozen | {found['frozen']:.3f} | {found['frozen_seconds']} |")
            print(f"| {script}, tuned | {found['tuned']:.3f} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main()
